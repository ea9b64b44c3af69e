"""Write a change into a customer's record, the desired state: the one way for events and files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from keyward.aws.tables import Registry
from keyward.customers import undo_rotation
from keyward.customers.model import AppliedEvent, KeyRecords, apply_event
from keyward.customers.plans import is_complete
from keyward.customers.removal import Removal
from keyward.customers.rotation import is_repeat, rotation_of
from keyward.customers.stops import with_stop
from keyward.customers.updates import check_removed
from keyward.errors import InvalidRecordError, PassingError
from keyward.events.contracts import CustomerEvent
from keyward.values import JSON, frozen

# Two changes of one customer may be recorded at the same moment: the loser reads again.
ROUNDS = 5


@frozen
class Change:
    """A record before and after; `ignored` counts fields that a newer change had set already.
    `void` says why the events changed nothing: the record was removed."""

    before: JSON | None
    after: JSON | None
    ignored: int = 0
    void: str | None = None

    @property
    def waits(self) -> bool:
        """Whether the events may count yet: the sign-up before them may be on its way."""
        return self.void is not None and not is_complete(self.after)

    @property
    def written(self) -> bool:
        """Whether the record changed."""
        return self.after != self.before


def record(
    registry: Registry,
    customer_id: str,
    events_for: Callable[[JSON | None], Sequence[CustomerEvent]],
    *,
    dry_run: bool = False,
) -> Change:
    """Record events of a customer as one change of its record. `events_for` gets the record as it
    stands, None without one, and gives the events to apply, none to leave it. Idempotent. A dry
    run writes nothing.

    Raises InvalidEventError for events that cannot be applied, and PassingError.
    """
    for _ in range(ROUNDS):
        before = registry.customers.desired(customer_id)
        events = events_for(before)
        records = registry.customers.load_keys(customer_id) if before and events else KeyRecords()
        removal = records.removal if before else registry.customers.removal(customer_id)
        after, ignored, void, back = before, 0, None, removal
        for event in events:
            if removal and removal.voids(event, after):
                if not _stops_removed(registry, removal, event, dry_run):
                    void = removal.answer_to(event)
                continue
            applied = _applied(registry, after, event, records)
            if removal and is_complete(applied.record) and not is_complete(after):
                back = replace(removal, back_at=event.occurred_at)
            after, ignored = applied.record, ignored + len(applied.ignored)
        change = Change(before, after, ignored, void)
        if after is None or not change.written or dry_run:
            return change
        if removal and back and back != removal:
            registry.removals.change(back, removal)
        if registry.customers.save_desired(after, before):
            return change
    raise PassingError(f"the record of {customer_id} keeps changing")


def _is_repeat(registry: Registry, before: JSON | None, event: CustomerEvent) -> bool:
    """Whether the event repeats the last request for a rotation, with another time: a sender that
    got no answer sends it again, and the bus dates it anew."""
    last = (before or {}).get("rotation")
    if event.detail_type != "KeyRotationRequested" or last is None:
        return False
    policy = registry.policies.current(event.recorded_at).policy
    new = rotation_of({**event.fields, "requested_at": event.occurred_at})
    return new is not None and is_repeat(rotation_of(last), new, policy.propagation_seconds)


def _applied(
    registry: Registry, before: JSON | None, event: CustomerEvent, records: KeyRecords
) -> AppliedEvent:
    """The record after the event. What stops keys is written into a record that cannot be read."""
    try:
        if _is_repeat(registry, before, event):
            return AppliedEvent(before or {})
        if event.detail_type == "PlanRemoved":
            policy = registry.policies.current(event.recorded_at).policy
            check_removed(event, before or {}, policy.usage_plans)
        applied = apply_event(before, event, records.dated)
        undo_rotation.check(before, applied.record, records.keys)
    except InvalidRecordError:
        stopped = with_stop(before or {}, event)
        if stopped is None:
            raise
        return AppliedEvent(stopped)
    return applied


def _stops_removed(
    registry: Registry, removal: Removal, event: CustomerEvent, dry_run: bool
) -> bool:
    """Whether the event stops keys of a customer whose record was removed. The removal keeps that,
    for who puts the record back."""
    records = registry.customers.load_keys(removal.customer_id)
    policy = registry.policies.current(event.recorded_at).policy
    stopped = removal.stopped_by(event, records.dated, policy) if records.keys else None
    if stopped and stopped != removal and not dry_run:
        registry.removals.change(stopped, removal)
    return stopped is not None
