"""Move key: out of one usage plan and into another, by two calls that follow each other at once; or
only out of one."""

from __future__ import annotations

from typing import Any

from keyward.aws.gateway import Gateway
from keyward.customers.key import KeyRecord
from keyward.errors import (
    KeyGoneError,
    KeyInOtherPlanError,
    KeywardError,
    PassingError,
    PlanRefusedError,
)
from keyward.runs import runtime
from keyward.runs.context import Context
from keyward.runs.keys import quotas
from keyward.runs.keys.step import KeyStep, attach, detach, placed, removed
from keyward.runs.owners import under_known_names
from keyward.runs.policy.usage_plans import UsagePlans
from keyward.values import JSON, frozen


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, action: {action, number, plan, from?}, execution_arn}`;
    output `{key_id, plan, effective_by}`."""
    return move_key(event, runtime.context())


def move_key(task: JSON, run: Context) -> JSON:
    """Move the key into `plan`, from the plan `from`; or, for `detach_key`, take it out of `plan`.
    Idempotent. A move is 2 writes and no read when the plans' ids are known. Between two plans with
    a quota it takes GetUsage, too, and UpdateUsage where something was used.

    The record names both plans before the key leaves one, so the next run finishes what breaks off
    in between. A plan that refuses the key leaves it in its former plan. Where another plan of the
    key holds the same stage, that is written down, and Conclude customer reports it: it stops no
    other action. Else, and for a key that is left without a plan: PlanRefusedError. Raises
    KeyGoneError, UnknownPlanError, TryUnderwayError and what the gateway raises.
    """
    step = KeyStep.begin(task, run, run.policy)
    record, plan = step.created_record(), str(step.action["plan"])
    move = Move(step, run.gateway, run.plans(step.execution_arn, step.action.get("asked")))
    if step.action["action"] == "detach_key":
        move.out_of(plan, record)
    elif plan not in record.plans or record.journal.plan or record.journal.leaving:
        move.to(plan, record, step.action.get("from"))
    return {"key_id": record.key_id, "plan": plan, "effective_by": step.effective_by()}


@frozen
class Move:
    """One key's way from plan to plan."""

    step: KeyStep
    gateway: Gateway
    plans: UsagePlans

    def out_of(self, plan: str, record: KeyRecord) -> None:
        """Detach: the record is confirmed."""
        begun = record.journal
        if plan not in (*record.plans, begun.plan, begun.leaving, *begun.awaited):
            return
        if begun.plan == plan:
            self.step.check_landed(record, "attach")
        leaving = plan if plan in record.plans else begun.leaving
        journal = record.with_journal(leaving=leaving, started_at=self.step.now)
        if leaving == plan and begun.leaving is None:
            journal = quotas.noted(self.step, journal, plan)
        self.step.save(journal)
        detach(journal, self.plans.stored_id(plan), self.gateway)
        self.step.save(removed(journal, plan, self.step.rotation))

    def to(self, plan: str, record: KeyRecord, old: str | None) -> None:
        """Detach, attach: the record is confirmed."""
        plan_id = self.plans.plan_id(plan)
        was_refused = record.journal.refused == plan
        if was_refused and self._still_refused(plan, plan_id, record, old):
            return
        if record.journal.plan not in (None, plan):
            self._leave_half_way(record)
            record = removed(record, str(record.journal.plan))
        old = None if old == plan else old
        old_id = self.plans.stored_id(old) if old else None
        # Of a plan that the key only might have joined, the record never said that it is in it.
        leaving = old if old in record.plans else None
        if leaving and record.journal.plan is None:
            # Before the key leaves its plan, as nobody can read it after that.
            record = quotas.noted(self.step, record, leaving, plan)
        journal = self.step.journal_plan(record, plan, leaving)
        detach(record, old_id, self.gateway)
        try:
            attach(record, plan, plan_id, self.gateway, self.plans)
        # No plan has refused the key: the next run finishes what the journal says.
        except (PassingError, KeyGoneError):
            raise
        except KeywardError as refusal:
            self._restore(journal, plan_id, old_id, refusal)
            return
        quotas.carry(self.step, journal, plan)
        self.step.save(placed(journal, plan, self.step.rotation, old))

    def _leave_half_way(self, record: KeyRecord) -> None:
        """A move to a third plan broke off: the key may be in that one."""
        self.step.check_landed(record, "move", calls=2)
        detach(record, self.plans.stored_id(str(record.journal.plan)), self.gateway)

    def _still_refused(self, plan: str, plan_id: str, record: KeyRecord, old: str | None) -> bool:
        """Whether a read shows that the plan would refuse the key again: each try costs the
        customer a while without a plan. Raises PlanRefusedError where that leaves it without."""
        wanted = {
            stage
            for found in self.gateway.plans()
            if found.plan_id == plan_id
            for stage in found.stages
        }
        names, known = {plan, old}, self.step.run.registry.plans
        blocking = [
            found.name
            for found in under_known_names(self.gateway.plans_of(str(record.key_id)), names, known)
            if found.name not in (plan, old) and wanted & set(found.stages)
        ]
        if blocking and not _is_elsewhere(record, plan):
            raise PlanRefusedError(
                f"plan: {plan} cannot take key {record.name}: it is in {', '.join(blocking)}, "
                "which holds the same stage. Detach it there, then send the event again"
            )
        return bool(blocking)

    def _restore(
        self, journal: KeyRecord, plan_id: str, old_id: str | None, refusal: KeywardError
    ) -> None:
        """Back into the former plan, and the journal closed."""
        plan, old = str(journal.journal.plan), journal.journal.leaving
        was_lost = old == plan
        if old and old_id and not was_lost:
            attach(journal, old, old_id, self.gateway, self.plans)
            quotas.carry(self.step, journal, old)
        self.step.save(journal.with_journal(plan=None, leaving=None, refused=plan))
        if isinstance(refusal, KeyInOtherPlanError) and _is_elsewhere(journal, plan):
            return
        if was_lost:
            # Somebody took it out of its plan: in the words of later tries, so it is told once.
            self._still_refused(plan, plan_id, journal, None)
        where = f"is in plan {old} as before" if old else "is in no plan"
        raise PlanRefusedError(
            f"plan: {plan} did not take key {journal.name}, which {where}: {refusal}"
        ) from None


def _is_elsewhere(record: KeyRecord, plan: str) -> bool:
    """Whether the key keeps another plan than the one that refused it."""
    return bool(record.plans) and plan not in record.plans
