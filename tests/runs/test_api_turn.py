"""The way of an API's run into its next step: its turn, its lease, and what it is told."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from keyward.apis.progress import END, PLAN, REQUIRE, Progress
from keyward.aws.tables.call_schedule import Stop
from keyward.aws.tables.leases import LEASE_SECONDS, Lease
from keyward.errors import LeaseLostError, StoppedError
from keyward.runs.apis.turn import ApiTurn
from keyward.runs.schedule import AUDIT, CALLS, LOOK, PROTECTION
from keyward.runs.turns import READS
from keyward.values import JSON
from tests.runs.turn_lab import API, FIVE, OTHER, RUN, RUNS, SUBJECT, TurnLab
from tests.support import Bench


@pytest.fixture
def lab(bench: Bench) -> TurnLab:
    return TurnLab(bench)


def other_waits(lab: TurnLab) -> None:
    lab.busy(30)
    lab.bench.context().turns.take(SUBJECT, OTHER, LOOK, FIVE, lab.now)


def test_work_is_left_to_a_run_that_waits_for_the_turn(lab: TurnLab) -> None:
    assert lab.run().joined() is None
    other_waits(lab)
    joined = lab.run().joined()
    assert joined
    assert (joined.owner, joined.ready_at) == (OTHER, lab.now + 30)
    assert lab.bench.context().turns.is_joined(SUBJECT, OTHER)


def test_no_work_is_left_to_the_run_itself_or_to_one_that_was_stopped(lab: TurnLab) -> None:
    other_waits(lab)
    own = ApiTurn(lab.bench.context(), Progress(API, OTHER))
    assert own.joined() is None
    lab.bench.bus.stopped.add(OTHER)
    assert lab.run().joined() is None
    assert not lab.bench.context().turns.is_joined(SUBJECT, OTHER)


def test_no_work_is_left_to_a_run_that_has_just_begun(
    lab: TurnLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_waits(lab)

    def begins(execution_arn: str) -> bool:
        turn = lab.turn()
        assert turn
        return lab.bench.registry.schedule.forget_turn(turn)

    monkeypatch.setattr(lab.bench.bus, "is_running", begins)
    assert lab.run().joined() is None


def test_a_run_whose_turn_is_there_has_the_lease(lab: TurnLab) -> None:
    run = lab.run(wait_seconds=9)
    entered, is_there = run.enter(FIVE)
    lease = Lease(SUBJECT, RUN, 1)
    assert (entered, is_there) == (
        replace(run.progress, lease=lease.as_json(), wait_seconds=0),
        True,
    )
    assert lab.bench.registry.leases.holder(SUBJECT) == lease
    assert lab.used() == 0.25


def test_a_lease_that_is_held_is_renewed(lab: TurnLab) -> None:
    run = lab.leased()
    lab.bench.clock.advance(100)
    assert run.enter(FIVE) == (run.progress, True)
    assert lab.expires_in() == LEASE_SECONDS
    assert lab.used() == 0.25


def test_a_lease_that_another_run_took_is_lost(lab: TurnLab) -> None:
    run = lab.leased()
    lab.bench.clock.advance(LEASE_SECONDS)
    assert lab.bench.registry.leases.acquire(SUBJECT, OTHER, lab.now)
    with pytest.raises(LeaseLostError):
        run.enter(FIVE)


def test_a_run_ends_where_another_has_the_api_and_gives_its_calls_back(lab: TurnLab) -> None:
    leases = lab.bench.registry.leases
    leases.acquire(SUBJECT, OTHER, lab.now)
    entered, is_there = lab.run().enter(FIVE)
    assert (entered.next, entered.output, is_there) == (
        END,
        {"rest_api_id": API, "busy": True},
        False,
    )
    assert lab.used() == 0
    assert leases.rerun_requested(SUBJECT, OTHER)


@pytest.mark.parametrize("step", [REQUIRE, PLAN])
@pytest.mark.parametrize("others", [0, 1])
def test_after_a_wait_a_run_goes_on_only_where_nobody_was_meanwhile(
    lab: TurnLab, step: str, others: int
) -> None:
    leases, before = lab.bench.registry.leases, lab.leased().progress
    leases.release(Lease.of({"lease": before.lease}))
    for number in range(others):
        theirs = leases.acquire(SUBJECT, f"{RUNS}:{number}", lab.now)
        assert theirs
        leases.release(theirs)
    entered, is_there = lab.run(step, token=1).enter(FIVE)
    is_alone = not others
    assert entered.next == (step if is_alone else PLAN)
    assert entered.lease == Lease(SUBJECT, RUN, 2 + others).as_json()
    # Who plans is not stopped by those who were there: it has read nothing yet.
    assert is_there is (is_alone or step == PLAN)
    assert lab.used() == (0.25 if is_there else 0)


@pytest.mark.parametrize("is_leased", [True, False])
def test_a_run_to_which_another_left_its_work_plans_anew(lab: TurnLab, is_leased: bool) -> None:
    lab.busy(2)
    run = lab.leased() if is_leased else lab.run()
    waiting, is_there = run.enter(FIVE)
    assert (waiting.wait_seconds, is_there) == (2, False)
    turn = lab.turn()
    assert turn
    lab.bench.context().turns.join(turn)
    lab.bench.clock.advance(2)
    used = lab.used()
    entered, is_there = ApiTurn(lab.bench.context(), waiting).enter(FIVE)
    assert (entered.next, is_there) == (PLAN, False)
    assert entered.lease == Lease(SUBJECT, RUN, 1).as_json()
    assert lab.used() == pytest.approx(used - 0.25)


@pytest.mark.parametrize(("seconds", "is_kept"), [(1.5, True), (2, True), (2.1, False)])
def test_a_lease_is_kept_for_a_short_wait_alone(
    lab: TurnLab, seconds: float, is_kept: bool
) -> None:
    lab.busy(seconds)
    run = lab.leased()
    waiting, is_there = run.enter(FIVE)
    whole = 3 if seconds > 2 else 2
    assert not is_there
    assert (waiting.wait_seconds, waiting.waited, waiting.next) == (whole, whole, REQUIRE)
    assert (waiting.lease, waiting.token) == ((run.progress.lease, 0) if is_kept else (None, 1))
    assert (lab.bench.registry.leases.holder(SUBJECT) is not None) is is_kept


def test_a_run_that_was_left_word_plans_anew_and_keeps_its_lease(lab: TurnLab) -> None:
    lab.busy(3)
    run = lab.leased(wait_seconds=7)
    lab.bench.registry.leases.acquire(SUBJECT, OTHER, lab.now)
    assert run.enter(FIVE) == (replace(run.progress, next=PLAN, wait_seconds=0), False)
    assert lab.bench.registry.leases.holder(SUBJECT) == Lease(SUBJECT, RUN, 1)


@pytest.mark.parametrize(("seconds", "wait"), [(600, 600), (601, 600), (0.5, 1)])
def test_a_wait_comes_in_pieces_and_is_added_up(lab: TurnLab, seconds: float, wait: int) -> None:
    lab.busy(seconds)
    waiting, _ = lab.run(waited=40).enter(FIVE)
    assert (waiting.wait_seconds, waiting.waited) == (wait, 40 + wait)


@pytest.mark.parametrize(
    ("step", "asked", "lane"),
    [
        (PLAN, None, LOOK),
        (REQUIRE, None, PROTECTION),
        (PLAN, {"by": "audit"}, AUDIT),
        (REQUIRE, {"by": "audit"}, AUDIT),
        (PLAN, {"by": "event"}, LOOK),
    ],
)
def test_a_run_waits_in_the_lane_of_what_it_does(
    lab: TurnLab, step: str, asked: JSON | None, lane: str
) -> None:
    lab.busy(5)
    lab.run(step, asked=asked).enter(FIVE)
    turn = lab.turn()
    assert turn
    assert (turn.owner, turn.lane, turn.calls) == (RUN, lane, FIVE)


def test_a_turn_may_be_that_of_a_plan(lab: TurnLab) -> None:
    lab.busy(5)
    lab.run().enter(FIVE, "plan#free")
    turn = lab.turn("plan#free")
    assert turn
    assert turn.owner == RUN
    assert lab.turn() is None


def test_a_stop_holds_for_writes_and_lets_reads_pass(lab: TurnLab) -> None:
    lab.bench.registry.schedule.put_stop(Stop(lab.now, everything=False))
    with pytest.raises(StoppedError):
        lab.run().enter(FIVE)
    _, is_there = lab.run().enter(FIVE, effect=READS)
    assert is_there


def test_what_of_a_turn_was_not_used_is_given_back_and_more_is_debited(lab: TurnLab) -> None:
    turns = lab.bench.context().turns
    run, calls = lab.run(), {CALLS: 10.0, "GetResources": 2.0, "CreateDeployment": 1.0}
    assert run.enter(calls)[1]
    run.context.gateway.made.update(["GetRestApi", "GetRestApi"])
    turns.debit({"UpdateUsagePlan": 3}, lab.now)
    before = Counter(run.context.gateway.made)
    run.context.gateway.made.update(["GetStages", "GetResources", "GetResources", "GetResources"])
    run.settle(calls, before)
    assert lab.used() == pytest.approx(0.2)
    # Room for 2.5 at once: three were made, and the one deployment is there again.
    assert turns.behind("GetResources", 0, lab.now) == pytest.approx(lab.now + 0.5 / 1.25)
    assert turns.behind("CreateDeployment", 1, lab.now) == lab.now
    # What was neither in the turn nor made stays as it was.
    assert turns.behind("UpdateUsagePlan", 0, lab.now) == lab.now + 2 * 40
