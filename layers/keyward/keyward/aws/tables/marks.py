"""Marks of what is announced once in the life of a stack, in the Leases table.

An item has `expires_at` (epoch seconds): until then nobody else announces it. With `ttl` DynamoDB
forgets it some time after.
"""

from __future__ import annotations

from typing import Any

from keyward.aws.client import Table
from keyward.values import JSON

FOR_GOOD = 2**40


class Marks:
    """A part of the Leases table."""

    def __init__(self, leases: Any) -> None:
        self._table = Table(leases)

    def claim(self, mark: str, now: float, seconds: int = 60) -> bool:
        """Whether the caller is to announce what `mark` names: nobody has, and nobody has been
        about to for `seconds`."""
        return self._table.try_write(
            "put_item",
            Item={"lease": mark, "expires_at": int(now) + seconds},
            ConditionExpression="attribute_not_exists(lease) OR expires_at <= :now",
            ExpressionAttributeValues={":now": int(now)},
        )

    def mark_done(self, mark: str, until: float | None = None) -> None:
        """Remember that it was announced, for good or until then."""
        item: JSON = {"lease": mark, "expires_at": FOR_GOOD}
        if until is not None:
            item |= {"expires_at": int(until), "ttl": int(until)}
        self._table.put_item(Item=item)
