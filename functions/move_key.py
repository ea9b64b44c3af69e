"""Move key: out of one usage plan and into another, by two calls that follow each other at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keyward.aws.gateway import Gateway
from keyward.customers.key import KeyRecord
from keyward.errors import KeyGoneError, KeywardError, PassingError, PlanRefusedError
from keyward.runs import runtime
from keyward.runs.context import Context
from keyward.runs.key_step import KeyStep, attach, detach, placed
from keyward.runs.usage_plans import UsagePlans
from keyward.values import JSON


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, action: {number, plan}, execution_arn}`; output
    `{key_id, plan, effective_by}`."""
    return move_key(event, runtime.context())


def move_key(task: JSON, run: Context) -> JSON:
    """Move the key. Idempotent; 2 writes and no read when the plans' ids are known.

    The record names the new plan before the key leaves the old one, so that a run that breaks off
    in between is finished by the next. A plan that refuses the key leaves it in its former plan:
    PlanRefusedError. Raises KeyGoneError, UnknownPlanError, TryUnderwayError and what the gateway
    raises.
    """
    step = KeyStep.begin(task, run, run.policy)
    record, plan = step.created_record(), str(step.action["plan"])
    if record.plan != plan or record.journal.plan:
        step.save(
            Move(step, run.gateway, run.plans(step.execution_arn, step.action.get("asked"))).to(
                plan, record
            )
        )
    return {"key_id": record.key_id, "plan": plan, "effective_by": step.effective_by()}


@dataclass(frozen=True)
class Move:
    """One key's way from plan to plan."""

    step: KeyStep
    gateway: Gateway
    plans: UsagePlans

    def to(self, plan: str, record: KeyRecord) -> KeyRecord:
        """Detach, attach: the record as it is to be confirmed."""
        plan_id = self.plans.plan_id(plan)
        if record.journal.refused == plan:
            self._still_refused(plan, plan_id, record)
        if record.journal.plan not in (None, plan):
            self._leave_half_way(record)
        old = None if record.plan == plan else record.plan
        old_id = self.plans.stored_id(old) if old else None
        journal = self.step.journal_plan(record, plan)
        detach(record, old_id, self.gateway)
        try:
            attach(record, plan, plan_id, self.gateway, self.plans)
        # No plan has refused the key: the next run finishes what the journal says.
        except (PassingError, KeyGoneError):
            raise
        except KeywardError as refusal:
            raise self._restored(journal, plan_id, old_id, refusal) from None
        return placed(journal, plan, self.step.rotation)

    def _leave_half_way(self, record: KeyRecord) -> None:
        """A move to a third plan broke off: the key may be in that one."""
        self.step.check_landed(record, "move", calls=2)
        detach(record, self.plans.stored_id(str(record.journal.plan)), self.gateway)

    def _still_refused(self, plan: str, plan_id: str, record: KeyRecord) -> None:
        """Raise PlanRefusedError where a read shows that the plan would refuse the key again: each
        try costs the customer a while without a plan."""
        wanted = {
            stage
            for found in self.gateway.plans()
            if found.plan_id == plan_id
            for stage in found.stages
        }
        blocking = [
            found.name
            for found in self.gateway.plans_of(str(record.key_id))
            if found.name not in (plan, record.plan) and wanted & set(found.stages)
        ]
        if blocking:
            raise PlanRefusedError(
                f"plan: {plan} cannot take key {record.name}: it is in {', '.join(blocking)}, "
                "which holds the same stage. Detach it there, then send the event again"
            )

    def _restored(
        self, journal: KeyRecord, plan_id: str, old_id: str | None, refusal: KeywardError
    ) -> PlanRefusedError:
        """Back into the former plan, and the journal closed."""
        plan = str(journal.journal.plan)
        if journal.plan and old_id:
            attach(journal, journal.plan, old_id, self.gateway, self.plans)
        self.step.save(journal.with_journal(plan=None, refused=plan))
        if journal.plan == plan:
            # Somebody took it out of its plan: in the words of later tries, so it is told once.
            self._still_refused(plan, plan_id, journal)
        where = f"is in plan {journal.plan} as before" if journal.plan else "is in no plan"
        return PlanRefusedError(
            f"plan: {plan} did not take key {journal.name}, which {where}: {refusal}"
        )
