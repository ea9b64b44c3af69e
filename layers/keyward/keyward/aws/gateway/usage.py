"""Read what keys used of their quotas, and change what they have left."""

from __future__ import annotations

from keyward.aws.gateway.calls import Calls
from keyward.errors import GatewayRefusedError
from keyward.values import JSON, frozen

KEYS_A_PAGE = 500


@frozen
class DayUsed:
    """One day of one key in one plan: accepted calls, and what was left of the quota at its end."""

    used: int
    remaining: int


class UsageCalls(Calls):
    """Calls about the usage of keys."""

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
        """Set how many calls a key has left in its plan's current period (UpdateUsage).

        The next period starts with the whole quota again (botocore model: "a temporary extension").
        Raises GatewayRefusedError when the answer has more left than `remaining`, and for a plan
        without quota (believed: aws-recorded.md 5 has no such call). Raises NotFoundError when the
        key is not in the plan, or either is gone.
        """
        answer = self._call(
            "UpdateUsage",
            usagePlanId=plan_id,
            keyId=key_id,
            patchOperations=[{"op": "replace", "path": "/remaining", "value": str(remaining)}],
        )
        days = answer.get("items", {}).get(key_id)
        # API Gateway counts requests during the call, so less may be left than was set.
        if days and int(days[-1][1]) > remaining:
            raise GatewayRefusedError(f"UpdateUsage: key {key_id} has more left than it was given")
