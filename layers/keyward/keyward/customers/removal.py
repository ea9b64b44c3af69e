"""Decide what the removal of a record from the Customers table does to its customer. Pure.

The removal is dated by its stream record and kept in the Keys table. It suspends the customer.
Events that occurred before it change nothing any more. Later events change nothing either until the
customer signs up anew or the record is put again; they wait for that, as events may overtake each
other. Two count: CustomerClosed deletes the keys, and a leak ends them, whoever brings the record
back. While the removal is held the keys work on, so events that stop them count too: the record as
it was keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from keyward.customers.key import CREATED, CREATING, KeyRecord
from keyward.customers.model import TimedValue, apply_event
from keyward.customers.plans import is_complete
from keyward.customers.rotation import leak_at
from keyward.customers.stops import PLANLESS, STOPS, leak_in, stopping_part, stops_keys
from keyward.customers.updates import updates_from
from keyward.events.contracts import CustomerEvent
from keyward.policy.model import Policy
from keyward.values import JSON, frozen

DELETED = "record deleted"
RECORD = "removed"
HELD = "held"
SUSPENDED = "CustomerSuspended"
RETURNS = ("CustomerSignedUp", "CustomerClosed")
# The sign-up may come after other events of a customer, but not much later.
SIGN_UP_SECONDS = 900


@frozen
class Removal:
    """A record was removed `at` (epoch seconds); `cause` is the id of the stream record. One of too
    many in an hour is `held` until a person answers. `record` is the item as it was, `stopped` by
    an event that came since. `leak` is the last request which said that the keys leaked. `back_at`
    is when the CustomerSignedUp occurred that brought the customer back."""

    customer_id: str
    at: int
    cause: str
    held: bool = False
    record: JSON | None = None
    stopped: bool = False
    leak: JSON | None = None
    back_at: int | None = None

    @classmethod
    def of(cls, item: JSON) -> Removal:
        """From the Keys table."""
        held, stopped = item.get("due") == HELD, item.get("stopped") is True
        name, cause, was = str(item["customer_id"]), str(item["cause"]), item.get("was")
        back_at = int(item["back_at"]) if "back_at" in item else None
        return cls(name, int(item["at"]), cause, held, was, stopped, item.get("leak"), back_at)

    def in_force(self, record: JSON | None) -> JSON | None:
        """The record that counts: the customer as suspended, or closed by an event that came since.
        None where there is none, as for a held removal."""
        if is_complete(record):
            return record
        found = stopping_part(record or {}) or {}
        if found.get("status") == "closed" or (self.held and not self.stopped):
            return found or record
        leak = {"rotation": self.leak} if self.leak else {}
        about = {"customer_id": self.customer_id, "plan": PLANLESS}
        return leak | found | about | {"status": "suspended", "status_reason": DELETED}

    def voids(self, event: CustomerEvent, record: JSON | None) -> bool:
        """Whether the event changes nothing."""
        if is_complete(record) and leak_of(event):
            return False
        if event.occurred_at < self.at:
            return True
        if is_complete(record):
            return event.occurred_at < (self.back_at or self.at)
        return event.detail_type not in RETURNS

    def stopped_by(
        self, event: CustomerEvent, dated: Mapping[str, TimedValue], policy: Policy
    ) -> Removal | None:
        """With what the event stops, None where it stops nothing: a leak always does, and whatever
        does while the removal is held. `dated` as for `apply_event`. Idempotent."""
        leak = leak_of(event)
        if not leak and (event.detail_type not in STOPS or not self.held):
            return None
        is_new = leak and (leak_at(self.leak) or 0) <= int(leak["requested_at"])
        kept = replace(self, leak=leak) if is_new else self
        if not self.held:
            return kept
        if self.record is None:
            return replace(kept, stopped=True) if leak or event.detail_type == SUSPENDED else None
        after = apply_event(self.record, event, dated).record
        if stops_keys(self.record, after, policy, event.recorded_at):
            return replace(kept, record=after, stopped=True)
        return kept if leak or (self.stopped and after == self.record) else None

    def answer_to(self, event: CustomerEvent) -> str | None:
        """What to answer whoever sent an event that changes nothing; None for an event that the
        removal overtook."""
        if event.occurred_at < self.at:
            return None
        gone = f"customer_id: the record of {event.customer_id} was deleted"
        if self.back_at and event.occurred_at < self.back_at:
            return f"{gone} when this occurred, and is back since. Send it again"
        return f"{gone}. Send CustomerSignedUp, or put the record back"


def leak_of(event: CustomerEvent) -> JSON | None:
    """The request of an event which says that the key leaked, None for any other event."""
    values = updates_from(event, {}).get("rotation") if event.detail_type in STOPS else None
    return leak_in(values[1]) if values else None


def works(key: KeyRecord) -> bool:
    """Whether a removal stops the key."""
    return key.state == CREATING or (key.state == CREATED and key.enabled)


def item_of(removal: Removal) -> dict[str, Any]:
    """Write the removal as an item of the Keys table. A held removal is in the index of holds."""
    item: dict[str, Any] = {"customer_id": removal.customer_id, "record": RECORD}
    item |= {"at": removal.at, "cause": removal.cause}
    item |= {"was": removal.record} if removal.record else {}
    item |= {"stopped": True} if removal.stopped else {}
    item |= {"leak": removal.leak} if removal.leak else {}
    item |= {"back_at": removal.back_at} if removal.back_at else {}
    return item | ({"due": HELD, "due_at": removal.at} if removal.held else {})
