"""What a reading of usage means: thresholds once each, the day of exhaustion, keys unused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyward.customers.key import CREATED, KeyRecord
from keyward.customers.usage import KeyUsage, percent_of, usage_of
from keyward.customers.usage_update import Days, Reading, exhausted_on, first_day_to_read, read
from keyward.errors import PolicyRefusedError
from keyward.policy.parse import parse
from keyward.policy.parts import Quota, UsagePolicy

POLICY = UsagePolicy()
MONTH, DAY, WEEK = Quota(1000, "MONTH"), Quota(100, "DAY"), Quota(700, "WEEK")
KEY = KeyRecord("acme", 1, CREATED, key_id="k1", plans=("pro",), attached_at=1)


def at(day: str, hour: int = 12) -> float:
    return datetime.fromisoformat(f"{day}T{hour:02d}:00:00+00:00").astimezone(UTC).timestamp()


def days(quota: Quota, **used: int) -> Days:
    """Days of November 2026, `d20=5`; what remains is counted down from the month's first."""
    told, left = {}, quota.limit
    for number in range(1, 31):
        spent = used.get(f"d{number}", 0)
        left = (quota.limit if quota.period == "DAY" else left) - spent
        told[f"2026-11-{number:02d}"] = (spent, max(0, left))
    return told


def reading(quota: Quota, told: Days, before: KeyUsage | None = None, **more: Any) -> Reading:
    given = {"key": KEY, "plan": "pro", "policy": POLICY, "now": at("2026-11-20")} | more
    until = datetime.fromtimestamp(given["now"], UTC).date().isoformat()
    seen = {day: row for day, row in told.items() if day <= until}
    return read(quota=quota, days=seen, before=before, **given)


def thresholds(found: Reading) -> list[int]:
    return [event["detail"]["threshold"] for event in found.announced]


def test_what_was_used_in_the_period_is_recorded() -> None:
    found = reading(MONTH, days(MONTH, d3=100, d19=20)).usage
    assert (found.used, found.remaining, found.limit) == (120, 880, 1000)
    assert (found.period_start, found.last_used_on) == ("2026-11-01", "2026-11-19")


@pytest.mark.parametrize(
    ("used", "told"),
    [(499, []), (500, [50]), (799, [50]), (800, [50, 80]), (1000, [50, 80, 100])],
)
def test_each_threshold_that_was_reached_is_told(used: int, told: list[int]) -> None:
    assert thresholds(reading(MONTH, days(MONTH, d3=used))) == told


def test_a_threshold_is_told_once_a_period() -> None:
    first = reading(MONTH, days(MONTH, d3=600))
    again = reading(MONTH, days(MONTH, d3=600), first.usage, now=at("2026-11-21"))
    more = reading(MONTH, days(MONTH, d3=600, d21=250), again.usage, now=at("2026-11-22"))
    assert [thresholds(found) for found in (first, again, more)] == [[50], [], [80]]


def test_a_new_period_starts_afresh() -> None:
    first = reading(DAY, days(DAY, d20=60))
    second = reading(DAY, days(DAY, d20=60, d21=70), first.usage, now=at("2026-11-21"))
    assert [thresholds(found) for found in (first, second)] == [[50], [50]]


def test_what_was_passed_after_the_last_reading_is_told_late_rather_than_never() -> None:
    first = reading(DAY, days(DAY, d20=60))
    second = reading(DAY, days(DAY, d20=100), first.usage, now=at("2026-11-21", 0))
    assert [
        (event["detail"]["threshold"], event["detail"]["period_start"])
        for event in second.announced
    ] == [(80, "2026-11-20"), (100, "2026-11-20")]
    third = reading(DAY, days(DAY, d20=100), second.usage, now=at("2026-11-22", 0))
    assert third.announced == ()


def test_the_first_reading_does_not_tell_of_periods_before_it() -> None:
    assert reading(DAY, days(DAY, d19=100)).announced == ()


def test_another_plan_counts_afresh() -> None:
    first = reading(MONTH, days(MONTH, d3=600))
    moved = reading(MONTH, days(MONTH, d20=700), first.usage, plan="max")
    assert thresholds(moved) == [50]
    assert moved.usage.plan == "max"


@pytest.mark.parametrize(
    ("limit", "used", "remaining", "percent"),
    [
        (100, 0, 100, 0),
        (100, 99, 1, 99),
        (100, 100, 0, 100),
        (100, 100, 100, 50),
        (100, 10, 30, 70),
        (0, 0, 0, 0),
    ],
    ids=["none", "nearly", "all", "extended", "carried over", "no quota at all"],
)
def test_percent_counts_extensions_and_what_was_carried_over(
    limit: int, used: int, remaining: int, percent: int
) -> None:
    assert percent_of(limit, used, remaining) == percent


