"""What the functions of reconcile-customer share: the records of an action, and a key's way into
its plan."""

from __future__ import annotations

from dataclasses import field, replace

from keyward.aws.gateway import Gateway, GatewayKey
from keyward.aws.tables.leases import Lease
from keyward.customers.key import DELETED, KeyRecord
from keyward.customers.words import KeyChange, Occasion, events_of
from keyward.errors import (
    InvalidInputError,
    KeyGoneError,
    KeyInOtherPlanError,
    NotFoundError,
    StageConflictError,
)
from keyward.events.contracts import parse_customer_id
from keyward.policy.model import Policy
from keyward.runs.context import Context
from keyward.runs.journal import check_landed
from keyward.runs.ledger import key_line
from keyward.runs.policy.usage_plans import UsagePlans
from keyward.values import IMPORT_READ_SECONDS, JSON, READ_SECONDS, frozen, iso


@frozen
class KeyStep:
    """One action of a run.

    `task` is a function's input. `records` are the keys it is about, by number, as the table has
    them. `policy` is None for an action that calls no API Gateway.
    """

    task: JSON
    run: Context
    lease: Lease
    policy: Policy | None = None
    records: dict[int, KeyRecord] = field(default_factory=dict)

    @classmethod
    def begin(cls, task: JSON, run: Context, policy: Policy | None = None) -> KeyStep:
        """Renew the run's lease. Raises LeaseLostError, InvalidInputError."""
        lease = Lease.of(task)
        run.registry.leases.renew(lease, run.now)
        return cls(task, run, lease, policy)

    @property
    def now(self) -> int:
        """Epoch seconds, whole."""
        return int(self.run.now)

    @property
    def action(self) -> JSON:
        """The action, as it was planned."""
        planned: JSON = self.task["action"]
        return planned

    @property
    def execution_arn(self) -> str:
        """The run."""
        return str(self.task["execution_arn"])

    @property
    def when(self) -> str:
        """Sort key of the run's announcements."""
        # Of fixed width: names of records sort as texts.
        return f"{int(self.run.now * 1000):015d}#{int(self.task.get('place', 0)):03d}"

    @property
    def number(self) -> int:
        """The key's number."""
        return int(self.action["number"])

    @property
    def rotation(self) -> int:
        """The request for a rotation that the action satisfies, 0 for none."""
        return int(self.action.get("rotation", 0))

    def effective_by(self) -> str | None:
        """When what is done now should have reached every host (aws-recorded.md 10)."""
        return iso(self.now + self.policy.propagation_seconds) if self.policy else None

    def find(self, number: int | None = None) -> KeyRecord | None:
        """The record of the action's key, or of another key of the customer; None when it is
        gone."""
        wanted = self.number if number is None else number
        record = self.run.registry.customers.key(parse_customer_id(self.task), wanted)
        if record:
            self.records[record.number] = record
        return record

    def created_record(self) -> KeyRecord:
        """The record of a key that was created. Raises InvalidInputError without one."""
        record = self.find()
        if record is None or record.key_id is None:
            raise InvalidInputError(
                "action.number", "must name a key that was created", "Plan the customer anew"
            )
        return record

    def save(self, *records: KeyRecord, **facts: JSON) -> None:
        """Write the records, fenced, in one transaction with what follows from the change: events
        and lines of the ledger. `facts` are members of events that no record holds."""
        changes = [KeyChange(self.records.get(record.number), record) for record in records]
        events, lines = self._consequences(changes, facts)
        self.run.registry.customers.save_keys(records, self.lease, events, self.when, lines)
        self.records.update({record.number: record for record in records})

    def bury(self, record: KeyRecord) -> None:
        """Replace the record of a deleted key by the customer's tombstone, as `save` does."""
        customers = self.run.registry.customers
        # Keys go in any order, and the tombstone keeps the highest number.
        last = max(record.number, customers.last_number(record.customer_id))
        deleted = replace(record, state=DELETED)
        events, lines = self._consequences([KeyChange(self.records.get(record.number), deleted)])
        at = self.now
        customers.save_tombstone(record, last, self.lease, at, events, self.when, *lines[:1])

    def journal_plan(self, record: KeyRecord, plan: str, leaving: str | None = None) -> KeyRecord:
        """Write down that the key is about to join a plan, and to leave another. The attachment is
        dated before the call, because it takes effect some time after."""
        out = {"leaving": leaving} if leaving else {}
        journal = record.with_journal(plan=plan, started_at=self.now, **out)
        journal = replace(journal, attached_at=self.now)
        self.save(journal)
        return journal

    def made_before(self, record: KeyRecord) -> list[GatewayKey]:
        """List the keys that earlier tries made for the record, oldest first. A key of this name in
        a plan of another stack is that stack's: 1 call for each key that is found."""
        gateway, stack = self.run.gateway, self.run.stack
        since = record.journal.started_at
        return [
            key
            for key in gateway.keys_named(record.customer_id, record.name, since)
            if not any(plan.is_foreign(stack) for plan in gateway.plans_of(key.key_id))
        ]

    def check_landed(self, record: KeyRecord, what: str, calls: int = 1) -> None:
        """Raise TryUnderwayError while an earlier try on the key may still take effect."""
        began, seconds, batch = record.journal.started_at, READ_SECONDS, record.journal.batch
        if batch:
            began, seconds = self.run.registry.imports.state().of(batch), IMPORT_READ_SECONDS
        check_landed(began, self.run.now, f"{what} {record.name}", calls, seconds)

    def _consequences(
        self, changes: list[KeyChange], facts: dict[str, JSON] | None = None
    ) -> tuple[list[JSON], list[JSON]]:
        now, by = self.run.now, self.effective_by()
        why, asked = self.action.get("reason"), self.action.get("asked")
        occasion = Occasion(self.execution_arn, now, by, why, asked, facts or {})
        granted = (facts or {}).get("QuotaExtended")
        lines = [key_line(self.task, c.before, c.after, now, granted=granted) for c in changes]
        events = events_of(changes, occasion)
        if self.policy and events:
            events = self.run.opens(self.policy).add_to(events)
        return events, [line for line in lines if line]


