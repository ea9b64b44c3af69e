"""What customers used of their quotas, and what they are granted on top."""

from __future__ import annotations

from dataclasses import dataclass

from keyward.aws.gateway.calls import Calls
from keyward.errors import GatewayRefusedError
from keyward.values import JSON

KEYS_A_PAGE = 500


@dataclass(frozen=True)
class DayUsed:
    """One day of one key in one plan: accepted calls, and what was left of the quota at its end."""

    used: int
    remaining: int


class UsageCalls(Calls):
    """Read usage, and grant some."""

    def usage(
        self, plan_id: str, first: str, last: str, key_id: str | None = None
    ) -> dict[str, list[DayUsed]]:
        """GetUsage from day to day (`YYYY-MM-DD`, both included), by key id: one call for 500
        keys, or only for `key_id`. A plan without quota has zeros only, whatever was called
        (aws-recorded.md 5); a key without traffic may be missing. Raises NotFoundError."""
        rows: JSON = {}
        only = {"keyId": key_id} if key_id else {}
        more: JSON = {}
        while True:
            answer = self._call(
                "GetUsage",
                usagePlanId=plan_id,
                startDate=first,
                endDate=last,
                limit=KEYS_A_PAGE,
                **only,
                **more,
            )
            rows |= answer.get("items", {})
            if not answer.get("position"):
                break
            more = {"position": answer["position"]}
        return {
            str(key_id): [DayUsed(int(used), int(left)) for used, left in days]
            for key_id, days in rows.items()
        }

    def set_remaining(self, plan_id: str, key_id: str, remaining: int) -> None:
        """UpdateUsage: how many calls a key has left in its plan's current period, whatever it used
        of it; the next period starts with the whole quota again (botocore model: "a temporary
        extension"). The answer is compared with what was asked for, as far as it says anything.

        Not recorded on AWS (aws-recorded.md 5); on the emulator a plan without quota is refused
        with GatewayRefusedError. Raises NotFoundError when the key is not in the plan, or either is
        gone."""
        answer = self._call(
            "UpdateUsage",
            usagePlanId=plan_id,
            keyId=key_id,
            patchOperations=[{"op": "replace", "path": "/remaining", "value": str(remaining)}],
        )
        days = answer.get("items", {}).get(key_id)
        # Calls that come in meanwhile are counted at once, so less is no contradiction.
        if days and int(days[-1][1]) > remaining:
            raise GatewayRefusedError(f"UpdateUsage: key {key_id} has more left than it was given")
