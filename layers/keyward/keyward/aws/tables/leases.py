"""Leases: one run at a time for a customer, an API or a usage plan; nobody's event is lost by
waiting.

An item has `owner`, `expires_at`, the fencing `token`, `words` (how often others asked the holder
to start over, ever), `heard` (how many of them the holder knew when it took the lease),
`postponed`, `deaths` and `failures` (how often in a row a run ended with an error that passes, with
a death of Lambda, or for good), `died_at` (when it died last) and `failure` (the last one, as a
digest). Words are only counted up, so a write that the SDK repeats after a lost answer loses none.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from keyward.aws.client import Table
from keyward.errors import (
    ConditionNotMetError,
    InvalidInputError,
    LeaseLostError,
    TryUnderwayError,
)
from keyward.values import frozen

LEASE_SECONDS = 300
# How a run ends, and what of earlier ends is forgotten then.
DONE, FAILED, POSTPONED = "done", "failed", "postponed"
ROWS = ", postponed, deaths, died_at"
FORGOTTEN = {DONE: f"{ROWS}, failures, failure, failed_step, is_same", FAILED: ROWS, POSTPONED: ""}
# The functions of a run renew its lease when they start and run 60 s at most: the last function of
# a run that was stopped is surely at its end so long after.
FUNCTION_SECONDS = 65


@frozen
class Lease:
    """A lease that is held. `token` grows with each acquisition (fencing)."""

    name: str
    owner: str
    token: int

    def as_json(self) -> dict[str, Any]:
        """For the state of a state machine."""
        return asdict(self)

    @classmethod
    def of(cls, task: dict[str, Any]) -> Lease:
        """The lease in a task's input. Raises InvalidInputError when it is missing or malformed."""
        try:
            held = task["lease"]
            return cls(str(held["name"]), str(held["owner"]), int(held["token"]))
        except (KeyError, TypeError, ValueError):
            raise InvalidInputError(
                "lease", "is missing or malformed", "Pass the lease that the plan step returned"
            ) from None


def fenced(lease: Lease) -> dict[str, Any]:
    """The condition that no later run has written the item."""
    return {
        "ConditionExpression": "attribute_not_exists(fence) OR fence <= :token",
        "ExpressionAttributeValues": {":token": lease.token},
    }


