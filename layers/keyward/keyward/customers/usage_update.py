"""Turn a reading of GetUsage into a key's record and its announcements. Pure.

A reading sees every day since the last one. So a threshold that was passed in a period which has
ended is announced too, late rather than never.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from keyward.customers.key import KeyRecord
from keyward.customers.usage import KeyUsage, percent_of
from keyward.events.contracts import announcement
from keyward.events.requester import SCHEDULE, caused_by
from keyward.policy.parts import Quota, UsagePolicy
from keyward.policy.periods import day_of, first_day, next_first_day
from keyward.values import JSON, frozen

# GetUsage by day: (used, remaining at its end).
Days = Mapping[str, tuple[int, int]]
# The emulator's bound; AWS's own is not documented.
MAX_DAYS = 90


@frozen
class Reading:
    """A key's new record, and the announcements that go with it."""

    usage: KeyUsage
    announced: tuple[JSON, ...] = ()


@frozen
class _Period:
    """One period of one key."""

    start: date
    used: int
    remaining: int


def _of_this_key(before: KeyUsage | None, key: KeyRecord, plan: str) -> KeyUsage | None:
    """The last reading, as far as it still counts: what was announced belongs to one plan."""
    if before is None or before.key_id != key.key_id:
        return None
    same = before.plan == plan
    return before if same else replace(before, thresholds={}, unused_announced=False)


def first_day_to_read(quota: Quota, policy: UsagePolicy, now: float) -> date:
    """The first day to read by GetUsage: far enough back to find unused keys and, where that fits,
    to see the period before the current one."""
    today = day_of(now)
    before = first_day(quota, first_day(quota, today) - timedelta(days=1))
    unused = today - timedelta(days=policy.unused_days)
    return max(min(before, unused), today - timedelta(days=MAX_DAYS - 1))


def read(
    key: KeyRecord,
    plan: str,
    quota: Quota,
    days: Days,
    before: KeyUsage | None,
    policy: UsagePolicy,
    now: float,
) -> Reading:
    """Read what GetUsage answered for the key: `days`, none for a key without traffic."""
    before = _of_this_key(before, key, plan)
    today = day_of(now)
    current = _period(first_day(quota, today), today, quota, days)
    periods = [*_ended(before, current, quota, days), current]
    thresholds, passed = _thresholds(periods, quota, policy, before)
    usage = KeyUsage(
        customer_id=key.customer_id,
        number=key.number,
        key_id=str(key.key_id),
        plan=plan,
        period=quota.period,
        period_start=current.start.isoformat(),
        limit=quota.limit,
        used=current.used,
        remaining=current.remaining,
        read_at=int(now),
        last_used_on=_last_used(days, before),
        thresholds=thresholds,
    )
    announced = [_threshold(usage, period, quota, percent, now) for period, percent in passed]
    unused = is_unused(usage, key, policy, now)
    if unused and not (before and before.unused_announced):
        announced.append(_unused(usage, policy))
    return Reading(replace(usage, unused_announced=unused), tuple(announced))


def is_unused(usage: KeyUsage, key: KeyRecord, policy: UsagePolicy, now: float) -> bool:
    """Whether an enabled key, attached so long ago, was not called for `unused_days`."""
    earliest = day_of(now) - timedelta(days=policy.unused_days)
    since = key.attached_at or key.created_at
    if not key.enabled or since is None or day_of(since) > earliest:
        return False
    return usage.last_used_on is None or date.fromisoformat(usage.last_used_on) < earliest


def exhausted_on(usage: KeyUsage, quota: Quota, now: float) -> str | None:
    """The day on which the quota is used up if the period goes on as it began; None when it lasts.
    Today when nothing is left."""
    start = date.fromisoformat(usage.period_start)
    if usage.remaining <= 0:
        return day_of(now).isoformat()
    whole = max(usage.limit, usage.used + usage.remaining)
    spent, elapsed = whole - usage.remaining, now - _midnight(start)
    if spent <= 0 or elapsed <= 0:
        return None
    ends = now + usage.remaining * elapsed / spent
    return day_of(ends).isoformat() if ends < _midnight(next_first_day(quota, start)) else None


def _ended(before: KeyUsage | None, current: _Period, quota: Quota, days: Days) -> list[_Period]:
    """The period of the last reading, when another has begun since."""
    if before is None or before.period_start >= current.start.isoformat():
        return []
    start = first_day(quota, date.fromisoformat(before.period_start))
    last = next_first_day(quota, start) - timedelta(days=1)
    return [_period(start, last, quota, days)] if last.isoformat() in days else []


def _period(start: date, last: date, quota: Quota, days: Days) -> _Period:
    within = {
        day: usage for day, usage in days.items() if start.isoformat() <= day <= last.isoformat()
    }
    used = sum(used for used, _ in within.values())
    remaining = within[max(within)][1] if within else quota.limit
    return _Period(start, used, remaining)


def _thresholds(
    periods: list[_Period], quota: Quota, policy: UsagePolicy, before: KeyUsage | None
) -> tuple[dict[str, tuple[int, ...]], list[tuple[_Period, int]]]:
    """The thresholds (percent) that were announced by now, by the first day of a period; and those
    that were passed since the last reading."""
    announced = dict(before.thresholds) if before else {}
    passed = []
    for period in periods:
        start = period.start.isoformat()
        fresh = _reached(period, quota, policy, announced.get(start, ()))
        announced[start] = (*announced.get(start, ()), *fresh)
        passed += [(period, percent) for percent in fresh]
    # This period and the last one: no reading looks further back.
    newest = {start: announced[start] for start in sorted(announced)[-2:] if announced[start]}
    return newest, passed


def _reached(
    period: _Period, quota: Quota, policy: UsagePolicy, announced: tuple[int, ...]
) -> tuple[int, ...]:
    percent = percent_of(quota.limit, period.used, period.remaining)
    return tuple(item for item in policy.thresholds if item <= percent and item not in announced)


def _last_used(days: Days, before: KeyUsage | None) -> str | None:
    used_on = [day for day, (used, _) in days.items() if used]
    earlier = [before.last_used_on] if before and before.last_used_on else []
    return max([*used_on, *earlier], default=None)


def _threshold(usage: KeyUsage, period: _Period, quota: Quota, percent: int, now: float) -> JSON:
    current = period.start.isoformat() == usage.period_start
    return announcement(
        "QuotaThresholdReached",
        customer_id=usage.customer_id,
        key_id=usage.key_id,
        plan=usage.plan,
        threshold=percent,
        used=period.used,
        remaining=period.remaining,
        limit=quota.limit,
        period=quota.period,
        period_start=period.start.isoformat(),
        period_ends=next_first_day(quota, period.start).isoformat(),
        exhausted_on=exhausted_on(usage, quota, now) if current else None,
        caused_by=caused_by({"by": SCHEDULE}),
    )


def _unused(usage: KeyUsage, policy: UsagePolicy) -> JSON:
    return announcement(
        "KeyUnused",
        customer_id=usage.customer_id,
        key_id=usage.key_id,
        plan=usage.plan,
        unused_days=policy.unused_days,
        last_used_on=usage.last_used_on,
        caused_by=caused_by({"by": SCHEDULE}),
    )


def _midnight(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()
