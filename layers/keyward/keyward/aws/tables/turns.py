"""Turns of calls that the whole account may make once in a while, in the Leases table.

An item has `next_at`: when the call is free again, in epoch milliseconds. `account#deploy` is
CreateDeployment's, `turn#UpdateUsagePlan` UpdateUsagePlan's. Times are epoch seconds.
"""

from __future__ import annotations

from typing import Any

from keyward.aws.client import Table
from keyward.errors import ConditionNotMetError


class Turns:
    """A part of the Leases table. Every write is one update, so runs do not disturb each other."""

    def __init__(self, leases: Any) -> None:
        self._table = Table(leases)

    def take(self, name: str, now: float, spacing: float) -> float:
        """The caller's turn: `now` when nobody waits, else `spacing` after the last that was
        given. First come, first served; a turn that is not used is lost."""
        width = {":width": int(spacing * 1000)}
        while True:
            free = {":next": int((now + spacing) * 1000), ":now": int(now * 1000)}
            condition = "attribute_not_exists(next_at) OR next_at <= :now"
            if self._update(name, "SET next_at = :next", condition, free) is not None:
                return now
            queued = width | {":now": int(now * 1000)}
            last = self._update(name, "SET next_at = next_at + :width", "next_at > :now", queued)
            if last is not None:
                return last / 1000 - spacing

    def free_at(self, name: str) -> float:
        """When the call is free again; 0 for at once."""
        item = self._table.get_item(Key={"lease": name}, ConsistentRead=True).get("Item") or {}
        return float(item.get("next_at", 0)) / 1000

    def postpone(self, name: str, until: float) -> None:
        """Nobody may make the call until then: API Gateway refused it."""
        self._table.update_item(
            Key={"lease": name},
            UpdateExpression="SET next_at = :until",
            ExpressionAttributeValues={":until": int(until * 1000)},
        )

    def _update(self, name: str, update: str, condition: str, values: dict[str, Any]) -> int | None:
        try:
            answer = self._table.update_item(
                Key={"lease": name},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                ReturnValues="UPDATED_NEW",
            )
        except ConditionNotMetError:
            return None
        return int(answer["Attributes"]["next_at"])