class Leases:
    """The Leases table. Times are epoch seconds, passed in."""

    def __init__(self, table: Any) -> None:
        self._table = Table(table)

    def acquire(
        self, name: str, owner: str, now: float, seconds: int = LEASE_SECONDS
    ) -> Lease | None:
        """Take the lease, or leave word with its holder and return None.

        A lease that ran out, or that `owner` itself holds (a retried task), is taken. Both outcomes
        are one conditional write each, so between them no request falls through.
        """
        while True:
            lease = self._take(name, owner, now, seconds)
            if lease or self.request_rerun(name, now):
                return lease

    def _take(self, name: str, owner: str, now: float, seconds: int) -> Lease | None:
        return self._own(
            name,
            owner,
            int(now) + seconds,
            "attribute_not_exists(#owner) OR #owner = :me OR expires_at <= :now",
            {":now": int(now)},
        )

    def take_over(self, name: str, dead: str, owner: str, now: float) -> Lease | None:
        """Take the lease from an owner that is known to run no more; None when it changed hands.
        Raises TryUnderwayError while the last function of that owner may still be at work."""
        lease = self._own(
            name,
            owner,
            int(now) + LEASE_SECONDS,
            "#owner = :me OR (#owner = :dead AND expires_at <= :settled)",
            {":dead": dead, ":settled": int(now) + LEASE_SECONDS - FUNCTION_SECONDS},
        )
        holder = None if lease else self.holder(name)
        if holder and holder.owner == dead:
            raise TryUnderwayError(f"the last function of the stopped run {dead} may be at work")
        return lease

    def _own(
        self, name: str, owner: str, until: int, condition: str, values: dict[str, Any]
    ) -> Lease | None:
        try:
            answer = self._table.update_item(
                Key={"lease": name},
                UpdateExpression="SET #owner = :me, expires_at = :until, "
                "heard = if_not_exists(words, :none) ADD #token :one",
                ConditionExpression=condition,
                ExpressionAttributeNames={"#owner": "owner", "#token": "token"},
                ExpressionAttributeValues={":me": owner, ":until": until, ":one": 1, ":none": 0}
                | values,
                ReturnValues="UPDATED_NEW",
            )
        except ConditionNotMetError:
            return None
        return Lease(name, owner, int(answer["Attributes"]["token"]))

    def request_rerun(self, name: str, now: float) -> bool:
        """Ask the holder to start over when it ends. False when nobody holds the lease."""
        return self._table.try_write(
            "update_item",
            Key={"lease": name},
            UpdateExpression="ADD words :one",
            ConditionExpression="attribute_exists(#owner) AND expires_at > :now",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":one": 1, ":now": int(now)},
        )

    def holder(self, name: str) -> Lease | None:
        """The lease as its holder has it, None when nobody does."""
        item = self._item(name)
        return Lease(name, str(item["owner"]), int(item["token"])) if item.get("owner") else None

    def is_held(self, name: str, now: float) -> bool:
        """Whether somebody has the lease, and it did not run out."""
        item = self._item(name)
        return bool(item.get("owner")) and int(item["expires_at"]) > now

    def rerun_requested(self, name: str, owner: str) -> bool:
        """Whether `owner` holds the lease and somebody left word with it since."""
        item = self._item(name)
        return item.get("owner") == owner and item.get("words", 0) > item.get("heard", 0)

    def postponed(self, name: str, after_death: bool = False) -> int:
        """Count a run that met a passing error; returns how many came in a row. It ends a row of
        deaths, as Lambda ran the code, unless the run only waited for what died (`after_death`)."""
        forget = "" if after_death else "REMOVE deaths, died_at "
        answer = self._table.update_item(
            Key={"lease": name},
            UpdateExpression=f"{forget}ADD postponed :one",
            ExpressionAttributeValues={":one": 1},
            ReturnValues="ALL_NEW",
        )
        return int(answer["Attributes"]["postponed"])

    def note_death(self, name: str, at: float, seconds: int) -> int:
        """Count a run that died of Lambda at a time; returns how many came in a row. A death within
        so many `seconds` of the last is no new one, nor is a repeated report of it."""
        self._table.try_write(
            "update_item",
            Key={"lease": name},
            UpdateExpression="SET died_at = :at ADD deaths :one",
            ConditionExpression="attribute_not_exists(died_at) OR died_at <= :before",
            ExpressionAttributeValues={":at": int(at), ":before": int(at) - seconds, ":one": 1},
        )
        return int(self._item(name).get("deaths", 0))

    def note_failure(self, name: str, failure: str, step: str) -> tuple[int, bool]:
        """Count a run that failed for good with this `failure` (a digest); returns how many came in
        a row, and whether the last one failed so too. A run that succeeds ends the row. A `step`
        that is replayed gets its first answer again."""
        before = self._item(name)
        if before.get("failed_step") == step:
            return int(before["failures"]), bool(before["is_same"])
        is_same = before.get("failure") == failure
        values = {":failure": failure, ":step": step, ":same": is_same, ":one": 1}
        after = self._table.update_item(
            Key={"lease": name},
            UpdateExpression="SET failure = :failure, failed_step = :step, is_same = :same "
            "ADD failures :one",
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
        )["Attributes"]
        return int(after["failures"]), is_same

    def _item(self, name: str) -> dict[str, Any]:
        answer = self._table.get_item(Key={"lease": name}, ConsistentRead=True)
        return dict(answer.get("Item") or {})

    def renew(self, lease: Lease, now: float) -> None:
        """Extend the lease before a write. Raises LeaseLostError when another run has it."""
        try:
            self._table.update_item(
                Key={"lease": lease.name},
                UpdateExpression="SET expires_at = :until",
                ConditionExpression="#owner = :me AND #token = :token",
                ExpressionAttributeNames={"#owner": "owner", "#token": "token"},
                ExpressionAttributeValues={
                    ":me": lease.owner,
                    ":token": lease.token,
                    ":until": int(now) + LEASE_SECONDS,
                },
            )
        except ConditionNotMetError:
            raise LeaseLostError(f"{lease.name} is held by another run") from None

    def release(self, lease: Lease, end: str = DONE) -> bool:
        """Give the lease back: True. When somebody left word meanwhile, keep it: False, and the run
        starts over, which hears the word. A lease that another run took over counts as given back.
        `end` is how the run ends."""
        if self._give_back(lease, end, " AND (attribute_not_exists(words) OR words = heard)"):
            return True
        return self.holder(lease.name) != lease

    def give_back(self, lease: Lease) -> None:
        """Give the lease back, even if somebody left word."""
        self._give_back(lease, DONE, "")

    def _give_back(self, lease: Lease, end: str, condition: str) -> bool:
        return self._table.try_write(
            "update_item",
            Key={"lease": lease.name},
            UpdateExpression=f"REMOVE #owner, expires_at{FORGOTTEN[end]}",
            ConditionExpression=f"#owner = :me AND #token = :token{condition}",
            ExpressionAttributeNames={"#owner": "owner", "#token": "token"},
            ExpressionAttributeValues={":me": lease.owner, ":token": lease.token},
        )
