"""When something becomes of a customer by itself: the item `due` of the Keys table, which is the
one item of a customer in the sparse index `due-index`."""

from __future__ import annotations

from contextlib import suppress

from keyward.aws.client import Table
from keyward.aws.tables.conditions import in_range
from keyward.aws.tables.leases import Lease, fenced
from keyward.errors import ConditionNotMetError
from keyward.values import JSON

DUE = "due"
DUE_INDEX = "due-index"


class DueItems:
    """A part of the Keys table."""

    _keys: Table

    def note_due(self, customer_id: str, at: float | None, lease: Lease) -> bool:
        """Remember when (epoch seconds) something becomes of the customer by itself, None for
        never. False when a later run has written it."""
        where: JSON = {"customer_id": customer_id, "record": DUE}
        held = fenced(lease)
        if at is None:
            change: JSON = {"Delete": {"TableName": self._keys.name, "Key": where} | held}
        else:
            item = where | {"due": DUE, "due_at": int(at), "fence": lease.token}
            change = {"Put": {"TableName": self._keys.name, "Item": item} | held}
        try:
            self._keys.write([change])
        except ConditionNotMetError:
            return False
        return True

    def hasten_due(self, customer_id: str, at: float, now: float) -> None:
        """Have the customer looked at `at` (epoch seconds) at the latest, whatever else is due. A
        time that is over counts for nothing: it is why the run began."""
        with suppress(ConditionNotMetError):
            self._keys.update_item(
                Key={"customer_id": customer_id, "record": DUE},
                UpdateExpression="SET due = :due, due_at = :at",
                ConditionExpression="attribute_not_exists(due_at) "
                "OR due_at > :at OR due_at <= :now",
                ExpressionAttributeValues={":due": DUE, ":at": int(at), ":now": int(now)},
            )

    def due(self, now: float) -> list[tuple[str, int]]:
        """All customers for whom something is due, and since when (epoch seconds), the longest
        waiting first: one query of the index."""
        items = self._keys.pages(
            "query",
            IndexName=DUE_INDEX,
            **in_range("due", DUE, "due_at", "#range <= :operand", int(now)),
        )
        return [(str(item["customer_id"]), int(item["due_at"])) for item in items]

    def postpone_due(self, customer_id: str, at: int, until: float) -> None:
        """Have what is due `at` looked at again later, unless a run has written it meanwhile."""
        with suppress(ConditionNotMetError):
            self._keys.update_item(
                Key={"customer_id": customer_id, "record": DUE},
                UpdateExpression="SET due_at = :until",
                ConditionExpression="due_at = :at",
                ExpressionAttributeValues={":until": int(until), ":at": at},
            )
