"""The Customers table (desired state) and the Keys table (key records, dates, what is to be
announced).

Keys table, by customer: `customer` holds the dates of fields that were put by hand; `key#<n>` a key
record; `usage#<n>` what it used; `tombstone` the last key that was deleted; `adopted#<id>` a key
that was deleted and had been adopted; `told` the notices that were given; the outbox (outbox.py);
`due` the time at which the customer needs a run, and `room` that it waits until the account has
room for its key (due.py); `removed` that somebody removed its record (removals.py); `storm` when
others changed its keys (storms.py). No item ever holds a key value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from keyward.aws.client import Table
from keyward.aws.tables.conditions import in_partition, unchanged
from keyward.aws.tables.due import DUE, ROOM, DueItems
from keyward.aws.tables.leases import Lease, fenced
from keyward.aws.tables.ledger import Ledger
from keyward.aws.tables.outbox import Outbox, record_name, waiting
from keyward.aws.tables.storm_items import STORM, storm_of
from keyward.customers.bookkeeping import KEYWARD, MEMBERS, as_stored, packed, unpacked
from keyward.customers.key import KeyRecord
from keyward.customers.key_item import deleted_key_of, key_item, key_of
from keyward.customers.model import DATED_FIELDS, KeyRecords, TimedValue
from keyward.customers.plans import PLANS
from keyward.customers.usage import RECORD as USAGE
from keyward.customers.usage import usage_of
from keyward.errors import ConditionNotMetError, LeaseLostError
from keyward.values import JSON, frozen, stated

if TYPE_CHECKING:
    from keyward.customers.removal import Removal

KEY_INDEX, FINGERPRINT_INDEX = "key-index", "fingerprint-index"
TOMBSTONE = "tombstone"
TOLD = "told"
ADOPTED = "adopted#"
REMOVED = "removed"
# What makes a record another one: the dated fields, and their dates.
COMPARED = tuple(dict.fromkeys((*DATED_FIELDS, PLANS, *MEMBERS, KEYWARD)))


@frozen
class AccountRecords:
    """The records of all customers: `desired` as the Customers table has them, `keys` by customer,
    and why those of a customer are `unreadable`."""

    desired: list[JSON]
    keys: dict[str, KeyRecords]
    unreadable: dict[str, Exception]


class Customers(DueItems):
    """Both tables. Reads are consistent; writes of key records are fenced by the lease's token."""

    def __init__(self, customers: Any, keys: Any, ledger: Ledger) -> None:
        self._customers = Table(customers)
        self._keys = Table(keys)
        self._ledger = ledger
        self.outbox = Outbox(self._keys, "customer_id")

    def desired(self, customer_id: str) -> JSON | None:
        """The customer's record in the Customers table, None without one."""
        answer = self._customers.get_item(Key={"customer_id": customer_id}, ConsistentRead=True)
        item: JSON | None = answer.get("Item")
        return unpacked(item) if item else None

    def save_desired(self, record: JSON, before: JSON | None) -> bool:
        """Write the record if nobody changed it since `before` was read; False when somebody did.
        For changes that are recorded (runs/record.py): what a reconciler does is none."""
        stored = as_stored(before) if before else None
        condition = unchanged(stored, "customer_id", COMPARED)
        return self._customers.try_write("put_item", Item=packed(record), **condition)

    def load_keys(self, customer_id: str) -> KeyRecords:
        """Everything that the Keys table has under the customer."""
        mine = in_partition("customer_id", customer_id)
        return _key_records(self._keys.pages("query", **mine, ConsistentRead=True))

    def load_all(self) -> AccountRecords:
        """Load the records of all customers: two scans, for the audit."""
        desired = [unpacked(item) for item in self._customers.pages("scan")]
        return replace(self.load_all_keys(), desired=desired)

    def load_all_keys(self) -> AccountRecords:
        """Load what is known of the keys of all customers: one scan. Items that cannot be
        understood are those of one customer, and stop no other."""
        items: dict[str, list[JSON]] = {}
        for item in self._keys.pages("scan"):
            items.setdefault(str(item["customer_id"]), []).append(item)
        loaded = AccountRecords([], {}, {})
        for customer_id, mine in items.items():
            try:
                loaded.keys[customer_id] = _key_records(mine)
            except Exception as error:  # noqa: BLE001 - whatever a person wrote into an item
                loaded.unreadable[customer_id] = error
        return loaded

    def key(self, customer_id: str, number: int) -> KeyRecord | None:
        """One key record, None without one."""
        where = {"customer_id": customer_id, "record": f"key#{number}"}
        item = self._keys.get_item(Key=where, ConsistentRead=True).get("Item")
        return key_of(item) if item else None

    def owner_of(self, key_id: str) -> str | None:
        """The customer whose records name the key, a tombstone included. A record that was written
        within the last second may not be seen yet."""
        items = self._keys.query(IndexName=KEY_INDEX, **in_partition("key_id", key_id))["Items"]
        return str(items[0]["customer_id"]) if items else None

    def key_of_fingerprint(self, fingerprint: str) -> KeyRecord | None:
        """Find the key whose value has this fingerprint; None when no record has it.

        A customer's tombstone remembers the last deleted key: its `end.delete_at` says when it was
        deleted. The index may lack a record that was written within the last second."""
        where = in_partition("fingerprint", fingerprint)
        for found in self._keys.query(IndexName=FINGERPRINT_INDEX, **where)["Items"]:
            place = {name: found[name] for name in ("customer_id", "record")}
            item = self._keys.get_item(Key=place, ConsistentRead=True).get("Item")
            if item and item.get("fingerprint") == fingerprint:
                return deleted_key_of(item) if item["record"] == TOMBSTONE else key_of(item)
        return None

    def removal(self, customer_id: str) -> Removal | None:
        """The last removal of the customer's record, None for none."""
        where = {"customer_id": customer_id, "record": REMOVED}
        item = self._keys.get_item(Key=where, ConsistentRead=True).get("Item")
        return _removal(item) if item else None

    def save_keys(
        self,
        keys: Sequence[KeyRecord],
        lease: Lease,
        announced: Sequence[JSON] = (),
        when: str = "",
        lines: Sequence[JSON] = (),
    ) -> None:
        """Write key records of one customer, and with them, in one transaction, what is to be
        announced, and the ledger's `lines`; `when` sorts the announcements among the others of the
        run. Raises LeaseLostError when a later run has written one of the records."""
        puts = [self._put(key_item(key) | {"fence": lease.token}, lease) for key in keys]
        puts += self._announced(keys[0], lease, announced, when)
        puts += self._ledger.puts(lines, announced, _epoch_of(when))
        self._write(keys[0], puts)

    def adopt(
        self, record: JSON | None, keys: Sequence[KeyRecord], lease: Lease, lines: Sequence[JSON]
    ) -> bool:
        """Write records of keys that somebody else made and, in the same transaction, their
        customer's first record, if it has none: that is `record`. False when another was quicker.
        For `repair` only."""
        new = {"ConditionExpression": "attribute_not_exists(customer_id)"}
        puts = [self._put(key_item(key) | {"fence": lease.token}) for key in keys]
        items: list[JSON] = [{"Put": one["Put"] | new} for one in puts]
        if record is not None:
            put = {"TableName": self._customers.name, "Item": packed(record)}
            items.append({"Put": put | new})
        items += self._ledger.puts(lines)
        return self._keys.try_write("write", items=items)

    def drop_key(self, key: KeyRecord, lease: Lease) -> None:
        """Forget a key record whose try certainly had no effect. Raises LeaseLostError."""
        self._write(key, [self._delete(key, lease)])

    def save_tombstone(
        self,
        key: KeyRecord,
        last_number: int,
        lease: Lease,
        at: float,
        announced: Sequence[JSON] = (),
        when: str = "",
        line: JSON | None = None,
    ) -> None:
        """A key that is deleted leaves its number, why and when (epoch seconds), so that no later
        key has the number. Raises LeaseLostError."""
        stone = {"customer_id": key.customer_id, "record": TOMBSTONE, "last_number": last_number}
        stone |= {"fence": lease.token, "deleted_at": int(at)}
        stone |= stated({"key_id": key.key_id, "reason": key.reason, "number": key.number})
        # The value of the last key that was deleted still finds its customer.
        stone |= stated({"fingerprint": key.fingerprint})
        lines_put = self._ledger.puts([line] if line else [], announced, _epoch_of(when))
        more = [*self._announced(key, lease, announced, when), *lines_put]
        if key.adopted:
            # So that a record which names the key still does not ask for it again.
            name = f"{ADOPTED}{key.key_id}"
            more.append(self._put({"customer_id": key.customer_id, "record": name}))
        self._write(key, [self._delete(key, lease), self._put(stone, lease), *more])

    def last_number(self, customer_id: str) -> int:
        """The number of the last key that was deleted, 0 for none."""
        where = {"customer_id": customer_id, "record": TOMBSTONE}
        return _last_number(self._keys.get_item(Key=where, ConsistentRead=True).get("Item"))

    def note_dates(self, customer_id: str, fields: JSON, at: int) -> None:
        """Remember when fields that were put by hand got their values (epoch seconds). A date never
        goes back: records of the stream may come twice. Of two in one second the later stands."""
        for name, value in fields.items():
            self._note_date(customer_id, name, value, at)

    def _note_date(self, customer_id: str, name: str, value: Any, at: int) -> None:
        where = {"customer_id": customer_id, "record": "customer"}
        # Two updates: one request must not set a map and a member of it (DynamoDB API reference,
        # UpdateExpression: paths must not overlap).
        made = {"Key": where, "ExpressionAttributeNames": {"#dated": "dated"}}
        self._keys.update_item(
            **made,
            UpdateExpression="SET #dated = if_not_exists(#dated, :none)",
            ExpressionAttributeValues={":none": {}},
        )
        self._keys.try_write(
            "update_item",
            Key=where,
            UpdateExpression="SET #dated.#name = :date",
            ConditionExpression="attribute_not_exists(#dated.#name) OR #dated.#name.#at <= :at",
            ExpressionAttributeNames={"#dated": "dated", "#name": name, "#at": "at"},
            ExpressionAttributeValues={":date": {"value": value, "at": at}, ":at": at},
        )

    def _write(self, key: KeyRecord, items: list[JSON]) -> None:
        try:
            self._keys.write(items)
        except ConditionNotMetError:
            raise LeaseLostError(f"a later run wrote {key.name}") from None

    def _announced(
        self, key: KeyRecord, lease: Lease, announced: Sequence[JSON], when: str
    ) -> list[JSON]:
        place = (f"{lease.token:08d}", when)
        events = {
            record_name(*place, event["detail_type"], str(key.number)): event for event in announced
        }
        return self.outbox.puts(key.customer_id, events)

    def _put(self, item: JSON, lease: Lease | None = None) -> JSON:
        condition = fenced(lease) if lease else {}
        return {"Put": {"TableName": self._keys.name, "Item": item} | condition}

    def _delete(self, key: KeyRecord, lease: Lease) -> JSON:
        where = {"customer_id": key.customer_id, "record": f"key#{key.number}"}
        return {"Delete": {"TableName": self._keys.name, "Key": where} | fenced(lease)}


