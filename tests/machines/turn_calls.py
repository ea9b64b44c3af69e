"""Calls of the adapters for turns that no history makes, for the comparison with moto."""

from __future__ import annotations

from dataclasses import replace

from keyward.aws.tables import Registry
from keyward.aws.tables.call_schedule import TurnItem


def of_turns(registry: Registry, now: int) -> None:
    """Each of them once."""
    schedule, marks = registry.schedule, registry.marks
    turn = TurnItem("customer#coop", "run-1", "new", {"new": 2.0}, {"new": 2.0}, now)
    assert schedule.keep_turn(turn)
    assert not schedule.keep_turn(turn)
    assert schedule.change_turn(replace(turn, owner="run-2"), turn)
    turn = replace(turn, owner="run-2")
    assert schedule.change_turn(replace(turn, owner="run-1"), turn)
    turn = replace(turn, owner="run-1")
    assert schedule.join_turn(turn)
    assert schedule.is_joined(turn.subject, "run-1")
    assert schedule.forget_turn(turn)
    assert not schedule.forget_turn(turn)
    assert not schedule.join_turn(turn)
    schedule.read()
    assert marks.claim("mark", now)
    assert not marks.claim("mark", now + 1)
    marks.mark_done("mark")
