"""Routing and quota periods: two answers of our own to what API Gateway does, and they agree."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.routing import find, tree
from emulator.throttle import period_start
from keyward.apis.routes import resource_for
from keyward.policy.parts import Quota
from keyward.policy.periods import day_of, first_day, last_days, next_first_day

# Siblings share the name of a parameter: API Gateway refuses a second one.
PARTS = st.sampled_from(("pets", "cats", "{id}"))
RESOURCES = st.lists(
    st.builds(
        lambda parts, end: "/" + "/".join([*parts, *end]),
        st.lists(PARTS, max_size=3),
        st.sampled_from(((), ("{proxy+}",))),
    ),
    max_size=6,
    unique=True,
)
WORDS = st.sampled_from(("pets", "cats", "7", "a%2Fb"))
CALLS = st.lists(WORDS, max_size=4).map(lambda parts: "/" + "/".join(parts))
DAYS = st.dates(date(2025, 1, 1), date(2028, 12, 31))


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/pets/7", "/pets/{petId}"),
        ("/pets/mine", "/pets/mine"),
        ("/pets/7/photos", "/{proxy+}"),
        ("/pets", "/pets"),
        ("/", "/"),
    ],
)
def test_a_fixed_part_goes_before_a_parameter_and_that_before_the_rest(
    path: str, resource: str
) -> None:
    there = ["/", "/pets", "/pets/{petId}", "/pets/mine", "/{proxy+}"]
    assert resource_for(path, there) == resource


def test_the_rest_of_a_path_is_at_least_one_part() -> None:
    assert resource_for("/files", ["/files/{proxy+}"]) is None


@given(RESOURCES, CALLS)
def test_it_routes_as_the_emulator_does(resources: list[str], path: str) -> None:
    found = find(tree(resources), path)
    assert resource_for(path, resources) == (found.path if found else None)


def quotas() -> st.SearchStrategy[Quota]:
    return st.one_of(
        st.just(Quota(10, "DAY")),
        st.integers(0, 6).map(lambda offset: Quota(10, "WEEK", offset)),
        st.integers(0, 27).map(lambda offset: Quota(10, "MONTH", offset)),
    )


@given(quotas(), DAYS)
def test_periods_begin_as_the_emulators_do(quota: Quota, day: date) -> None:
    assert first_day(quota, day) == period_start(quota.as_json(), day)


@given(quotas(), DAYS)
def test_a_period_lasts_until_the_next_begins(quota: Quota, day: date) -> None:
    start, following = first_day(quota, day), next_first_day(quota, day)
    assert start <= day < following
    assert first_day(quota, following) == following
    assert first_day(quota, following - timedelta(days=1)) == start


@pytest.mark.parametrize(
    ("quota", "start", "following"),
    [
        (Quota(1, "DAY"), "2026-11-24", "2026-11-25"),
        (Quota(1, "WEEK"), "2026-11-22", "2026-11-29"),
        (Quota(1, "WEEK", 2), "2026-11-24", "2026-12-01"),
        (Quota(1, "MONTH"), "2026-11-01", "2026-12-01"),
        (Quota(1, "MONTH", 24), "2026-10-25", "2026-11-25"),
    ],
)
def test_periods_of_a_known_day(quota: Quota, start: str, following: str) -> None:
    day = date(2026, 11, 24)  # a Tuesday
    found = first_day(quota, day), next_first_day(quota, day)
    assert [item.isoformat() for item in found] == [start, following]


def test_a_day_is_one_of_utc_whatever_the_clock_of_the_machine(in_tokyo: None) -> None:
    midnight = 1_795_478_400.0  # 2026-11-24T00:00:00Z
    assert [day_of(at).isoformat() for at in (midnight - 1, midnight)] == [
        "2026-11-23",
        "2026-11-24",
    ]
    assert last_days(midnight, 3) == ("2026-11-22", "2026-11-23", "2026-11-24")


def test_a_period_begins_at_the_ends_of_months() -> None:
    late = Quota(1, "MONTH", 27)
    found = [first_day(late, day).isoformat() for day in (date(2026, 3, 1), date(2026, 3, 28))]
    assert found == ["2026-02-28", "2026-03-28"]
    assert next_first_day(late, date(2026, 1, 31)) == date(2026, 2, 28)
    assert next_first_day(Quota(1, "MONTH", 1), date(2026, 3, 1)) == date(2026, 3, 2)
    assert next_first_day(Quota(1, "MONTH", 27), date(2026, 1, 1)) == date(2026, 1, 28)
