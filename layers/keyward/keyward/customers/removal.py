"""What becomes of a customer whose record was removed from the Customers table. Pure.

The removal is dated by its stream record and kept in the Keys table. It suspends the customer.
Events that occurred before it change nothing any more. Later events change nothing either until the
customer signs up anew or the record is put again; only CustomerClosed counts, and deletes the keys.
While the removal is held the keys work on, so events that stop them count too.
"""

from __future__ import annotations

from typing import Any

from keyward.customers.key import CREATED, CREATING, KeyRecord
from keyward.events.contracts import CustomerEvent
from keyward.values import JSON, frozen

DELETED = "record deleted"
RECORD = "removed"
HELD = "held"
RETURNS = ("CustomerSignedUp", "CustomerClosed")
STOPS = ("CustomerSuspended", "KeyRotationRequested")


@frozen
class Removal:
    """A record was removed `at` (epoch seconds); `cause` is the id of the stream record. One of too
    many in an hour is `held` until a person answers. `record` is the item as it was, `stopped` by
    an event that came since."""

    customer_id: str
    at: int
    cause: str
    held: bool = False
    record: JSON | None = None
    stopped: bool = False

    @classmethod
    def of(cls, item: JSON) -> Removal:
        """From the Keys table."""
        held, stopped = item.get("due") == HELD, item.get("stopped") is True
        name, cause, was = str(item["customer_id"]), str(item["cause"]), item.get("was")
        return cls(name, int(item["at"]), cause, held, was, stopped)

    def in_force(self, record: JSON | None) -> JSON | None:
        """The record that counts: the customer as suspended, or closed by an event that came since.
        None where there is none, as for a held removal."""
        if is_complete(record):
            return record
        found: JSON = {"customer_id": self.customer_id, "plan": "-"}
        if (record or {}).get("status") == "closed":
            why = (record or {}).get("status_reason")
            return found | {"status": "closed", "status_reason": why}
        if self.held and not self.stopped:
            return record
        return found | {"status": "suspended", "status_reason": DELETED}

    def voids(self, event: CustomerEvent, record: JSON | None) -> bool:
        """Whether the event changes nothing."""
        if event.occurred_at < self.at:
            return True
        return not is_complete(record) and event.detail_type not in RETURNS

    def answer_to(self, event: CustomerEvent) -> str | None:
        """What to answer whoever sent an event that changes nothing; None for an event that the
        removal overtook."""
        if event.occurred_at < self.at:
            return None
        return (
            f"customer_id: the record of {event.customer_id} was deleted. "
            "Send CustomerSignedUp, or put the record back"
        )


def works(key: KeyRecord) -> bool:
    """Whether a removal stops the key."""
    return key.state == CREATING or (key.state == CREATED and key.enabled)


def is_complete(record: JSON | None) -> bool:
    """Whether the record says what the customer is to have."""
    found = record or {}
    return ("plan" in found or "plans" in found) and found.get("status") is not None


def item_of(removal: Removal) -> dict[str, Any]:
    """For the Keys table; one that is held stands in the index of what waits."""
    item: dict[str, Any] = {"customer_id": removal.customer_id, "record": RECORD}
    item |= {"at": removal.at, "cause": removal.cause}
    item |= {"was": removal.record} if removal.record else {}
    item |= {"stopped": True} if removal.stopped else {}
    return item | ({"due": HELD, "due_at": removal.at} if removal.held else {})
