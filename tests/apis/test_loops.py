"""When deploying again is no use."""

from __future__ import annotations

from keyward.apis.loops import MAX_REDEPLOYS, Loop, Redeploy, loop_of
from keyward.apis.model import DeployedMethod
from keyward.values import HOUR

NOW = 1_000_000.0
PETS = DeployedMethod("/pets", "GET", "NONE", key_required=False)
CLOSED = ("GET /pets NONE key", "OPTIONS /pets NONE open")


def redeploys(*times: int) -> list[Redeploy]:
    return [Redeploy(number, "prod", f"d{number}", at) for number, at in enumerate(times)]


def test_the_third_time_within_the_hour_is_a_loop_until_the_first_is_an_hour_old() -> None:
    found = loop_of([PETS], redeploys(100, 200, 300), lambda _: CLOSED)
    assert found == Loop(3, 100 + HOUR)


def test_twice_is_no_loop() -> None:
    assert loop_of([PETS], redeploys(100, 200), lambda _: CLOSED) is None


def test_what_we_never_closed_is_no_loop() -> None:
    other = DeployedMethod("/new", "GET", "NONE", key_required=False)
    assert loop_of([other], redeploys(100, 200, 300), lambda _: CLOSED) is None


def test_an_exempt_method_of_ours_that_is_open_again_is_no_loop() -> None:
    options = DeployedMethod("/pets", "OPTIONS", "NONE", key_required=False)
    assert loop_of([options], redeploys(100, 200, 300), lambda _: CLOSED) is None


def test_many_stages_that_one_plan_deployed_count_once() -> None:
    one_plan = [Redeploy(7, "prod", f"d{stage}", 100) for stage in range(MAX_REDEPLOYS)]
    assert loop_of([PETS], one_plan, lambda _: CLOSED) is None


def test_a_deployment_that_is_forgotten_does_not_count() -> None:
    lines = {"d0": CLOSED, "d1": CLOSED, "d2": ()}
    assert loop_of([PETS], redeploys(100, 200, 300), lambda name: lines[name]) is None
