"""Compare limits: whether a key can do less by the later of two. Pure."""

from __future__ import annotations

from typing import Any

from keyward.policy.parts import Quota, Throttle

# How often the allowance of one period can be used up within another one, whatever the offsets. In
# any shorter period it can be used up once, in a week that lies in two months twice.
TIMES_WITHIN = {
    ("DAY", "WEEK"): 7,
    ("DAY", "MONTH"): 31,
    ("WEEK", "MONTH"): 6,
    ("MONTH", "WEEK"): 2,
}
# A period that begins on another day lies in two of the former ones.
SHIFTED = 2


def allows_less(part: str, before: Any, after: Any) -> bool:
    """Whether a part of a usage plan (`quota`, `throttle`, `methods.GET /pets`) refuses some use
    that it allowed before. None is no limit; other parts limit nothing."""
    if before == after or after is None:
        return False
    if part == "quota":
        return _quota_allows_less(Quota.of(before), Quota(**after))
    if part == "throttle" or part.startswith("methods."):
        was, now = Throttle.of(before), Throttle.of(after)
        if was is None or now is None:
            return was is None
        return now.rate_limit < was.rate_limit or now.burst_limit < was.burst_limit
    return False


def _quota_allows_less(before: Quota | None, after: Quota) -> bool:
    if before is None:
        return True
    if before.period == after.period:
        times = 1 if before.offset == after.offset else SHIFTED
    else:
        times = TIMES_WITHIN.get((before.period, after.period), 1)
    return after.limit < before.limit * times
