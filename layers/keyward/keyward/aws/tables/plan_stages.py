"""Which stages each usage plan holds, in the Plans table: so that a sign-up says what its key opens
and reads nothing from API Gateway.

One item a plan, `stages#<plan>`, with one attribute a stage (`<RestApi id>:<stage>`). Whoever reads
or changes a usage plan writes it down. `read_at` (epoch seconds) says as of when."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from keyward.aws.client import Table
from keyward.values import StageRef

# An update expression holds 4 KB (DynamoDB, "Quotas").
MAX_AT_ONCE = 100


class PlanStages:
    """A part of the Plans table. Reads are consistent."""

    def __init__(self, table: Any) -> None:
        self._table = Table(table)

    def of(self, plan: str) -> list[StageRef] | None:
        """The stages that the plan holds, in order; None when nobody wrote them down yet."""
        item = self._table.get_item(Key=_key(plan), ConsistentRead=True).get("Item")
        if item is None:
            return None
        pairs = (name.split(":") for name in sorted(item) if ":" in name)
        return [(rest_api_id, stage) for rest_api_id, stage in pairs]

    def save(self, plan: str, refs: Collection[StageRef], read_at: float) -> None:
        """Write down all stages of the plan, as they were at `read_at`, unless something newer is
        written down."""
        self._table.try_write(
            "put_item",
            Item=_key(plan) | {"read_at": int(read_at)} | dict.fromkeys(map(_name, refs), True),
            ConditionExpression="attribute_not_exists(read_at) OR read_at <= :read_at",
            ExpressionAttributeValues={":read_at": int(read_at)},
        )

    def add(self, plan: str, refs: Sequence[StageRef], now: float) -> None:
        """Write down stages that are in the plan beside those that were known."""
        for start in range(0, len(refs), MAX_AT_ONCE):
            some = map(_name, refs[start : start + MAX_AT_ONCE])
            names = {f"#stage{place}": name for place, name in enumerate(some)}
            changes = ", ".join(f"{name} = :true" for name in names)
            self._table.update_item(
                Key=_key(plan),
                UpdateExpression=f"SET read_at = :now, {changes}",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={":now": int(now), ":true": True},
            )


def _key(plan: str) -> dict[str, str]:
    return {"plan": f"stages#{plan}"}


def _name(ref: StageRef) -> str:
    return f"{ref[0]}:{ref[1]}"
