"""What customers used of their quotas."""

from __future__ import annotations

from dataclasses import dataclass

from keyward.gateway.calls import JSON, Calls

KEYS_A_PAGE = 500


@dataclass(frozen=True)
class DayUsed:
    """One day of one key in one plan: accepted calls, and what was left of the quota at its end."""

    used: int
    remaining: int


class UsageCalls(Calls):
    """Read usage."""

    def usage(self, plan_id: str, first: str, last: str) -> dict[str, list[DayUsed]]:
        """GetUsage from day to day (`YYYY-MM-DD`, both included), by key id: one call for 500
        keys. A plan without quota has zeros only, whatever was called (aws-recorded.md 5); a key
        without traffic may be missing. Raises NotFoundError."""
        rows: JSON = {}
        more: JSON = {}
        while True:
            answer = self._call(
                "GetUsage",
                usagePlanId=plan_id,
                startDate=first,
                endDate=last,
                limit=KEYS_A_PAGE,
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
