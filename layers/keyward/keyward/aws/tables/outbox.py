"""The outbox: events that are still to be announced, beside the records that they tell of.

An item `outbox#<name>` has the `event`, and that of an API `saved_at` (epoch seconds). It is
written with the record and deleted once EventBridge has the event (runs/outbox.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from keyward.aws.client import Table
from keyward.values import JSON, frozen, plain

OUTBOX = "outbox#"


def record_name(*parts: str) -> str:
    """The name of an event's item; announcements go out in the order of their names."""
    return OUTBOX + "#".join(parts)


def waiting(items: Iterable[JSON]) -> dict[str, JSON]:
    """The events among the items of one owner, by the names of their items."""
    return {name: plain(item["event"]) for name, item in _events(items)}


def saved_at(items: Iterable[JSON]) -> dict[str, int]:
    """When the events of an API were put there (epoch seconds), by the names of their items."""
    return {name: int(item["saved_at"]) for name, item in _events(items)}


@frozen
class Outbox:
    """The outboxes in one table, one an owner: a customer or an API, as its partition `key`."""

    table: Table
    key: str

    def puts(self, owner: str, events: Mapping[str, JSON]) -> list[JSON]:
        """Events by the names of their items, as parts of the transaction that writes what they
        tell."""
        return [
            {"Put": {"TableName": self.table.name, "Item": self._item(owner, name, event)}}
            for name, event in events.items()
        ]

    def put(self, owner: str, name: str, event: JSON, now: float) -> None:
        """Put an event there by itself; a newer one of the name takes its place."""
        self.table.put_item(Item=self._item(owner, name, event) | {"saved_at": int(now)})

    def forget(self, owner: str, names: Iterable[str]) -> None:
        """Delete what was announced. Idempotent."""
        for name in names:
            self.table.delete_item(Key={self.key: owner, "record": name})

    def _item(self, owner: str, name: str, event: JSON) -> JSON:
        return {self.key: owner, "record": name, "event": event}


def _events(items: Iterable[JSON]) -> list[tuple[str, JSON]]:
    return [(item["record"], item) for item in items if item["record"].startswith(OUTBOX)]
