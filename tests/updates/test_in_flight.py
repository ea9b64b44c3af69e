"""Executions that an update meets: old definitions on new functions, and the reverse.

`release.jsonl` is of the last release (tests/updates/record.py writes the next one)."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from emulator.clock import VirtualClock
from keyward.values import JSON
from local.bench import Bench
from local.lifetime import executions, machine
from local.lifetime.states import StateFailed, Task
from tests.engines.stories import ALL
from tests.updates.record import MACHINES, text

RELEASE = Path(__file__).parent / "release.jsonl"
# Of the engine itself: an expression that found nothing, a state that cannot go on.
BROKEN = ("States.QueryEvaluationError", "States.Runtime", "KeyError", "AssertionError")
# What each release made incompatible on purpose, by machine and state, and what heals it.
ON_PURPOSE: dict[tuple[str, str], str] = {}


@cache
def released() -> JSON:
    """The recorded release."""
    found: JSON = {"definitions": {}, "histories": [], "values": {}}
    for line in RELEASE.read_text("utf-8").splitlines():
        part, body = json.loads(line).values()
        if part == "history":
            found["histories"].append(body)
        else:
            found["definitions" if part == "definition" else "values"].update(body)
    return found


def outcome(bench: Bench) -> JSON:
    """What customers and teams have in the end."""
    keys = bench.gateway.get_api_keys(limit=500)["items"]
    return {
        "keys": sorted((key["name"], key["enabled"]) for key in keys),
        "findings": sorted({finding["kind"] for finding in bench.audit()["findings"]}),
        "open": sorted(
            bench.call(api["id"], stage["stageName"], "GET", "/pets")
            for api in bench.gateway.get_rest_apis()["items"]
            for stage in bench.gateway.get_stages(restApiId=api["id"])["item"]
        ),
    }


LONG = ("crowd", "quotas", "faults")
STORIES = [
    pytest.param(one, id=one.__name__, marks=[pytest.mark.sizes] if one.__name__ in LONG else [])
    for one in ALL
]


@pytest.mark.parametrize("story", STORIES)
def test_the_released_definitions_do_the_same_on_todays_functions(
    story: Callable[[Bench], None],
) -> None:
    with Bench(**ALL[story]) as bench:
        story(bench)
        expected = outcome(bench)
    old = released()["definitions"].__getitem__
    with (
        mock.patch.object(machine, "definition", old),
        mock.patch.object(executions, "definition", old),
        Bench(**ALL[story]) as bench,
    ):
        story(bench)
        assert outcome(bench) == expected
        broken = [(run.machine, run.states[-1], run.error, run.cause) for run in bench.runs]
        assert [one for one in broken if one[2] in BROKEN and one[:2] not in ON_PURPOSE] == []


def answers(history: JSON) -> dict[str, list[JSON]]:
    """What each function answered, in order."""
    found: dict[str, list[JSON]] = defaultdict(list)
    for moment in history["moments"]:
        if "task" in moment:
            found[moment["task"]].append(moment)
    return found


def played(history: JSON) -> tuple[bool, str]:
    """Today's definition on the functions of the release: whether it came to an end with their
    answers, and the error in which it broke, empty for none."""
    clock, left = VirtualClock(history["started"]), answers(history)
    run = machine.execution_of(
        history["machine"], history["input"], history["name"], history["started"]
    )
    steps = machine.start(run, clock, released()["values"], random.Random(run.arn))
    answer: Any = None
    failure: StateFailed | None = None
    while True:
        try:
            step = steps.throw(failure) if failure else steps.send(answer)
        except StopIteration:
            return True, elsewhere(run.states, history)
        except StateFailed as error:
            broken = error.error in BROKEN
            return True, f"{error}" if broken else elsewhere(run.states, history)
        answer = failure = None
        if not isinstance(step, Task):
            continue
        if not left[step.target]:
            return False, ""
        moment = left[step.target].pop(0)
        clock.advance(max(0.0, moment["at"] - clock.now()))
        if "error" in moment:
            failure = StateFailed(moment["error"], moment["cause"])
        else:
            answer = moment["answer"]


def elsewhere(states: list[str], history: JSON) -> str:
    """A comparison with a member that is missing is false and no error: the way shows it."""
    missing = [name for name in history["states"] if name not in states]
    return f"{history['name']} went through {states}, not {missing}" if missing else ""


def histories() -> Iterator[JSON]:
    yield from released()["histories"]


@pytest.mark.parametrize("name", MACHINES)
def test_todays_definition_goes_on_with_answers_of_the_released_functions(name: str) -> None:
    mine = [one for one in histories() if one["machine"] == name]
    ended = [played(one) for one in mine]
    assert [error for _, error in ended if error] == []
    # One that asks for more than it was answered then has gone another way; few do.
    assert sum(whole for whole, _ in ended) >= 0.8 * len(mine) > 0


def test_a_renamed_member_of_an_answer_is_noticed() -> None:
    [history, *_] = [
        one
        for one in histories()
        if one["machine"] == "reconcile_customer" and one["status"] == "SUCCEEDED"
    ]
    broken = json.loads(json.dumps(history))
    first = next(one for one in answers(broken)["PlanCustomer"] if "answer" in one)
    first["answer"]["Payload"] = {"other": first["answer"]["Payload"]}
    assert played(history) == (True, "")
    assert played(broken) != (True, "")


def test_a_recording_is_read_as_it_was_written() -> None:
    assert text(released()) == RELEASE.read_text("utf-8")
