"""Stages that wait to join a usage plan, in the Plans table: one call takes them all.

UpdateUsagePlan is allowed once in 20 s for the whole account (limits.html). So each run writes down
its requests (`pending#<plan>`, one attribute a stage), and whoever may call next
(functions/attach_stage.py) attaches the stages of all runs. Times are epoch seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from keyward.aws.client import Table
from keyward.values import JSON, StageRef, frozen


@frozen
class JoinRequest:
    """A stage's request: its run (execution ARN), since when, and when it was attached."""

    owner: str
    at: float
    done: float | None = None


@frozen
class Board:
    """The requests for one usage plan. Until `isolated_until` each run attaches its own stages
    only: one stage made the call for all of them fail."""

    requests: Mapping[StageRef, JoinRequest] = field(default_factory=dict)
    isolated_until: float = 0


class PlanQueue:
    """A part of the Plans table. Every write is one update, so runs do not disturb each other."""

    def __init__(self, table: Any) -> None:
        self._table = Table(table)

    def board(self, plan: str) -> Board:
        """Who waits for the plan."""
        item = self._table.get_item(Key=_key(plan), ConsistentRead=True).get("Item") or {}
        requests = {_ref(name): _request(body) for name, body in item.items() if ":" in name}
        return Board(requests, float(item.get("alone_until", 0)))

    def request(self, plan: str, refs: Iterable[StageRef], owner: str, now: float) -> None:
        """Write down the stages that a run wants in the plan."""
        request = {"owner": owner, "at": int(now)}
        for ref in refs:
            self._set(plan, "SET #name = :value", ref, {":value": request})

    def mark_done(self, plan: str, refs: Mapping[StageRef, JoinRequest], at: float) -> None:
        """Tell the runs that their stages were attached. A request that is newer is left alone."""
        for ref, request in refs.items():
            values = {":value": int(at), ":owner": request.owner}
            self._set(plan, "SET #name.done = :value", ref, values, "#name.#owner = :owner")

    def forget(self, plan: str, refs: Iterable[StageRef]) -> None:
        """Take requests off the board. Idempotent."""
        for ref in refs:
            self._set(plan, "REMOVE #name", ref)

    def isolate(self, plan: str, until: float) -> None:
        """Have each run attach only its own stages until then."""
        self._table.update_item(
            Key=_key(plan),
            UpdateExpression="SET alone_until = :until",
            ExpressionAttributeValues={":until": int(until)},
        )

    def _set(
        self,
        plan: str,
        expression: str,
        ref: StageRef,
        values: JSON | None = None,
        condition: str | None = None,
    ) -> None:
        names = {"#name": f"{ref[0]}:{ref[1]}"} | ({"#owner": "owner"} if condition else {})
        more: JSON = {"ExpressionAttributeValues": values} if values else {}
        more |= {"ConditionExpression": condition} if condition else {}
        self._table.try_write(
            "update_item",
            Key=_key(plan),
            UpdateExpression=expression,
            ExpressionAttributeNames=names,
            **more,
        )


def _key(plan: str) -> JSON:
    return {"plan": f"pending#{plan}"}


def _ref(name: str) -> StageRef:
    rest_api_id, _, stage = name.partition(":")
    return rest_api_id, stage


def _request(body: JSON) -> JoinRequest:
    done = body.get("done")
    return JoinRequest(str(body["owner"]), float(body["at"]), None if done is None else float(done))