def _epoch_of(when: str) -> float:
    """The epoch seconds of what sorts announcements: milliseconds, then the place in the run."""
    return int(when.partition("#")[0] or 0) / 1000


def _last_number(stone: JSON | None) -> int:
    return int(stone["last_number"]) if stone else 0


def _key_records(items: list[JSON]) -> KeyRecords:
    stone = next((item for item in items if item["record"] == TOMBSTONE), None)
    keys = [key_of(item) for item in items if item["record"].startswith("key#")]
    dates = next((item for item in items if item["record"] == "customer"), {}).get("dated", {})
    return KeyRecords(
        keys=tuple(sorted(keys, key=lambda key: key.number)),
        last_number=_last_number(stone),
        outbox=waiting(items),
        notice_marks=_marks(items),
        due_at=next((int(item["due_at"]) for item in items if item["record"] == DUE), None),
        waits_since=next((int(i["since"]) for i in items if i["record"] == ROOM), None),
        dated={name: TimedValue(date["value"], int(date["at"])) for name, date in dates.items()},
        usage=tuple(usage_of(item) for item in items if item["record"].startswith(USAGE)),
        adopted=frozenset(i["record"][len(ADOPTED) :] for i in items if _is_adopted(i)),
        removal=next((_removal(item) for item in items if item["record"] == REMOVED), None),
        storm=next((storm_of(item) for item in items if item["record"] == STORM), None),
    )


def _is_adopted(item: JSON) -> bool:
    return str(item["record"]).startswith(ADOPTED)


def _removal(item: JSON) -> Removal:
    # Few customers have one, and every function would pay for the import.
    from keyward.customers.removal import Removal

    return Removal.of(item)


def _marks(items: list[JSON]) -> frozenset[str]:
    return frozenset(mark for item in items if item["record"] == TOLD for mark in item["marks"])
