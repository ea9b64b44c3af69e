"""Who is looked at next, in order of time: the sparse index `due-index` of the Keys table.

Its partitions: `due`, when a customer is due for a run; `new` and `imported`, who waits for a batch
and whose key is imported (imports.py). All three are the item `due`. `room`: who waits for room for
a key (the item `room`). `grace`: the disabled keys that wait for their deletion (key_item.py).
"""

from __future__ import annotations

from keyward.aws.client import Table
from keyward.aws.tables.conditions import in_partition, in_range
from keyward.aws.tables.leases import Lease, fenced
from keyward.customers.key_item import GRACE
from keyward.values import JSON

DUE, NEW, IMPORTED, ROOM = "due", "new", "imported", "room"
DUE_INDEX = "due-index"
MAX_OF_A_PART = 100


class DueItems:
    """A part of the Keys table."""

    _keys: Table

    def note_due(self, customer_id: str, at: float | None, lease: Lease) -> bool:
        """Write down when (epoch seconds) the customer is due for a run, None for never. False when
        a later run has written it."""
        where: JSON = {"customer_id": customer_id, "record": DUE}
        held = fenced(lease)
        if at is None:
            change: JSON = {"Delete": {"TableName": self._keys.name, "Key": where} | held}
        else:
            item = where | {"due": DUE, "due_at": int(at), "fence": lease.token}
            change = {"Put": {"TableName": self._keys.name, "Item": item} | held}
        return self._keys.try_write("write", items=[change])

    def note_imported(self, customer_id: str, now: float) -> None:
        """Leave the customer among those whose key is imported (imports.py)."""
        self._keys.update_item(
            Key={"customer_id": customer_id, "record": DUE},
            UpdateExpression="SET due = :imported, due_at = if_not_exists(due_at, :now)",
            ExpressionAttributeValues={":imported": IMPORTED, ":now": int(now)},
        )

    def hasten_due(self, customer_id: str, at: float, now: float) -> None:
        """Have the customer looked at by `at` (epoch seconds), whatever else is due. A due time
        that has passed, or that due work has begun with, does not count."""
        self._keys.try_write(
            "update_item",
            Key={"customer_id": customer_id, "record": DUE},
            UpdateExpression="SET due = :due, due_at = :at REMOVE begun",
            ConditionExpression="attribute_not_exists(due_at) "
            "OR due_at > :at OR due_at <= :now OR attribute_exists(begun)",
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
        """Note that due work began with what is due `at`; it is looked at again later unless a run
        writes another time."""
        self._keys.try_write(
            "update_item",
            Key={"customer_id": customer_id, "record": DUE},
            UpdateExpression="SET due_at = :until, begun = :at",
            ConditionExpression="due_at = :at",
            ExpressionAttributeValues={":until": int(until), ":at": at},
        )

    def postpone_if_due(self, customer_id: str, at: float) -> None:
        """Move a customer's due time back; a customer without one stays without."""
        self._keys.try_write(
            "update_item",
            Key={"customer_id": customer_id, "record": DUE},
            UpdateExpression="SET due_at = :at REMOVE begun",
            ConditionExpression="attribute_exists(due_at)",
            ExpressionAttributeValues={":at": int(at)},
        )

    def wait_for_room(self, customer_id: str, now: float) -> None:
        """Note that the customer waits for room for a key, in the order in which they came. Who is
        called and finds none has the old place again."""
        self._keys.update_item(
            Key={"customer_id": customer_id, "record": ROOM},
            UpdateExpression="SET due = :room, due_at = if_not_exists(since, :now), "
            "since = if_not_exists(since, :now)",
            ExpressionAttributeValues={":room": ROOM, ":now": int(now)},
        )

    def call_for_room(self, most: int) -> list[str]:
        """Call those who wait longest for room, at most so many, each once."""
        called: list[str] = []
        for item in self._first(ROOM):
            if len(called) == most:
                break
            if self._keys.try_write(
                "update_item",
                Key={"customer_id": item["customer_id"], "record": ROOM},
                UpdateExpression="REMOVE due, due_at",
                ConditionExpression="attribute_exists(due_at)",
            ):
                called.append(str(item["customer_id"]))
        return called

    def has_room(self, customer_id: str) -> None:
        """Note that the customer waits for room no more. Idempotent."""
        self._keys.delete_item(Key={"customer_id": customer_id, "record": ROOM})

    def end_a_grace(self, now: float, reason: str) -> str | None:
        """Have the key that is longest in its grace deleted now. Returns its customer, None without
        one. A run that writes the key's record at this moment keeps the grace as it was."""
        for item in self._first(GRACE):
            if self._keys.try_write(
                "update_item",
                Key={"customer_id": item["customer_id"], "record": item["record"]},
                UpdateExpression="SET delete_at = :now, reason = :reason REMOVE due, due_at",
                ConditionExpression="attribute_exists(due_at)",
                ExpressionAttributeValues={":now": int(now), ":reason": reason},
            ):
                return str(item["customer_id"])
        return None

    def _first(self, part: str) -> list[JSON]:
        """A page of a part of the index, the oldest first."""
        answer = self._keys.query(
            IndexName=DUE_INDEX, **in_partition("due", part), Limit=MAX_OF_A_PART
        )
        items: list[JSON] = answer["Items"]
        return items
