"""Turns of several runs at once, and what a turn gives back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from keyward.aws.tables.call_schedule import CallSchedule, TurnItem
from keyward.runs.schedule import CALLS, NEW, STOP
from keyward.runs.turns import Standing, Turns
from local.lifetime.tables import Tables

NOW = 1_795_000_000.0
THERE = Standing()


@pytest.fixture
def turns() -> Turns:
    made = Turns(CallSchedule(Tables().by_name["LeasesTable"]), 50)
    assert take(made, "first", 20) == THERE
    return made


def calls(number: float, **operations: float) -> dict[str, float]:
    return {CALLS: number, **operations}


def take(turns: Turns, subject: str, number: float, at: float = NOW, **more: Any) -> Standing:
    asked = {"owner": "run-1", "lane": NEW} | more
    amounts = calls(number) if number else {}
    return turns.take(subject, asked["owner"], asked["lane"], amounts, at)


def forgetting_twice(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run of the subject uses its turn a moment before."""
    real: Callable[[TurnItem], bool] = turns.items.forget_turn

    def late(turn: TurnItem) -> bool:
        real(turn)
        return real(turn)

    monkeypatch.setattr(turns.items, "forget_turn", late)


def test_two_runs_that_ask_in_one_moment_have_one_turn(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = turns.items.add

    def after_another(amounts: Any) -> dict[str, float]:
        monkeypatch.setattr(turns.items, "add", real)
        assert take(turns, "acme", 10, owner="run-2") == Standing(NOW + 2)
        return real(amounts)

    monkeypatch.setattr(turns.items, "add", after_another)
    take(turns, "acme", 10)
    turn = turns.of("acme")
    assert turn is not None
    assert turn.owner == "run-2"
    # The calls of the second are not waited for.
    assert turns.behind(CALLS, 5, NOW) == NOW + 3


def test_a_run_that_comes_second_gives_back_what_it_would_have_called(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(turns, "acme", 10)
    take(turns, "globex", 10)
    with monkeypatch.context() as patch:
        forgetting_twice(turns, patch)
        assert take(turns, "acme", 9, NOW + 2) == Standing(NOW + 3)
    # Nothing more is owed, and the room is there for who comes next.
    assert turns.behind(CALLS, 5, NOW + 2) == NOW + 5
    assert take(turns, "globex", 10, NOW + 4) == THERE


def test_a_late_turn_is_used_by_one_run(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    take(turns, "acme", 10)
    turns.debit(calls(10), NOW + 2)
    assert take(turns, "acme", 10, NOW + 2) == Standing(NOW + 4)
    forgetting_twice(turns, monkeypatch)
    assert take(turns, "acme", 10, NOW + 4) == Standing(NOW + 5)


def test_a_turn_that_is_there_and_not_needed_is_there_for_others(turns: Turns) -> None:
    take(turns, "acme", 10)
    assert take(turns, "acme", 0, NOW + 2) == THERE
    assert take(turns, "globex", 10, NOW + 2) == THERE


def test_a_turn_that_is_waited_for_gives_nothing_back(turns: Turns) -> None:
    take(turns, "acme", 10)
    assert take(turns, "acme", 0, NOW + 1) == THERE
    assert take(turns, "globex", 5, NOW + 1) == Standing(NOW + 3)


def test_a_late_turn_that_is_not_needed_gives_its_room_back(turns: Turns) -> None:
    take(turns, "acme", 10)
    take(turns, "globex", 10)
    turns.debit(calls(20), NOW + 4)
    assert take(turns, "acme", 10, NOW + 4) == Standing(NOW + 6)
    assert take(turns, "acme", 0, NOW + 4) == THERE
    assert take(turns, "globex", 10, NOW + 4) == Standing(NOW + 6)


@pytest.mark.parametrize(
    ("asked", "used", "ready"),
    [
        (calls(10), calls(10, CreateApiKey=3), 4.2),
        (calls(10, CreateApiKey=1), calls(10), 3.0),
        (calls(10, CreateApiKey=1), calls(10, CreateApiKey=2), 3.4),
    ],
)
def test_a_turn_counts_what_was_called_and_not_what_was_asked_for(
    turns: Turns, asked: dict[str, float], used: dict[str, float], ready: float
) -> None:
    turns.take("acme", "run-1", NEW, asked, NOW)
    assert turns.take("acme", "run-1", NEW, used, NOW + 2) == THERE
    seconds = turns.behind("CreateApiKey", 5, NOW + 2) - NOW
    assert seconds == pytest.approx(ready, abs=0.01)


def test_a_call_that_a_turn_was_for_and_that_is_not_made_is_given_back(turns: Turns) -> None:
    turns.take("acme", "run-1", NEW, calls(10, CreateApiKey=1), NOW)
    # Others made so many that none is left to be kept.
    turns.debit({"CreateApiKey": 9}, NOW + 2)
    assert take(turns, "acme", 10, NOW + 2) == THERE
    assert turns.behind("CreateApiKey", 5, NOW + 2) - NOW == pytest.approx(6.2, abs=0.01)


def test_calls_without_a_turn_leave_less_for_stops(turns: Turns) -> None:
    turns.debit(calls(10), NOW)
    assert take(turns, "acme", 40, lane=STOP) == Standing(NOW + 3)


def test_a_refused_call_holds_no_stop_up_and_what_is_owed_is_owed_once(turns: Turns) -> None:
    turns.debit(calls(5), NOW)
    turns.refused(NOW)
    assert take(turns, "acme", 15, lane=STOP) == THERE
    other = Turns(CallSchedule(Tables().by_name["LeasesTable"]), 50)
    other.debit(calls(25), NOW)
    other.refused(NOW)
    assert take(other, "acme", 5) == Standing(NOW + 3)
