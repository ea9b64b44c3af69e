"""The account-wide schedule and the waiting turns, as items of the Leases table.

The item `schedule` has numbers in thousandths of a call, so that each change is one addition, and
`at` in epoch milliseconds. A turn is the item `turn#<subject>`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keyward.aws.client import Table
from keyward.values import JSON, frozen

SCHEDULE = "schedule"
SCALE = 1000


@frozen
class TurnItem:
    """A turn that was asked for.

    `lane`, and where it `ends` at each meter, are its place; `calls` is what it is for. A run waits
    for it, until `ready_at` (epoch seconds) by the estimate when it asked. `is_joined`: another run
    left its work to this one. `is_late`: the place was there, but the calls had to wait for room,
    which is theirs from `ready_at` on.
    """

    subject: str
    owner: str
    lane: str
    ends: Mapping[str, float]
    calls: Mapping[str, float]
    ready_at: float
    is_joined: bool = False
    is_late: bool = False

    @property
    def place(self) -> str:
        """What no other turn of the subject has: its lane and where it ends there."""
        return f"{self.lane}#{int(max(self.ends.values()))}"


@frozen
class Stop:
    """A person's stop of writes to API Gateway: since when (epoch seconds), and whether it holds
    for what stops a key, too."""

    at: float
    everything: bool


class CallSchedule:
    """A part of the Leases table."""

    def __init__(self, table: Any) -> None:
        self._table = Table(table)

    def add(self, amounts: Mapping[str, float]) -> dict[str, float]:
        """Add to numbers of the schedule, in calls: all its numbers after that."""
        names = {f"#n{place}": name for place, name in enumerate(amounts)}
        values = {f":n{place}": _scaled(amount) for place, amount in enumerate(amounts.values())}
        changes = ", ".join(f"#n{place} :n{place}" for place in range(len(amounts)))
        answer = self._table.update_item(
            Key={"lease": SCHEDULE},
            UpdateExpression=f"ADD {changes}",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
        )
        return _numbers(answer["Attributes"])

    def read(self) -> dict[str, float]:
        """All numbers of the schedule; none before the first call."""
        return _numbers(self._item(SCHEDULE))

    def settle(self, numbers: Mapping[str, float], version: float) -> None:
        """Write down how far the schedule has come, unless somebody did so since `version` was
        read: either way the next reader finds the same."""
        wanted = {**numbers, "version": version + 1}
        names = {f"#n{place}": name for place, name in enumerate(wanted)}
        values = {f":n{place}": _scaled(amount) for place, amount in enumerate(wanted.values())}
        changes = ", ".join(f"#n{place} = :n{place}" for place in range(len(wanted)))
        self._table.try_write(
            "update_item",
            Key={"lease": SCHEDULE},
            UpdateExpression=f"SET {changes}",
            ConditionExpression="attribute_not_exists(version) OR version = :version",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values | {":version": _scaled(version)},
        )

    def stop(self) -> Stop | None:
        """The stop that is in force, None for none."""
        numbers = self.read()
        if not numbers.get("stopped_at"):
            return None
        return Stop(numbers["stopped_at"], bool(numbers.get("stopped_all")))

    def put_stop(self, stop: Stop | None) -> None:
        """Stop writes to API Gateway, or end the stop (None). A stop that exists keeps its
        beginning."""
        names = ("stopped_at", "stopped_all")
        if stop is None:
            self._table.update_item(
                Key={"lease": SCHEDULE}, UpdateExpression=f"REMOVE {', '.join(names)}"
            )
            return
        self._table.update_item(
            Key={"lease": SCHEDULE},
            UpdateExpression="SET stopped_at = if_not_exists(stopped_at, :at), stopped_all = :all",
            ExpressionAttributeValues={":at": _scaled(stop.at), ":all": int(stop.everything)},
        )

    def turn(self, subject: str) -> TurnItem | None:
        """The turn of a customer or an API, None when it waits for none."""
        item = self._item(_turn_name(subject))
        if "lane" not in item:
            return None
        ends, calls = (
            {name: float(amount) / SCALE for name, amount in item[part].items()}
            for part in ("ends", "calls")
        )
        ready_at = float(item["ready_at"]) / SCALE
        owner, lane, flags = str(item["owner"]), str(item["lane"]), ("joined", "late")
        is_joined, is_late = (bool(item.get(flag)) for flag in flags)
        return TurnItem(subject, owner, lane, ends, calls, ready_at, is_joined, is_late)

    def keep_turn(self, turn: TurnItem) -> bool:
        """Write a new turn down; False when the subject has a turn already."""
        item: JSON = {"lease": _turn_name(turn.subject), "owner": turn.owner, "lane": turn.lane}
        item |= {"ends": _scaled_all(turn.ends), "calls": _scaled_all(turn.calls)}
        item |= {"ready_at": _scaled(turn.ready_at), "late": turn.is_late}
        return self._table.try_write(
            "put_item", Item=item, ConditionExpression="attribute_not_exists(lane)"
        )

    def change_turn(self, turn: TurnItem, before: TurnItem) -> bool:
        """Change whose turn it is, for which calls, and when; False when another run did. Whoever
        joined it meanwhile stays joined."""
        return self._change(
            before,
            "SET #owner = :new, calls = :calls, ready_at = :ready_at, late = :late",
            {
                ":new": turn.owner,
                ":calls": _scaled_all(turn.calls),
                ":ready_at": _scaled(turn.ready_at),
                ":late": turn.is_late,
            },
        )

    def join_turn(self, turn: TurnItem) -> bool:
        """Have the run that waits for the turn look for this run too; False when it waits no
        more."""
        return self._change(turn, "SET joined = :yes", {":yes": True})

    def _change(self, turn: TurnItem, update: str, values: JSON) -> bool:
        return self._table.try_write(
            "update_item",
            Key={"lease": _turn_name(turn.subject)},
            UpdateExpression=update,
            ConditionExpression="#owner = :owner",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues=values | {":owner": turn.owner},
        )

    def is_joined(self, subject: str, owner: str) -> bool:
        """Whether a run counts on the turn for which `owner` waits, or waited when it was
        stopped."""
        turn = self.turn(subject)
        return turn is not None and turn.owner == owner and turn.is_joined

    def forget_turn(self, turn: TurnItem) -> bool:
        """Forget a turn that is used, or given back; False when another run did."""
        return self._table.try_write(
            "delete_item",
            Key={"lease": _turn_name(turn.subject)},
            ConditionExpression="#owner = :owner",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":owner": turn.owner},
        )

    def _item(self, name: str) -> JSON:
        answer = self._table.get_item(Key={"lease": name}, ConsistentRead=True)
        return dict(answer.get("Item") or {})


def _turn_name(subject: str) -> str:
    return f"turn#{subject}"


def _scaled(amount: float) -> int:
    return round(amount * SCALE)


def _scaled_all(amounts: Mapping[str, float]) -> dict[str, int]:
    return {name: _scaled(amount) for name, amount in amounts.items()}


def _numbers(item: JSON) -> dict[str, float]:
    return {name: float(value) / SCALE for name, value in item.items() if name != "lease"}
