"""Removed records of customers, and how many there were in the last hour.

The first are the items `removed` of the Keys table, the count is `removals` in the Leases table."""

from __future__ import annotations

from typing import Any

from keyward.aws.client import Table
from keyward.aws.tables.conditions import in_partition, unchanged
from keyward.aws.tables.due import DUE_INDEX
from keyward.customers.bookkeeping import packed
from keyward.customers.removal import HELD, RECORD, Removal, item_of
from keyward.errors import ConditionNotMetError, WriteConflictError
from keyward.values import JSON

WINDOW = 3600
COUNTER = "removals"
ROUNDS = 5


class Removals:
    """Parts of the Customers, Keys and Leases tables."""

    def __init__(self, customers: Any, keys: Any, leases: Any) -> None:
        self._customers, self._keys, self._leases = Table(customers), Table(keys), Table(leases)

    def save(self, removal: Removal) -> None:
        """Write it, unless a later one is there: records of the stream may come twice."""
        self._keys.try_write(
            "put_item",
            Item=item_of(removal),
            ConditionExpression="attribute_not_exists(#at) OR #at <= :at",
            ExpressionAttributeNames={"#at": "at"},
            ExpressionAttributeValues={":at": removal.at},
        )

    def change(self, after: Removal, before: Removal) -> None:
        """Write it in the place of `before`. Raises WriteConflictError when that is another by now:
        somebody stopped the customer's keys, or answered."""
        try:
            self._keys.put_item(Item=item_of(after), **_as_it_was(before))
        except ConditionNotMetError:
            raise _changed(before) from None

    def forget(self, removal: Removal) -> None:
        """Delete what is kept of it. Raises WriteConflictError when it is another by now."""
        try:
            self._keys.delete_item(Key=_where(removal.customer_id), **_as_it_was(removal))
        except ConditionNotMetError:
            raise _changed(removal) from None

    def count(self, customer_id: str, at: int, most: int) -> bool:
        """Whether this removal is within the `most` of an hour. The same one is counted once.
        Raises WriteConflictError."""
        for _ in range(ROUNDS):
            stored, revision = self._recent()
            recent = {id_: int(t) for id_, t in stored.items() if t > at - WINDOW}
            if customer_id in recent:
                return True
            if len(recent) >= most:
                return False
            if self._save_recent(recent | {customer_id: at}, revision):
                return True
        raise WriteConflictError("the removals of the last hour are being counted")

    def recent(self) -> list[str]:
        """The customers who were suspended by the last removals."""
        return [*self._recent()[0]]

    def clear(self) -> None:
        """Count from the beginning. Idempotent."""
        self._leases.delete_item(Key={"lease": COUNTER})

    def held(self, most: int | None = None) -> dict[str, int]:
        """The customers whose removal waits for an answer, and since when (epoch seconds), the
        oldest first: one query of the index, which may lack what was written within the last
        second."""
        where: JSON = {"IndexName": DUE_INDEX} | in_partition("due", HELD)
        if most is not None:
            items = self._keys.query(**where, Limit=most)["Items"]
        else:
            items = self._keys.pages("query", **where)
        return {str(item["customer_id"]): int(item["due_at"]) for item in items}

    def put_back(self, removal: Removal, record: JSON) -> None:
        """Write a removed record and forget the removal, in one transaction; only the second where
        there is a record by now. Raises WriteConflictError when the removal is another by now."""
        new = {"ConditionExpression": "attribute_not_exists(customer_id)"}
        put = {"TableName": self._customers.name, "Item": packed(record)} | new
        where = {"TableName": self._keys.name, "Key": _where(removal.customer_id)}
        try:
            self._keys.write([{"Put": put}, {"Delete": where | _as_it_was(removal)}])
        except ConditionNotMetError:
            key = {"customer_id": removal.customer_id}
            if "Item" not in self._customers.get_item(Key=key, ConsistentRead=True):
                raise _changed(removal) from None
            self.forget(removal)

    def _recent(self) -> tuple[JSON, int]:
        """By customer, when (epoch seconds); and how often this was written."""
        answer = self._leases.get_item(Key={"lease": COUNTER}, ConsistentRead=True)
        found: JSON = answer.get("Item") or {}
        return found.get("customers", {}), int(found.get("revision", 0))

    def _save_recent(self, recent: JSON, revision: int) -> bool:
        return self._leases.try_write(
            "put_item",
            Item={"lease": COUNTER, "customers": recent, "revision": revision + 1},
            ConditionExpression="attribute_not_exists(lease) OR revision = :before",
            ExpressionAttributeValues={":before": revision},
        )


def _as_it_was(removal: Removal) -> JSON:
    """Write only while the item is that of this removal."""
    return unchanged(item_of(removal), "customer_id", ("at", "due", "stopped", "leak"))


def _changed(removal: Removal) -> WriteConflictError:
    return WriteConflictError(f"the removal of {removal.customer_id} was changed meanwhile")


def _where(customer_id: str) -> JSON:
    return {"customer_id": customer_id, "record": RECORD}
