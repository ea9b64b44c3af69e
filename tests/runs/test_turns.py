"""Turns one by one: places, room, stops, and what is given back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from keyward.aws.tables.call_schedule import CallSchedule, Stop
from keyward.errors import StoppedError
from keyward.runs.schedule import AUDIT, CALLS, CLOSE, LEAK, LOOK, NEW, STOP, STOPS
from keyward.runs.turns import OLD_SECONDS, READS, STOPS_KEYS, WRITES, Standing, Turns
from local.lifetime.tables import Tables

NOW = 1_795_000_000.0
THERE = Standing()


@pytest.fixture
def turns() -> Turns:
    return Turns(CallSchedule(Tables().by_name["LeasesTable"]), 50)


def calls(number: float, **operations: float) -> dict[str, float]:
    return {CALLS: number, **operations}


def take(turns: Turns, subject: str, number: float, at: float = NOW, **more: Any) -> Standing:
    asked = {"owner": "run-1", "lane": NEW} | more
    return turns.take(subject, asked["owner"], asked["lane"], calls(number), at)


def full(turns: Turns) -> None:
    """All that is there at once is used."""
    assert take(turns, "first", 20) == THERE


def test_what_is_there_at_once_is_there_and_the_rest_is_waited_for(turns: Turns) -> None:
    full(turns)
    assert take(turns, "acme", 10) == Standing(NOW + 2)
    assert take(turns, "globex", 5) == Standing(NOW + 3)
    assert not Standing(NOW).is_there
    assert THERE.is_there
    assert turns.of("first") is None
    turn = turns.of("acme")
    assert turn is not None
    assert (turn.subject, turn.owner, turn.lane) == ("acme", "run-1", NEW)
    assert (turn.calls, turn.ends, turn.ready_at) == ({CALLS: 10}, {CALLS: 30}, NOW + 2)


def test_a_place_stays_while_it_is_waited_for_and_comes(turns: Turns) -> None:
    full(turns)
    assert take(turns, "acme", 10) == take(turns, "acme", 10) == Standing(NOW + 2)
    assert take(turns, "acme", 10, NOW + 1) == Standing(NOW + 2)
    assert take(turns, "acme", 10, NOW + 2) == THERE
    assert turns.of("acme") is None
    assert take(turns, "globex", 5, NOW + 2) == Standing(NOW + 3)


def test_no_calls_need_no_turn_and_end_one(turns: Turns) -> None:
    assert turns.take("acme", "run-1", NEW, {}, NOW) == THERE
    assert turns.take("acme", "run-1", NEW, {"GetUsage": 5}, NOW) == THERE
    assert turns.waiting(NEW, CALLS, NOW) == 0
    full(turns)
    take(turns, "acme", 10)
    assert turns.take("acme", "run-1", NEW, {}, NOW) == THERE
    assert turns.of("acme") is None


def test_an_operation_waits_for_its_own_quota(turns: Turns) -> None:
    asked = calls(3, CreateApiKey=3, GetUsage=1)
    assert turns.take("acme", "run-1", NEW, asked, NOW) == Standing(NOW + 0.2)
    turn = turns.of("acme")
    assert turn is not None
    assert turn.calls == {CALLS: 3, "CreateApiKey": 3}
    assert turns.waiting(NEW, "CreateApiKey", NOW) == pytest.approx(0.5)
    assert turns.waiting(NEW, CALLS, NOW) == 0
    assert turns.waiting(AUDIT, CALLS, NOW) == 0


def test_the_run_after_another_takes_its_turn_over(turns: Turns) -> None:
    full(turns)
    take(turns, "acme", 10)
    assert take(turns, "acme", 10, NOW + 1, owner="run-2") == Standing(NOW + 2)
    turn = turns.of("acme")
    assert turn is not None
    assert turn.owner == "run-2"
    assert take(turns, "acme", 4, NOW + 2, owner="run-2") == THERE
    # The six calls that it did not need are there for others.
    assert take(turns, "globex", 6, NOW + 2) == THERE


def test_a_turn_for_more_calls_than_were_asked_for_takes_them_from_others(turns: Turns) -> None:
    full(turns)
    take(turns, "acme", 10)
    assert take(turns, "acme", 12, NOW + 2) == Standing(NOW + 2.4)
    assert take(turns, "acme", 12, NOW + 2.4) == THERE


@pytest.mark.parametrize(("seconds", "is_anew"), [(-1, False), (0, False), (1, True)])
def test_a_turn_that_nobody_used_for_long_is_asked_for_anew(
    turns: Turns, seconds: int, is_anew: bool
) -> None:
    full(turns)
    take(turns, "acme", 10)
    at = NOW + 2 + OLD_SECONDS + seconds
    assert take(turns, "other", 20, at) == THERE
    assert take(turns, "acme", 10, at, owner="run-2") == Standing(at + 2)
    turn = turns.of("acme")
    assert turn is not None
    # The old place was at call 30, a new one is behind the 20 calls of the other.
    assert (turn.owner, turn.ends) == ("run-2", {CALLS: 60 if is_anew else 30})


def test_what_stops_a_key_goes_first_and_is_debited(turns: Turns) -> None:
    full(turns)
    assert take(turns, "acme", 10) == Standing(NOW + 2)
    assert take(turns, "acme", 10, lane=STOP) == THERE
    assert turns.of("acme") is None
    assert take(turns, "globex", 10, lane=LEAK) == THERE
    # 20 calls of stops are owed, and the place that was given up is passed over.
    assert take(turns, "initech", 5) == Standing(NOW + 7)


def test_stops_wait_for_stops_alone(turns: Turns) -> None:
    assert take(turns, "first", 40, lane=CLOSE) == THERE
    assert take(turns, "acme", 10, lane=CLOSE) == Standing(NOW + 1)
    turn = turns.of("acme")
    assert turn is not None
    assert (turn.owner, turn.calls) == ("run-1", {STOPS: 10})
    assert take(turns, "acme", 10, lane=CLOSE) == Standing(NOW + 1)
    assert take(turns, "acme", 10, NOW + 1, lane=CLOSE) == THERE


def test_deletions_that_stop_keys_have_the_whole_quota(turns: Turns) -> None:
    asked = calls(5, DeleteApiKey=5)
    assert turns.take("acme", "run-1", CLOSE, asked, NOW) == THERE
    assert turns.take("globex", "run-1", CLOSE, asked, NOW) == Standing(NOW + 1)
    assert turns.take("initech", "run-1", NEW, asked, NOW).ready_at > NOW + 1


def test_calls_beside_a_stop_leave_less_of_the_account_for_stops(turns: Turns) -> None:
    full(turns)
    assert take(turns, "acme", 40, lane=STOP) == Standing(NOW + 2)


@pytest.mark.parametrize(
    ("everything", "lane", "effect", "is_refused"),
    [
        (False, NEW, WRITES, True),
        (False, NEW, READS, False),
        (False, NEW, STOPS_KEYS, False),
        (False, STOP, WRITES, False),
        (True, NEW, WRITES, True),
        (True, NEW, READS, False),
        (True, NEW, STOPS_KEYS, True),
        (True, STOP, WRITES, True),
    ],
)
def test_a_persons_stop_holds_for_what_it_names(
    turns: Turns, everything: bool, lane: str, effect: str, is_refused: bool
) -> None:
    turns.items.put_stop(Stop(NOW, everything))
    assert turns.take("acme", "run-1", lane, {}, NOW, effect) == THERE
    if not is_refused:
        assert turns.take("acme", "run-1", lane, calls(1), NOW, effect) == THERE
        return
    with pytest.raises(StoppedError) as error:
        turns.take("acme", "run-1", lane, calls(1), NOW, effect)
    assert str(error.value) == "writes to API Gateway are stopped since 2026-11-18T11:06:40Z"
    turns.items.put_stop(None)
    assert turns.take("acme", "run-1", lane, calls(1), NOW, effect) == THERE


def test_a_run_leaves_its_work_to_the_one_that_waits(turns: Turns) -> None:
    full(turns)
    take(turns, "acme", 10)
    turn = turns.of("acme")
    assert turn is not None
    assert not turns.is_joined("acme", "run-1")
    assert turns.join(turn)
    assert turns.is_joined("acme", "run-1")
    assert not turns.is_joined("acme", "run-2")
    assert not turns.is_joined("globex", "run-1")
    joined = take(turns, "acme", 10, NOW + 2)
    assert joined == Standing(is_joined=True)
    assert not turns.join(turn)


def test_calls_that_waited_for_no_turn_make_others_wait(turns: Turns) -> None:
    turns.debit(calls(25, GetUsage=3), NOW)
    assert take(turns, "acme", 5) == Standing(NOW + 2)
    assert turns.in_use(NOW) == (1, {NEW: 5})


def test_what_is_given_back_is_there_for_others(turns: Turns) -> None:
    full(turns)
    turns.give_back(calls(8), NOW)
    assert take(turns, "acme", 8) == THERE
    assert take(turns, "globex", 5) == Standing(NOW + 1)


def test_the_part_in_use_and_who_waits_are_told(turns: Turns) -> None:
    assert turns.in_use(NOW) == (0, {})
    take(turns, "first", 5)
    assert turns.in_use(NOW) == (0.25, {})
    take(turns, "second", 15)
    take(turns, "acme", 10, lane=LOOK)
    take(turns, "globex", 5)
    assert turns.in_use(NOW) == (1, {LOOK: 10, NEW: 5})
    used, waiting = turns.in_use(NOW + 1)
    assert (used, waiting) == (1, {LOOK: 5.5, NEW: 4.5})
    assert turns.in_use(NOW + 100) == (0, {})


def test_more_calls_come_behind_all_that_wait(turns: Turns) -> None:
    assert turns.behind(CALLS, 20, NOW) == NOW
    assert turns.behind(CALLS, 25, NOW) == NOW + 1
    full(turns)
    take(turns, "acme", 10)
    take(turns, "globex", 5, lane=AUDIT)
    assert turns.behind(CALLS, 5, NOW) == NOW + 4
    assert turns.behind("CreateApiKey", 5, NOW) == NOW + 1


def test_a_refused_call_pauses_the_account_for_a_second(turns: Turns) -> None:
    turns.refused(NOW)
    assert take(turns, "acme", 5) == Standing(NOW + 2)


def test_a_refused_operation_pauses_until_its_quota_has_filled(turns: Turns) -> None:
    turns.refused(NOW, "CreateApiKey")
    asked = calls(1, CreateApiKey=1)
    assert turns.take("acme", "run-1", NEW, asked, NOW) == Standing(NOW + 0.4)
    assert take(turns, "globex", 19) == THERE


def test_calls_that_come_together_begin_only_where_there_is_room(turns: Turns) -> None:
    full(turns)
    take(turns, "acme", 10)
    take(turns, "globex", 10)
    turns.debit(calls(20), NOW + 4)
    # Both places have come, and others took the room: the next room is theirs, in their order.
    assert take(turns, "acme", 10, NOW + 4) == Standing(NOW + 6)
    assert take(turns, "globex", 10, NOW + 4) == Standing(NOW + 8)
    assert take(turns, "acme", 10, NOW + 5.9) == Standing(NOW + 6)
    assert take(turns, "acme", 10, NOW + 6) == THERE
    assert take(turns, "globex", 10, NOW + 8) == THERE


def test_a_turn_of_another_run_is_not_changed_by_one_that_is_gone(turns: Turns) -> None:
    full(turns)
    take(turns, "acme", 10)
    turn = turns.of("acme")
    assert turn is not None
    take(turns, "acme", 10, owner="run-2")
    assert not turns.items.forget_turn(turn)
    assert not turns.items.change_turn(replace(turn, calls={}), turn)
