"""The periods of a quota: when the current one began, and when the next one begins. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from keyward.policy.parts import Quota


def day_of(now: float) -> date:
    """The day of epoch seconds, in UTC: API Gateway's days."""
    return datetime.fromtimestamp(now, UTC).date()


def last_days(now: float, number: int) -> tuple[str, ...]:
    """The last days (`YYYY-MM-DD`, UTC), oldest first, today included."""
    today = day_of(now)
    return tuple((today - timedelta(days=back)).isoformat() for back in reversed(range(number)))


def first_day(quota: Quota, day: date) -> date:
    """The first day of the period that `day` lies in.

    A DAY has no offset (aws-recorded.md 3). In a WEEK the offset is the day on which it starts, 0
    for Sunday. In a MONTH it counts the days after the first. Source: "the day that a time period
    starts" (CloudFormation reference, UsagePlan QuotaSettings); not recorded on AWS.
    """
    if quota.period == "DAY":
        return day
    if quota.period == "WEEK":
        return day - timedelta(days=(day.isoweekday() - quota.offset) % 7)
    first = day.replace(day=1)
    if day.day <= quota.offset:
        first = (first - timedelta(days=1)).replace(day=1)
    return first + timedelta(days=quota.offset)


def next_first_day(quota: Quota, day: date) -> date:
    """The first day of the period after the one that `day` lies in."""
    start = first_day(quota, day)
    if quota.period == "DAY":
        return start + timedelta(days=1)
    if quota.period == "WEEK":
        return start + timedelta(days=7)
    in_next_month = start.replace(day=1) + timedelta(days=32)
    return in_next_month.replace(day=1) + timedelta(days=quota.offset)
