"""Write a change into a customer's record, the desired state: the one way for events and files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from keyward.aws.tables import Registry
from keyward.customers import undo_rotation
from keyward.customers.model import KeyRecords, apply_event
from keyward.errors import PassingError
from keyward.events.contracts import CustomerEvent
from keyward.values import JSON

# Two changes of one customer may be recorded at the same moment: the loser reads again.
ROUNDS = 5


@dataclass(frozen=True)
class Change:
    """A record before and after; `ignored` counts fields that a newer change had set already."""

    before: JSON | None
    after: JSON | None
    ignored: int = 0

    @property
    def written(self) -> bool:
        """Whether the record changed."""
        return self.after != self.before


def record(
    registry: Registry,
    customer_id: str,
    events_for: Callable[[JSON | None], Sequence[CustomerEvent]],
) -> Change:
    """Record events of a customer as one change of its record. `events_for` gets the record as it
    stands, None without one, and gives the events to apply, none to leave it. Idempotent.

    Raises InvalidEventError for events that cannot be applied, and PassingError.
    """
    for _ in range(ROUNDS):
        before = registry.customers.desired(customer_id)
        events = events_for(before)
        records = registry.customers.load_keys(customer_id) if before and events else KeyRecords()
        after, ignored = before, 0
        for event in events:
            applied = apply_event(after, event, records.dated)
            undo_rotation.check(after, applied.record, records.keys)
            after, ignored = applied.record, ignored + len(applied.ignored)
        change = Change(before, after, ignored)
        if after is None or not change.written:
            return change
        if registry.customers.save_desired(after, before):
            return change
    raise PassingError(f"the record of {customer_id} keeps changing")
