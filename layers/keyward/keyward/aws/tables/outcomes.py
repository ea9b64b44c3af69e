"""The Outcomes table: what was announced, day by day, kept for 90 days. No item ever holds a key
value: an item is made of the named members of an announcement only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from boto3.dynamodb.conditions import Key

from keyward.aws.client import Table

JSON = dict[str, Any]
KEPT_SECONDS = 90 * 24 * 3600
MOST_A_DAY = 500


class Outcomes:
    """By `day` (UTC, `YYYY-MM-DD`) and `event` (its time and id)."""

    def __init__(self, table: Any) -> None:
        self._table = Table(table)

    def keep(self, event_id: str, at: str, outcome: JSON, now: float) -> None:
        """Keep what was announced `at` (ISO 8601). The same event twice is one item."""
        self._table.put_item(
            Item={"day": at[:10], "event": f"{at}#{event_id}", "at": at}
            | outcome
            | {"expires_at": int(now) + KEPT_SECONDS}
        )

    def of_days(self, days: Iterable[str]) -> list[JSON]:
        """What was announced on these days, newest first, at most 500 a day."""
        found: list[JSON] = []
        for day in sorted(days, reverse=True):
            answer = self._table.query(
                KeyConditionExpression=Key("day").eq(day), ScanIndexForward=False, Limit=MOST_A_DAY
            )
            found += answer["Items"]
        return found
