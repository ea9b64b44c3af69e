"""Whether a key can do less by the later of two limits."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.policy.narrower import allows_less

Amount = tuple[float, ...]


@pytest.mark.parametrize(
    ("before", "after", "is_less"),
    [
        (None, (10, "DAY"), True),
        ((10, "DAY"), (10, "DAY"), False),
        ((10, "DAY"), (11, "DAY"), False),
        ((10, "DAY"), (9, "DAY"), True),
        ((10, "DAY"), (310, "MONTH"), False),
        ((10, "DAY"), (309, "MONTH"), True),
        ((10, "DAY"), (70, "WEEK"), False),
        ((10, "DAY"), (69, "WEEK"), True),
        ((310, "MONTH"), (10, "DAY"), True),
        ((10, "MONTH"), (10, "DAY"), False),
        ((10, "WEEK"), (60, "MONTH"), False),
        ((10, "WEEK"), (59, "MONTH"), True),
        ((10, "MONTH"), (20, "WEEK"), False),
        ((10, "MONTH"), (19, "WEEK"), True),
        ((10, "WEEK"), None, False),
    ],
)
def test_a_quota_is_less_where_it_refuses_what_was_allowed(
    before: tuple[int, str] | None, after: tuple[int, str] | None, is_less: bool
) -> None:
    was, now = (q and {"limit": q[0], "period": q[1]} for q in (before, after))
    assert allows_less("quota", was, now) == is_less


@pytest.mark.parametrize(("limit", "is_less"), [(10, True), (19, True), (20, False)])
def test_a_week_that_begins_on_another_day_lies_in_two_of_the_former(
    limit: int, is_less: bool
) -> None:
    was = {"limit": 10, "period": "WEEK", "offset": 1}
    assert allows_less("quota", was, {"limit": limit, "period": "WEEK", "offset": 2}) == is_less


@pytest.mark.parametrize("part", ["throttle", "methods.GET /pets"])
@pytest.mark.parametrize(
    ("before", "after", "is_less"),
    [
        (None, (5, 10), True),
        ((5, 10), None, False),
        ((5, 10), (5, 10), False),
        ((5, 10), (4, 10), True),
        ((5, 10), (5, 9), True),
        ((5, 10), (9, 9), True),
        ((5, 10), (4, 99), True),
        ((5, 10), (6, 10), False),
        ((5, 10), (5, 11), False),
    ],
)
def test_a_throttle_is_less_by_its_rate_or_its_burst(
    part: str, before: Amount | None, after: Amount | None, is_less: bool
) -> None:
    was, now = (t and {"rateLimit": t[0], "burstLimit": t[1]} for t in (before, after))
    assert allows_less(part, was, now) == is_less


def test_what_limits_nothing_never_allows_less() -> None:
    values: list[Any] = [None, True, {"apis": ["a"]}]
    for part in ("adopt", "stages", "rotate_after_days"):
        assert not any(allows_less(part, was, now) for was in values for now in values)
