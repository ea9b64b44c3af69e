"""What was heard of an API or a customer since a run last looked: the item `storm`, by API in the
Apis table, by customer in the Keys table. The item `storms` has when the storms of the last hour
began.

Who hears writes without the lease, by single updates. Times are passed in as epoch seconds.
"""

from __future__ import annotations

from typing import Any

from keyward.aws.client import Table
from keyward.events.storm import Storm
from keyward.values import HOUR, JSON

STORM, STORMS = "storm", "storms"
# More are as bad: the item stays small.
MAX_COUNTED = 20


class StormItems:
    """A part of a table whose partition `key` names the subjects. Reads are consistent."""

    def __init__(self, table: Any, key: str) -> None:
        self._table, self._key = Table(table), key

    def record_event(self, subject: str, event_id: str, asked: JSON, now: float) -> Storm:
        """Note an event. Returns the storm that it belongs to: its own when it is the first."""
        return self._update(
            subject,
            "SET last_at = :now, asked = :asked, #first = if_not_exists(#first, :id), "
            "first_at = if_not_exists(first_at, :now)",
            event_id,
            asked,
            now,
        )

    def count(self, subject: str, now: float) -> int:
        """Count a storm that begins: how many began within the hour."""
        where = {self._key: subject, "record": STORMS}
        item = self._table.get_item(Key=where, ConsistentRead=True).get("Item") or {}
        times = [int(at) for at in item.get("times", ()) if at > now - HOUR] + [int(now)]
        self._table.put_item(Item=where | {"times": times[-MAX_COUNTED:]})
        return len(times)

    def begin_anew(self, subject: str, event_id: str, asked: JSON, now: float) -> Storm:
        """Begin a storm with this event: the run of the noted storm will never look."""
        return self._update(
            subject,
            "SET last_at = :now, asked = :asked, #first = :id, first_at = :now",
            event_id,
            asked,
            now,
        )

    def of(self, subject: str) -> Storm | None:
        """The storm that nobody has looked at yet."""
        item = self._table.get_item(Key=self._storm(subject), ConsistentRead=True).get("Item")
        return storm_of(item) if item else None

    def clear(self, subject: str) -> None:
        """Forget what was heard so far, before a run looks at it."""
        self._table.delete_item(Key=self._storm(subject))

    def end(self, subject: str, storm: Storm) -> None:
        """Forget the storm after a run has looked, unless it went on: a look that fails is
        repeated."""
        self._table.try_write(
            "delete_item",
            Key=self._storm(subject),
            ConditionExpression="last_at = :seen",
            ExpressionAttributeValues={":seen": round(storm.last_at * 1000)},
        )

    def _update(
        self, subject: str, expression: str, event_id: str, asked: JSON, now: float
    ) -> Storm:
        answer = self._table.update_item(
            Key=self._storm(subject),
            UpdateExpression=expression,
            ExpressionAttributeNames={"#first": "first"},
            ExpressionAttributeValues={
                ":now": round(now * 1000),
                ":id": event_id,
                ":asked": asked,
            },
            ReturnValues="ALL_NEW",
        )
        return storm_of(answer["Attributes"])

    def _storm(self, subject: str) -> JSON:
        return {self._key: subject, "record": STORM}


def storm_of(item: JSON) -> Storm:
    """The storm of an item. Milliseconds in the table: a storm is measured in parts of a
    second."""
    times = (int(item["first_at"]) / 1000, int(item["last_at"]) / 1000)
    return Storm(item["first"], *times, item.get("asked") or {})
