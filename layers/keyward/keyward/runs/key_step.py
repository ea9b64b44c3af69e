"""What the functions of reconcile-customer have in common: the record that an action is about, and
a key's way into its plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from keyward.aws.gateway import Gateway
from keyward.aws.gateway.calls import TRY_SECONDS
from keyward.aws.tables import Lease, Registry
from keyward.customers.key import KeyRecord
from keyward.errors import (
    InvalidInputError,
    KeyGoneError,
    KeyInOtherPlanError,
    NotFoundError,
    StageConflictError,
    TryUnderwayError,
)
from keyward.events.contracts import iso, parse_customer_id
from keyward.policy.model import Policy
from keyward.runs.ledger import key_line
from keyward.runs.usage_plans import UsagePlans

JSON = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One action of a run: `task` is a function's input, `clock` gives epoch seconds; `seen` are
    the keys that it is about, by their numbers, as they were when the step began."""

    task: JSON
    registry: Registry
    clock: Callable[[], float]
    lease: Lease
    seen: dict[int, KeyRecord] = field(default_factory=dict)

    @classmethod
    def begin(cls, task: JSON, registry: Registry, clock: Callable[[], float]) -> Step:
        """Renew the run's lease. Raises LeaseLostError, InvalidInputError."""
        lease = Lease.of(task)
        registry.leases.renew(lease, clock())
        return cls(task, registry, clock, lease)

    @property
    def now(self) -> int:
        """Epoch seconds, whole."""
        return int(self.clock())

    def effective_by(self, policy: Policy) -> str:
        """When what is done now should have reached every host (aws-recorded.md 10)."""
        return iso(self.now + policy.propagation_seconds)

    @property
    def execution_arn(self) -> str:
        """The run."""
        return str(self.task["execution_arn"])

    @property
    def when(self) -> str:
        """Sorts what the actions of a run announce."""
        return f"{int(self.clock() * 1000):015d}#{int(self.task.get('place', 0)):03d}"

    @property
    def number(self) -> int:
        """The key's number."""
        return int(self.task["action"]["number"])

    def found(self) -> KeyRecord | None:
        """The record of the action's key, None when it is gone."""
        return self.numbered(self.number)

    def numbered(self, number: int) -> KeyRecord | None:
        """The record of one of the customer's keys, None when it is gone."""
        record = self.registry.customers.key(parse_customer_id(self.task), number)
        if record:
            self.seen.setdefault(record.number, record)
        return record

    def made(self) -> KeyRecord:
        """The record of a key that was created. Raises InvalidInputError without one."""
        record = self.found()
        if record is None or record.key_id is None:
            raise InvalidInputError(
                "action.number", "names no key that was created", "Plan the customer anew"
            )
        return record

    @property
    def rotation(self) -> int:
        """The request for a rotation that the action satisfies, 0 for none."""
        return int(self.task["action"].get("rotation", 0))

    def save(self, record: KeyRecord, *announced: JSON | None) -> KeyRecord:
        """Write the record, fenced, with what is to be announced."""
        self.save_all([record], *announced)
        return record

    def save_all(self, records: Sequence[KeyRecord], *announced: JSON | None) -> None:
        """Write the records in one transaction, fenced, with what is to be announced; what was done
        with a key is told in the ledger, what is about to be done (a journal) is not."""
        told = [event for event in announced if event]
        lines = [line for record in records if record.settled and (line := self.line(record))]
        self.registry.customers.save_keys(records, self.lease, told, self.when, lines)

    def line(self, record: KeyRecord) -> JSON | None:
        """The line of the ledger for a key that is so now, None when nothing of it changed."""
        return key_line(self.task, self.seen.get(record.number), record, self.clock())

    def wait_for(self, record: KeyRecord, what: str, calls: int = 1) -> None:
        """Raises TryUnderwayError while the last of an earlier try's `calls`, which nobody
        answered, may still undo what is about to be done."""
        if self.now < record.tried_at + calls * TRY_SECONDS:
            raise TryUnderwayError(f"an earlier try to {what} {record.name} may be under way")


def gone(key: KeyRecord) -> KeyGoneError:
    """The error for a key that somebody deleted on the gateway."""
    return KeyGoneError(
        f"key {key.key_id} ({key.name}) is no longer on API Gateway. "
        "Delete its record in the Keys table to have a new one made"
    )


def switch(step: Step, enabled: bool, gateway: Gateway) -> KeyRecord | None:
    """Enable or disable the action's key: its record as it was to be confirmed, None when that is
    done already. One write.

    The record says so before the call: one that nobody answered may have had an effect, and a later
    run has to know it. Raises KeyGoneError, TryUnderwayError and what the gateway raises.
    """
    record = step.made()
    if record.enabled == enabled and record.switching is None:
        return None
    if record.switching not in (None, enabled):
        step.wait_for(record, "enable or disable")
    step.save(replace(record, switching=enabled, tried_at=step.now))
    try:
        gateway.set_enabled(str(record.key_id), enabled)
    except NotFoundError:
        raise gone(record) from None
    return replace(record, enabled=enabled, switching=None, tried_at=step.now)


def attach(key: KeyRecord, plan: str, plan_id: str, gateway: Gateway, plans: UsagePlans) -> None:
    """Put the key into the plan of that name and id. A key that is in it already counts as
    attached. Raises KeyInOtherPlanError, KeyGoneError and what the gateway raises."""
    try:
        _attach(str(key.key_id), plan_id, gateway)
    except NotFoundError:
        # One code for two things: a key that is gone is told apart by looking for the plan.
        again = plans.refresh_plan_id(plan)
        if again == plan_id:
            raise gone(key) from None
        _attach(str(key.key_id), again, gateway)


def detach(key: KeyRecord, plan_id: str | None, gateway: Gateway) -> None:
    """Take the key out of the plan; one that is not in it, or a plan that is gone, is fine."""
    if plan_id is None:
        return
    try:
        gateway.detach_key(plan_id, str(key.key_id))
    except NotFoundError:
        return


def _attach(key_id: str, plan_id: str, gateway: Gateway) -> None:
    """Attaching twice answers as a true conflict does (aws-recorded.md 4): read, then decide."""
    try:
        gateway.attach_key(plan_id, key_id)
    except StageConflictError:
        found = [plan.plan_id for plan in gateway.plans_of(key_id)]
        if plan_id not in found:
            raise KeyInOtherPlanError(
                f"key {key_id} cannot join plan {plan_id}: it is in {', '.join(found)}, "
                "which holds the same stage. Detach it there, then send the event again"
            ) from None
