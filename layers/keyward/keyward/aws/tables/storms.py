"""Storms and open sources, in the Apis table: what was heard of an API since it was last looked at,
who moved its stages, and how often we closed them.

By API: `storm` (storm_items.py), `mover#<stage>`, `closing#<deployment>#<stage>`. `closing` records
are the lease's holder's. Times are passed in as epoch seconds."""

from __future__ import annotations

from dataclasses import asdict

from keyward.apis.loops import REMEMBERED_SECONDS, Closing
from keyward.aws.tables.conditions import in_range
from keyward.aws.tables.storm_items import StormItems
from keyward.events.caller import CallerIdentity
from keyward.values import JSON


class Storms(StormItems):
    """A part of the Apis table. Reads are consistent."""

    def moved(self, rest_api_id: str, caller: CallerIdentity, deployment_id: str | None) -> None:
        """Note who moved a stage last, and to which deployment where that is known. Events come in
        any order: an earlier move changes nothing."""
        self._table.try_write(
            "update_item",
            Key={"rest_api_id": rest_api_id, "record": f"mover#{caller.stage}"},
            UpdateExpression="SET #caller = :caller, deployment_id = :deployment",
            ConditionExpression="attribute_not_exists(#caller.#at) OR #caller.#at <= :at",
            ExpressionAttributeNames={"#caller": "caller", "#at": "at"},
            ExpressionAttributeValues={
                ":caller": caller.as_json(),
                ":deployment": deployment_id,
                ":at": caller.at,
            },
        )

    def mover(self, rest_api_id: str, stage: str) -> CallerIdentity:
        """Who moved the stage last; a caller without a name when nobody was seen."""
        where = {"rest_api_id": rest_api_id, "record": f"mover#{stage}"}
        item = self._table.get_item(Key=where, ConsistentRead=True).get("Item")
        return CallerIdentity(**item["caller"]) if item else CallerIdentity(stage)

    def closing(self, rest_api_id: str, closing: Closing) -> None:
        """Note, before the call, that a stage is pointed to a deployment of ours. A call that is
        tried again is noted once: it opened nothing meanwhile."""
        record = f"closing#{closing.deployment_id}#{closing.stage}"
        where = {"rest_api_id": rest_api_id, "record": record}
        self._table.put_item(Item=where | asdict(closing) | {"closed": list(closing.closed)})

    def closings(self, rest_api_id: str, stage: str, now: float) -> tuple[Closing, ...]:
        """Those of a stage, oldest first; very old ones are forgotten."""
        begins = ("record", "begins_with(#range, :operand)", "closing#")
        mine = in_range("rest_api_id", rest_api_id, *begins)
        items = self._table.pages("query", **mine, ConsistentRead=True)
        old = [item for item in items if int(item["at"]) <= now - REMEMBERED_SECONDS]
        for item in old:
            self._table.delete_item(Key={name: item[name] for name in ("rest_api_id", "record")})
        found = [_closing(item) for item in items if item not in old and item["stage"] == stage]
        return tuple(sorted(found, key=lambda closing: closing.at))


def _closing(item: JSON) -> Closing:
    return Closing(
        item["stage"],
        item["deployment_id"],
        int(item["at"]),
        int(item["opened_at"]),
        tuple(item["closed"]),
    )
