"""The Keys table's items on usage, `usage#<number>` a key, and what they have to announce."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from keyward.aws.client import Table
from keyward.aws.tables.ledger import Ledger
from keyward.customers.usage import KeyUsage

JSON = dict[str, Any]
OUTBOX = "outbox#"


class UsageRecords:
    """Written by one reading at a time: it holds the lease `usage`."""

    def __init__(self, keys: Any, ledger: Ledger) -> None:
        self._keys = Table(keys)
        self._ledger = ledger

    def save(self, usages: Iterable[KeyUsage]) -> None:
        """Write records that have nothing to announce, 25 in a call."""
        with self._keys.batch_writer() as batch:
            for usage in usages:
                batch.put_item(Item=usage.as_item())

    def save_announcing(self, usage: KeyUsage, announced: Sequence[JSON]) -> list[str]:
        """Write a record, what it announces and their line of the ledger in one transaction; return
        the names in the outbox. A crash before they are announced leaves them to the customer's
        next run."""
        names = [f"{OUTBOX}{usage.name}#{_mark(event)}" for event in announced]
        items = [
            {"customer_id": usage.customer_id, "record": name, "event": event}
            for name, event in zip(names, announced, strict=True)
        ]
        puts = [
            {"Put": {"TableName": self._keys.name, "Item": item}}
            for item in [usage.as_item(), *items]
        ]
        self._keys.write([*puts, *self._ledger.puts([], announced, usage.read_at)])
        return names

    def forget(self, usages: Iterable[KeyUsage]) -> None:
        """Delete the records of keys that are no more. Idempotent."""
        with self._keys.batch_writer() as batch:
            for usage in usages:
                batch.delete_item(Key={"customer_id": usage.customer_id, "record": usage.name})


def _mark(event: JSON) -> str:
    """Tells the announcements of one key apart."""
    detail = event["detail"]
    parts = (event["detail_type"], detail.get("period_start"), detail.get("threshold"))
    return "#".join(str(part) for part in parts if part is not None)
