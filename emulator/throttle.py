"""Throttle and quota of usage plans, and what GetUsage says about them.

A throttle is a token bucket of `burstLimit` tokens, refilled at `rateLimit` a second (developer
guide, request throttling). A quota counts the accepted calls of a key in a plan from the first day
of its period on, in UTC; refused calls are not counted, and without a quota nothing is counted
(aws-recorded.md 5). AWS is best effort in both; this is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from typing import NamedTuple

from emulator.clock import Clock
from emulator.errors import bad_request, not_found
from emulator.model import JSON, State, Usage

UNKNOWN_PLAN = "Invalid Usage Plan ID specified"
MAX_RANGE_DAYS = 90


class Bucket(NamedTuple):
    """A token bucket's name and size."""

    name: tuple[str, ...]
    rate: float
    burst: float


def take(state: State, now: float, buckets: list[Bucket]) -> bool:
    """Takes a token from every bucket, or from none when one of them is empty."""
    left = [_tokens(state, bucket, now) for bucket in buckets]
    if any(tokens < 1 for tokens in left):
        return False
    for bucket, tokens in zip(buckets, left, strict=True):
        state.buckets[bucket.name] = (tokens - 1, now)
    return True


def _tokens(state: State, bucket: Bucket, now: float) -> float:
    tokens, since = state.buckets.get(bucket.name, (bucket.burst, now))
    # a millionth forgives binary fractions: ten refills of 0.1 are one token
    return min(bucket.burst, tokens + (now - since) * bucket.rate + 1e-6)


def today(now: float) -> date:
    """The day of an epoch time, in UTC."""
    return datetime.fromtimestamp(now, UTC).date()


def period_start(quota: JSON, day: date) -> date:
    """The first day of the quota period that `day` lies in.

    An `offset` is the day on which a period starts: in a WEEK 0 is Sunday (botocore model before
    2021: QuotaSettings.offset), in a MONTH the days after the first.
    """
    offset = int(quota.get("offset") or 0)
    if quota["period"] == "DAY":
        return day
    if quota["period"] == "WEEK":
        return day - timedelta(days=(day.isoweekday() - offset) % 7)
    month = day.replace(day=1)
    if day.day <= offset:
        month = (month - timedelta(days=1)).replace(day=1)
    return month + timedelta(days=offset)


def remaining(usage: Usage | None, quota: JSON, day: date) -> int:
    """Calls that are left at the end of `day`, or now when it is today."""
    start = period_start(quota, day)
    usage = usage or Usage()
    granted = usage.remaining.get(start.isoformat())
    if granted is not None:
        return granted
    first, last = start.isoformat(), day.isoformat()
    used = sum(count for when, count in usage.used.items() if first <= when <= last)
    return max(0, int(quota["limit"]) - used)


def count(state: State, plan_id: str, key_id: str, quota: JSON | None, now: float) -> None:
    """Books an accepted call. Without a quota only the fact that there was one is kept."""
    usage = state.usage.setdefault((plan_id, key_id), Usage())
    if not quota:
        return
    day = today(now)
    usage.used[day.isoformat()] = usage.used.get(day.isoformat(), 0) + 1
    start = period_start(quota, day).isoformat()
    if start in usage.remaining:
        usage.remaining[start] -= 1


def get_usage(state: State, plan_id: str, start: str, end: str, key_id: str | None = None) -> JSON:
    """GetUsage without paging; what it raises is `usage_rows`' own."""
    rows = dict(usage_rows(state, plan_id, start, end, key_id))
    return {"usagePlanId": plan_id, "startDate": start, "endDate": end, "items": rows}


def usage_rows(
    state: State, plan_id: str, start: str, end: str, key_id: str | None = None, after: str = ""
) -> Iterator[tuple[str, list[list[int]]]]:
    """[used, remaining] for each day of each key with traffic, in order, from the key `after` on.

    Raises:
        ApiGatewayError: unknown plan, or dates that are none or the wrong way round.
    """
    plan = state.plans.get(plan_id)
    if plan is None:
        raise not_found(UNKNOWN_PLAN)
    days, quota = _days(start, end), plan.settings.get("quota")
    rows = takewhile(lambda row: row[0][0] == plan_id, state.usage.after((plan_id, after)))
    return (
        (key, [_row(usage, quota, day) for day in days])
        for (_, key), usage in rows
        if key in plan.key_ids and key_id in (None, key)
    )


def _row(usage: Usage, quota: JSON | None, day: date) -> list[int]:
    if not quota:
        return [0, 0]
    return [usage.used.get(day.isoformat(), 0), remaining(usage, quota, day)]


def _days(start: str, end: str) -> list[date]:
    try:
        first, last = date.fromisoformat(start), date.fromisoformat(end)
    except ValueError as error:
        raise bad_request("Invalid date format. Must be YYYY-MM-DD") from error
    length = (last - first).days + 1
    if length < 1:
        raise bad_request("Usage start date must be before end date")
    if length > MAX_RANGE_DAYS:
        raise bad_request(f"Usage can be read for at most {MAX_RANGE_DAYS} days")
    return [first + timedelta(days=number) for number in range(length)]


def update_usage(
    state: State, clock: Clock, plan_id: str, key_id: str, operations: list[JSON]
) -> JSON:
    """UpdateUsage: `replace /remaining` grants so many calls for what is left of the period.

    Raises:
        ApiGatewayError: unknown plan or key, no quota, another patch than that one.
    """
    plan = state.plans.get(plan_id)
    if plan is None or key_id not in plan.key_ids:
        raise not_found(UNKNOWN_PLAN)
    granted = [_granted(operation) for operation in operations]
    quota = plan.settings.get("quota")
    if not quota:
        raise bad_request("Usage Plan has no quota")
    day = today(clock.now())
    usage = state.usage.setdefault((plan_id, key_id), Usage())
    for calls in granted:
        usage.remaining[period_start(quota, day).isoformat()] = calls
    return get_usage(state, plan_id, day.isoformat(), day.isoformat(), key_id)


def _granted(operation: JSON) -> int:
    op, path = operation.get("op"), operation.get("path")
    if op != "replace":
        raise bad_request("Invalid patch operation specified. Must be one of: [replace]")
    if path != "/remaining":
        raise bad_request(
            f"Invalid patch path  '{path}' specified for op 'replace'. Must be one of: [/remaining]"
        )
    value = str(operation.get("value"))
    if not value.isdigit():
        raise bad_request("Usage remaining must be a non-negative numeric")
    return int(value)
