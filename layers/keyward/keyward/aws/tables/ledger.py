"""The Ledger table: every action, by subject (`customer#acme`, `api#a1b2`) in the order of time.

Lines are only added. No item ever holds a key value: a line is made of named members only.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any

from boto3.dynamodb.conditions import Attr, Key

from keyward.aws.client import Table
from keyward.errors import ConditionNotMetError

JSON = dict[str, Any]
DAY = 24 * 3600


class Ledger:
    """Lines are kept for good, or for `days` when that is not 0."""

    def __init__(self, table: Any, days: int = 0) -> None:
        self._table = Table(table)
        self._days = days

    def put(self, line: JSON) -> JSON:
        """A line as a part of a DynamoDB transaction that records what it tells."""
        return {"Put": {"TableName": self._table.name, "Item": self._item(line)}}

    def append(self, lines: Iterable[JSON]) -> None:
        """Add lines. One that is there already stays as it is: a replayed step adds none."""
        for line in lines:
            with suppress(ConditionNotMetError):
                self._table.put_item(
                    Item=self._item(line), ConditionExpression=Attr("line").not_exists()
                )

    def of(self, subject: str, most: int | None = None) -> list[JSON]:
        """The lines of a subject, oldest first; the newest `most` of them."""
        found: list[JSON] = []
        more: JSON = {}
        while True:
            limit = {"Limit": most - len(found)} if most else {}
            answer = self._table.query(
                KeyConditionExpression=Key("subject").eq(subject),
                ScanIndexForward=False,
                ConsistentRead=True,
                **limit,
                **more,
            )
            found += answer["Items"]
            if "LastEvaluatedKey" not in answer or (most and len(found) >= most):
                return found[::-1]
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _item(self, line: JSON) -> JSON:
        if not self._days:
            return line
        written = datetime.fromisoformat(line["at"]).timestamp()
        return line | {"expires_at": int(written) + self._days * DAY}
