"""The Keys table's items on usage, `usage#<number>` a key, and what they have to announce."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from keyward.aws.client import Table
from keyward.aws.tables.ledger import Ledger
from keyward.aws.tables.outbox import Outbox, record_name
from keyward.customers.usage import KeyUsage
from keyward.values import JSON


class UsageRecords:
    """Written by one reading at a time: it holds the lease `usage`."""

    def __init__(self, keys: Any, ledger: Ledger) -> None:
        self._keys = Table(keys)
        self._ledger = ledger
        self._outbox = Outbox(self._keys, "customer_id")

    def save(self, usages: Iterable[KeyUsage]) -> None:
        """Write records that have nothing to announce, 25 in a call."""
        with self._keys.batch_writer() as batch:
            for usage in usages:
                batch.put_item(Item=usage.as_item())

    def save_announcing(self, usage: KeyUsage, announced: Sequence[JSON]) -> dict[str, JSON]:
        """Write a record, what it announces and their line of the ledger in one transaction; return
        what the outbox has of it, by name. A crash before they are announced leaves them to the
        customer's next run."""
        events = {record_name(usage.name, *_mark(event)): event for event in announced}
        put = {"Put": {"TableName": self._keys.name, "Item": usage.as_item()}}
        lines = self._ledger.puts([], announced, usage.read_at)
        self._keys.write([put, *self._outbox.puts(usage.customer_id, events), *lines])
        return events

    def forget(self, usages: Iterable[KeyUsage]) -> None:
        """Delete the records of keys that are no more. Idempotent."""
        with self._keys.batch_writer() as batch:
            for usage in usages:
                batch.delete_item(Key={"customer_id": usage.customer_id, "record": usage.name})


def _mark(event: JSON) -> list[str]:
    """Tells the announcements of one key apart."""
    detail = event["detail"]
    parts = (event["detail_type"], detail.get("period_start"), detail.get("threshold"))
    return [str(part) for part in parts if part is not None]
