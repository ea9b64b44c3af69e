"""When a source opens again what was closed."""

from __future__ import annotations

import pytest

from keyward.apis.loops import Closing, closed_methods, reopened
from keyward.apis.model import DeployedMethod
from keyward.values import DAY


def closings(*closed: str, apart: int = 60) -> list[Closing]:
    """One closing for each text of methods, so many seconds apart."""
    return [
        Closing("prod", f"d{number}", number * apart, 0, tuple(methods.split(", ")))
        for number, methods in enumerate(closed, 1)
    ]


@pytest.mark.parametrize("apart", [1, 3600, 30 * DAY])
def test_the_second_re_opening_tells_that_the_source_is_open_however_slow_it_is(apart: int) -> None:
    found = closings(*["GET /pets"] * 3, apart=apart)
    assert reopened(found[:2]) == ((), ())
    assert reopened(found) == (("GET /pets",), tuple(found))


def test_a_new_open_method_opens_nothing_again() -> None:
    assert reopened(closings("GET /a", "GET /b", "GET /c")) == ((), ())


def test_only_what_was_closed_before_is_told_and_only_with_its_own_closings() -> None:
    found = closings("GET /a", "GET /other", "GET /a", "GET /a, GET /new")
    methods, told = reopened(found)
    assert methods == ("GET /a",)
    assert [closing.deployment_id for closing in told] == ["d1", "d3", "d4"]


def test_what_a_deployment_closed_is_what_was_open_before_and_asks_now() -> None:
    def methods(**asks: bool) -> list[DeployedMethod]:
        return [DeployedMethod(f"/{name}", "GET", "NONE", key) for name, key in asks.items()]

    before = methods(pets=False, exempt=False, closed=True, gone=False)
    after = methods(pets=True, exempt=False, closed=True, new=True)
    assert closed_methods(before, after) == ("GET /pets",)
