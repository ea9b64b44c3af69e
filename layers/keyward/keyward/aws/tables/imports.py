"""Customers who are issued their keys together, by ImportApiKeys.

The item `due` of a customer (due.py) is in the partition `new` of the index while the customer
waits for a batch. It is in `imported` from before the call until the key was found in its plan. Its
`asked` says who asked for the key. How far the run is stands in import_progress.py.

A run that imports takes no lease of a customer, so whatever stops a key finds it free. Instead each
write asks, in its transaction, that nobody holds it: a run that takes it later reads the record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from keyward.aws.client import Table
from keyward.aws.tables.conditions import in_partition
from keyward.aws.tables.due import DUE, DUE_INDEX, IMPORTED, NEW
from keyward.aws.tables.import_progress import ImportProgress
from keyward.aws.tables.ledger import Ledger
from keyward.aws.tables.outbox import Outbox, record_name
from keyward.customers.bookkeeping import unpacked
from keyward.customers.key import CREATING, KeyRecord
from keyward.customers.key_item import key_item, key_of
from keyward.errors import ConditionNotMetError, WriteConflictError
from keyward.values import JSON, frozen

MAX_ACTIONS = 100


@frozen
class Member:
    """A customer of a batch, as the tables have it: the desired record, the record of the first
    key, who asked for it. `is_new`: no key was ever made. `is_readable` is False for a record that
    somebody edited by hand."""

    customer_id: str
    desired: JSON | None
    key: KeyRecord | None
    asked: JSON
    is_new: bool
    is_readable: bool = True


@frozen
class Issued:
    """A key that was found in its plan: its record, the one before, and what follows from it."""

    before: KeyRecord
    after: KeyRecord
    events: Sequence[JSON]
    lines: Sequence[JSON]
    due_at: float | None

    def outbox(self) -> dict[str, JSON]:
        """The announcements by the names of their items. A run of the customer's own comes later,
        so its announcements sort behind."""
        place = (f"{0:08d}", str(self.after.attached_at))
        number = str(self.after.number)
        return {record_name(*place, event["detail_type"], number): event for event in self.events}


class Imports(ImportProgress):
    """A part of the Customers, Keys, Leases and Ledger tables. Times are epoch seconds."""

    def __init__(self, customers: Any, keys: Any, leases: Any, ledger: Ledger) -> None:
        self._customers = Table(customers)
        self._keys = Table(keys)
        self._leases = Table(leases)
        self._ledger = ledger
        self._outbox = Outbox(self._keys, "customer_id")

    # who waits

    def wait(self, customer_id: str, asked: JSON, now: float) -> None:
        """Have the customer wait for the next batch. One who is in a batch stays there."""
        self._keys.try_write(
            "update_item",
            Key={"customer_id": customer_id, "record": DUE},
            UpdateExpression="SET due = :new, due_at = :now, asked = :asked",
            ConditionExpression="attribute_not_exists(due) OR due <> :imported",
            ExpressionAttributeValues={
                ":new": NEW,
                ":now": int(now),
                ":asked": asked,
                ":imported": IMPORTED,
            },
        )

    def waiting(self, partition: str, most: int | None = None) -> list[tuple[str, int]]:
        """Customers in the partition, and since when, the longest waiting first. The index is
        eventually consistent; each write asks the item itself."""
        request = in_partition("due", partition)
        found = self._keys.pages("query", most, IndexName=DUE_INDEX, **request)
        return [(str(item["customer_id"]), int(item["due_at"])) for item in found]

    def members(self, customer_ids: Iterable[str]) -> list[Member]:
        """Read the customers' records, consistently."""
        ids = list(customer_ids)
        desired = self._customers.load_many([{"customer_id": name} for name in ids])
        wanted = ("key#1", "tombstone", DUE)
        keys = [{"customer_id": name, "record": record} for name in ids for record in wanted]
        records = {item["customer_id"]: unpacked(item) for item in desired}
        items = {(item["customer_id"], item["record"]): item for item in self._keys.load_many(keys)}
        return [
            _member(name, records.get(name), *(items.get((name, record)) for record in wanted))
            for name in ids
        ]

    # writes of many customers

    def begin(self, records: Iterable[KeyRecord], now: float) -> set[str]:
        """Write down the keys that a batch is to make: the customers for whom that was done. Who
        waits no more, has a key or is held by a run of its own is left out."""
        absent = {"ConditionExpression": "attribute_not_exists(customer_id)"}
        return self._write_each(
            {
                record.customer_id: [
                    {"Put": {"TableName": self._keys.name, "Item": key_item(record)} | absent},
                    self._is_free(record.customer_id, now),
                    self._moved(record.customer_id, NEW, IMPORTED, now),
                ]
                for record in records
            }
        )

    def undo(self, records: Iterable[KeyRecord], now: float) -> set[str]:
        """Forget keys that were surely not made: their customers wait again."""
        return self._write_each(
            {
                record.customer_id: [
                    self._delete(record),
                    self._is_free(record.customer_id, now),
                    self._moved(record.customer_id, IMPORTED, NEW, now),
                ]
                for record in records
            }
        )

    def to_runs(self, customers: Mapping[str, KeyRecord | None], origin: str, now: float) -> None:
        """Leave customers to runs of their own, which start within a minute. The `record` of a key
        in the making says no more that a batch makes it."""
        groups = {}
        for customer_id, record in customers.items():
            groups[customer_id] = [self._moved(customer_id, origin, DUE, now)]
            if record is not None:
                groups[customer_id].append(self._single(record))
        self._write_each(groups)

    def issue(self, keys: Iterable[Issued], now: float) -> set[str]:
        """Write the records of keys that are in their plans, and with each, in one transaction,
        what is to be announced and the ledger's lines: the customers for whom that was done."""
        return self._write_each({key.after.customer_id: self._issued(key, now) for key in keys})

    def settle(self, keys: Iterable[Issued]) -> None:
        """Forget what was announced, then write down when each customer is due next."""
        done = list(keys)
        with self._keys.batch_writer() as batch:
            for key in done:
                for name in key.outbox():
                    batch.delete_item(Key={"customer_id": key.after.customer_id, "record": name})
        self._write_each({key.after.customer_id: [self._due(key)] for key in done})

    def _issued(self, key: Issued, now: float) -> list[JSON]:
        put = {"TableName": self._keys.name, "Item": key_item(key.after)}
        return [
            {"Put": put | _in_batch(key.before)},
            self._is_free(key.after.customer_id, now),
            *self._outbox.puts(key.after.customer_id, key.outbox()),
            *self._ledger.puts(key.lines, key.events, now),
        ]

    def _due(self, key: Issued) -> JSON:
        """When the customer is due, in place of the item that says that its key is imported."""
        where: JSON = {"customer_id": key.after.customer_id, "record": DUE}
        still = {
            "ConditionExpression": "due = :imported",
            "ExpressionAttributeValues": {":imported": IMPORTED},
            "TableName": self._keys.name,
        }
        if key.due_at is None:
            return {"Delete": still | {"Key": where}}
        return {"Put": still | {"Item": where | {"due": DUE, "due_at": int(key.due_at)}}}

    def _is_free(self, customer_id: str, now: float) -> JSON:
        return {
            "ConditionCheck": {
                "TableName": self._leases.name,
                "Key": {"lease": f"customer#{customer_id}"},
                "ConditionExpression": "attribute_not_exists(#owner) OR expires_at <= :now",
                "ExpressionAttributeNames": {"#owner": "owner"},
                "ExpressionAttributeValues": {":now": int(now)},
            }
        }

    def _moved(self, customer_id: str, origin: str, to: str, now: float) -> JSON:
        return {
            "Update": {
                "TableName": self._keys.name,
                "Key": {"customer_id": customer_id, "record": DUE},
                "UpdateExpression": "SET due = :to, due_at = :now",
                "ConditionExpression": "due = :origin",
                "ExpressionAttributeValues": {":to": to, ":origin": origin, ":now": int(now)},
            }
        }

    def _delete(self, record: KeyRecord) -> JSON:
        where = {"customer_id": record.customer_id, "record": f"key#{record.number}"}
        return {"Delete": {"TableName": self._keys.name, "Key": where} | _in_batch(record)}

    def _single(self, record: KeyRecord) -> JSON:
        """A key in the making that no batch makes any more."""
        item = key_item(record.with_journal(batch=None))
        return {"Put": {"TableName": self._keys.name, "Item": item} | _in_batch(record)}

    def _write_each(self, groups: Mapping[str, list[JSON]]) -> set[str]:
        """Write what belongs to each customer, in transactions of many customers: those for whom it
        was written. One whose conditions are not met stops no other."""
        if not groups:
            return set()
        size = MAX_ACTIONS // max(len(items) for items in groups.values())
        named = list(groups.items())
        written: set[str] = set()
        for start in range(0, len(named), size):
            written |= self._write(named[start : start + size])
        return written

    def _write(self, groups: Sequence[tuple[str, list[JSON]]]) -> set[str]:
        try:
            self._keys.write([item for _, items in groups for item in items])
        except (ConditionNotMetError, WriteConflictError):
            half = len(groups) // 2
            return self._write(groups[:half]) | self._write(groups[half:]) if half else set()
        return {customer_id for customer_id, _ in groups}


def _in_batch(record: KeyRecord) -> JSON:
    """That the key is still in the making, in the same batch."""
    return {
        "ConditionExpression": "#state = :creating AND #batch = :batch",
        "ExpressionAttributeNames": {"#state": "state", "#batch": "batch"},
        "ExpressionAttributeValues": {":creating": CREATING, ":batch": record.journal.batch},
    }


def _member(
    customer_id: str,
    desired: JSON | None,
    key: JSON | None,
    tombstone: JSON | None,
    due: JSON | None,
) -> Member:
    found = (due or {}).get("asked")
    asked = dict(found) if isinstance(found, dict) else {}
    is_new = key is None and tombstone is None
    try:
        record = key_of(key) if key else None
    except (KeyError, TypeError, ValueError):
        return Member(customer_id, desired, None, asked, is_new, is_readable=False)
    return Member(customer_id, desired, record, asked, is_new)
