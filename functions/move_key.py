"""Move key: out of one usage plan and into another, by two calls that follow each other at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from keyward.aws.gateway import Gateway
from keyward.aws.tables import Registry
from keyward.customers import words as key_words
from keyward.customers.key import KeyRecord
from keyward.errors import KeyGoneError, KeywardError, PassingError, PlanRefusedError
from keyward.policy.model import Policy
from keyward.runs import runtime
from keyward.runs.key_step import Step, attach, detach
from keyward.runs.usage_plans import UsagePlans


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, action: {number, plan}, execution_arn}`; output
    `{key_id, plan, effective_by}`."""
    return move_key(
        event,
        runtime.gateway(),
        runtime.registry(),
        runtime.usage_plans(str(event["execution_arn"])),
        runtime.policy(),
        runtime.now,
    )


def move_key(
    task: dict[str, Any],
    gateway: Gateway,
    registry: Registry,
    plans: UsagePlans,
    policy: Policy,
    clock: Callable[[], float],
) -> dict[str, Any]:
    """Move the key. Idempotent; 2 writes and no read when the plans' ids are known.

    The record names the new plan before the key leaves the old one, so that a run that breaks off
    in between is finished by the next. A plan that refuses the key leaves it in its former plan:
    PlanRefusedError. PlanChanged goes into the outbox with the record of the move. Raises
    KeyGoneError, UnknownPlanError, TryUnderwayError and what the gateway raises.
    """
    step = Step.begin(task, registry, clock)
    record, plan = step.made(), str(task["action"]["plan"])
    effective_by = step.effective_by(policy)
    if record.plan != plan or record.moving_to:
        moved = Move(step, gateway, plans).to(plan, record)
        tell = key_words.plan_changed if record.plan else key_words.issued
        quiet = record.plan == plan or record.replaces is not None
        at, reason = (effective_by, step.execution_arn), task["action"].get("reason")
        told = None if quiet else tell(record, plan, *at, reason)
        step.save(moved, told)
    return {"key_id": record.key_id, "plan": plan, "effective_by": effective_by}


@dataclass(frozen=True)
class Move:
    """One key's way from plan to plan."""

    step: Step
    gateway: Gateway
    plans: UsagePlans

    def to(self, plan: str, record: KeyRecord) -> KeyRecord:
        """Detach, attach: the record as it is to be confirmed."""
        plan_id = self.plans.id_of(plan)
        if record.refused == plan:
            self._still_refused(plan, plan_id, record)
        if record.moving_to not in (None, plan):
            self._leave_half_way(record)
        old = None if record.plan == plan else record.plan
        old_id = self.plans.known_id(old) if old else None
        now = self.step.now
        journal = self.step.save(replace(record, moving_to=plan, tried_at=now, attached_at=now))
        detach(record, old_id, self.gateway)
        try:
            attach(record, plan, plan_id, self.gateway, self.plans)
        except (PassingError, KeyGoneError):
            raise
        except KeywardError as refusal:
            raise self._restored(journal, old_id, refusal) from None
        rotation = max(record.rotation, self.step.rotation)
        return replace(journal, plan=plan, moving_to=None, refused=None, rotation=rotation)

    def _leave_half_way(self, record: KeyRecord) -> None:
        """A move to a third plan broke off: the key may be in that one."""
        self.step.wait_for(record, "move", calls=2)
        detach(record, self.plans.known_id(str(record.moving_to)), self.gateway)

    def _still_refused(self, plan: str, plan_id: str, record: KeyRecord) -> None:
        """A plan that refused the key is asked only when a read cannot tell that it still would:
        each try costs the customer a while without a plan. Raises PlanRefusedError."""
        wanted = {
            ref for seen in self.gateway.plans() if seen.plan_id == plan_id for ref in seen.stages
        }
        blocking = [
            seen.name
            for seen in self.gateway.plans_of(str(record.key_id))
            if seen.name not in (plan, record.plan) and wanted & set(seen.stages)
        ]
        if blocking:
            raise PlanRefusedError(
                f"plan: {plan} cannot take key {record.name}: it is in {', '.join(blocking)}, "
                "which holds the same stage. Detach it there, then send the event again"
            )

    def _restored(
        self, journal: KeyRecord, old_id: str | None, refusal: KeywardError
    ) -> PlanRefusedError:
        """Back into the former plan, and the journal closed."""
        plan = str(journal.moving_to)
        if journal.plan and old_id:
            attach(journal, journal.plan, old_id, self.gateway, self.plans)
        self.step.save(replace(journal, moving_to=None, refused=plan))
        where = f"is in plan {journal.plan} as before" if journal.plan else "is in no plan"
        return PlanRefusedError(
            f"plan: {plan} did not take key {journal.name}, which {where}: {refusal}"
        )