def usage(**more: Any) -> KeyUsage:
    made = KeyUsage("acme", 1, "k1", "pro", "MONTH", "2026-11-01", 1000, 500, 500, 1)
    return replace(made, **more)


def test_the_day_of_exhaustion_goes_on_as_the_period_began() -> None:
    # 500 in 15 days: the other 500 last to the end of the month
    assert exhausted_on(usage(), MONTH, at("2026-11-16", 0)) is None
    assert exhausted_on(usage(used=600, remaining=400), MONTH, at("2026-11-16", 0)) == "2026-11-26"
    assert exhausted_on(usage(used=0, remaining=1000), MONTH, at("2026-11-16", 0)) is None
    assert exhausted_on(usage(used=1000, remaining=0), MONTH, at("2026-11-16")) == "2026-11-16"


def test_a_threshold_names_the_day_of_exhaustion() -> None:
    (event, *_) = reading(MONTH, days(MONTH, d3=850)).announced
    assert event["detail"]["exhausted_on"] == "2026-11-23"
    assert event["detail"]["period_ends"] == "2026-12-01"


def test_a_key_that_nobody_calls_is_told_once_until_it_is_used_again() -> None:
    first = reading(MONTH, {})
    again = reading(MONTH, {}, first.usage, now=at("2026-11-21"))
    used = reading(MONTH, days(MONTH, d22=1), again.usage, now=at("2026-11-22"))
    later = reading(MONTH, {}, used.usage, now=at("2026-12-23"))
    kinds = [[event["detail_type"] for event in f.announced] for f in (first, again, used, later)]
    assert kinds == [["KeyUnused"], [], [], ["KeyUnused"]]
    assert later.announced[0]["detail"]["last_used_on"] == "2026-11-22"


@pytest.mark.parametrize(
    "key",
    [
        replace(KEY, enabled=False),
        replace(KEY, attached_at=int(at("2026-11-01"))),
        replace(KEY, attached_at=None),
    ],
    ids=["disabled", "young", "in no plan yet"],
)
def test_a_key_that_could_not_be_used_long_enough_is_not_unused(key: KeyRecord) -> None:
    assert reading(MONTH, {}, key=key).announced == ()


def test_what_is_stored_is_what_is_read_back() -> None:
    found = reading(MONTH, days(MONTH, d3=850)).usage
    assert usage_of(found.as_item()) == found
    silent = reading(MONTH, {}).usage
    assert usage_of(silent.as_item()) == silent


@pytest.mark.parametrize(
    ("quota", "first"),
    [(DAY, "2026-10-21"), (WEEK, "2026-10-21"), (MONTH, "2026-10-01")],
)
def test_it_is_read_from_the_period_before_or_as_far_as_unused_keys_ask(
    quota: Quota, first: str
) -> None:
    assert first_day_to_read(quota, POLICY, at("2026-11-20")).isoformat() == first


@given(
    st.lists(st.tuples(st.integers(0, 60), st.booleans()), min_size=1, max_size=28),
    st.sampled_from((DAY, WEEK, MONTH)),
)
def test_whatever_comes_each_threshold_of_a_period_is_told_once_and_none_is_missed(
    calls: list[tuple[int, bool]], quota: Quota
) -> None:
    """Each day calls are made and, on some days only, read; the last day is always read."""
    first, told = date(2026, 11, 1), {}
    before, heard = None, []
    for number, (used, is_read) in enumerate([*calls, (0, True)]):
        today = first + timedelta(days=number)
        start = today if quota.period == "DAY" else first
        if quota.period == "WEEK":
            start = first + timedelta(days=number // 7 * 7)
        spent = sum(row[0] for day, row in told.items() if day >= start.isoformat()) + used
        told[today.isoformat()] = (used, max(0, quota.limit - spent))
        if is_read:
            now = at(today.isoformat())
            found = read(KEY, "pro", quota, told, before, POLICY, now)
            heard += [
                (event["detail"]["period_start"], event["detail"]["threshold"])
                for event in found.announced
                if event["detail_type"] == "QuotaThresholdReached"
            ]
            before = found.usage
    assert len(heard) == len(set(heard))
    last = str(before.period_start if before else "")
    reached = {
        percent for percent in POLICY.thresholds if percent <= (before.percent if before else 0)
    }
    assert {percent for start, percent in heard if start == last} == reached


@pytest.mark.parametrize(
    "wrong", [{"thresholds": [0]}, {"thresholds": [101]}, {"unused_days": 0}, {"more": 1}]
)
def test_a_policy_of_usage_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(PolicyRefusedError):
        parse(json.dumps({"usage_plans": {"free": {}}, "usage": wrong}))


def test_the_policy_says_when_and_whom_to_tell() -> None:
    told = parse('{"usage_plans": {"free": {}}, "usage": {"thresholds": [90, 10]}}').usage
    assert told == UsagePolicy(thresholds=(10, 90))