def gone(key: KeyRecord) -> KeyGoneError:
    """The error for a key that somebody deleted on the gateway."""
    return KeyGoneError(
        f"key {key.key_id} ({key.name}) is no longer on API Gateway. "
        "Delete its record in the Keys table to have a new one made"
    )


def placed(journal: KeyRecord, plan: str, rotation: int, left: str | None = None) -> KeyRecord:
    """The record of a key that is in the plan now, in place of a plan that it `left`. It satisfies
    the request `rotation` too."""
    succession = replace(journal.succession, rotation=max(journal.succession.rotation, rotation))
    plans = dict.fromkeys(plan if one == left else one for one in (*journal.plans, plan))
    there = replace(journal, plans=(*plans,), succession=succession)
    begun = journal.journal
    return there.with_journal(
        plan=None,
        leaving=None if begun.leaving in (plan, left) else begun.leaving,
        refused=None if begun.refused == plan else begun.refused,
        awaited=tuple(one for one in begun.awaited if one not in (plan, left)),
    )


def removed(record: KeyRecord, plan: str, rotation: int = 0) -> KeyRecord:
    """The record of a key that has left the plan. It satisfies the request `rotation` too."""
    succession = replace(record.succession, rotation=max(record.succession.rotation, rotation))
    plans, begun = tuple(one for one in record.plans if one != plan), record.journal
    return replace(record, plans=plans, succession=succession).with_journal(
        plan=None if begun.plan == plan else begun.plan,
        leaving=None if begun.leaving == plan else begun.leaving,
        refused=None if begun.refused == plan else begun.refused,
        awaited=tuple(one for one in begun.awaited if one != plan),
    )


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
    """Take the key out of the plan. It may be out already, and the plan may be gone."""
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
