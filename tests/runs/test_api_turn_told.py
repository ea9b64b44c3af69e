"""What people are told of an API that waits long for its turn, and until when by that."""

from __future__ import annotations

import pytest

from keyward.apis.progress import ATTACH, DEPLOY, PLAN, REQUIRE, Progress
from keyward.runs.apis.turn import ApiTurn
from keyward.runs.schedule import CALLS, LOOK, PROTECTION
from keyward.values import DAY, iso
from tests.runs.turn_lab import API, FIVE, OTHER, RUN, TurnLab
from tests.support import Bench


@pytest.fixture
def lab(bench: Bench) -> TurnLab:
    return TurnLab(bench)


@pytest.mark.parametrize(
    ("step", "waited", "seconds", "is_told"),
    [
        (DEPLOY, 30, 30, False),
        (DEPLOY, 30, 31, True),
        (DEPLOY, 900, 10, False),
        (DEPLOY, 900, 11, True),
        (PLAN, 200, 100, False),
        (PLAN, 200, 101, True),
        (REQUIRE, 0, 300, False),
        (REQUIRE, 0, 301, True),
        (DEPLOY, 0, 60, False),
        (DEPLOY, 0, 61, True),
    ],
)
def test_who_waits_long_is_told(
    lab: TurnLab, step: str, waited: int, seconds: int, is_told: bool
) -> None:
    lab.busy(seconds)
    lab.run(step, waited=waited).enter(FIVE)
    assert len(lab.told()) == is_told


def test_what_is_told_names_the_api_the_time_the_run_and_the_cause(lab: TurnLab) -> None:
    lab.busy(400)
    asked = {"by": "event", "event_id": "e1", "detail_type": "Shop", "source": "shop"}
    lab.run(DEPLOY, asked=asked).enter(FIVE)
    [entry] = lab.bench.bus.entries
    assert entry["DetailType"] == "ApiPending"
    told = entry["Detail"]
    assert (told["rest_api_id"], told["execution_arn"]) == (API, RUN)
    assert "this API waits for its turn" in told["reason"]
    assert told["ready_by"] == iso(lab.now + 400)
    assert told["caused_by"] == {"event_id": "e1", "detail_type": "Shop", "source": "shop"}


def test_a_run_is_told_once_a_day(lab: TurnLab) -> None:
    for seconds, number in ((0, 1), (1, 1), (DAY - 2, 1), (1, 2)):
        lab.bench.clock.advance(seconds)
        lab.busy(4000)
        lab.run(DEPLOY).enter(FIVE)
        assert len(lab.told()) == number
    ApiTurn(lab.bench.context(), Progress(API, OTHER, next=DEPLOY)).enter(FIVE)
    assert len(lab.told()) == 3
    marks = lab.bench.registry.marks
    assert not marks.claim("pending#run-1", lab.now)
    assert not marks.claim("pending#run-2", lab.now)


def waiting(lab: TurnLab, lane: str, number: float) -> None:
    """Another API's calls that wait in a lane, at their place."""
    lab.bench.context().turns.take(f"api#{lane}", OTHER, lane, {CALLS: number}, lab.now)


@pytest.mark.parametrize(
    ("step", "seconds"),
    [(DEPLOY, 0), (REQUIRE, (200 + 5) / 10), (PLAN, (200 + 5) / 6 + 200 / 10)],
)
def test_the_deployments_of_those_before_are_waited_for(
    lab: TurnLab, step: str, seconds: float
) -> None:
    lab.busy(900)
    waiting(lab, PROTECTION, 200)
    waiting(lab, LOOK, 200)
    # 400 deployments are owed, at one in ten seconds: more than the calls need.
    lab.bench.context().turns.debit({"CreateDeployment": 401}, lab.now)
    lab.run(step).enter({CALLS: 5.0})
    [told] = lab.told()
    assert told["ready_by"] == iso(lab.now + 4000 + 10 * seconds)


@pytest.mark.parametrize(
    ("plans", "seconds"), [(0, 400), (1, 400), (12, 400), (13, 440), (15, 520)]
)
def test_the_other_plans_of_an_api_are_waited_for(lab: TurnLab, plans: int, seconds: int) -> None:
    lab.busy(400)
    attach = tuple({"plan": str(number)} for number in range(plans))
    lab.run(ATTACH, attach=attach).enter(FIVE)
    [told] = lab.told()
    assert told["ready_by"] == iso(lab.now + seconds)


def test_only_a_step_of_plans_waits_for_plans(lab: TurnLab) -> None:
    lab.busy(400)
    lab.run(REQUIRE, attach=tuple({"plan": str(number)} for number in range(15))).enter(FIVE)
    [told] = lab.told()
    assert told["ready_by"] == iso(lab.now + 400)


def test_plans_that_are_owed_are_waited_for(lab: TurnLab) -> None:
    lab.busy(400)
    lab.bench.context().turns.debit({"UpdateUsagePlan": 21}, lab.now)
    lab.run(ATTACH).enter(FIVE)
    [told] = lab.told()
    assert told["ready_by"] == iso(lab.now + 800)
