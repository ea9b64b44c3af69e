"""JSONata: our engine and the reference implementation give the same for the same."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from typing import Any

import pytest
from jsonata import Jsonata

from keyward.values import JSON
from local.bench import Bench
from tests import tree
from tests.engines import kit
from tests.engines.recording import Evaluation, recording
from tests.engines.stories import ALL

ERROR = {"error": "an error"}
# Of the inputs of a machine's other expressions, so many are given to one that no story reaches.
OTHERS = 12


@cache
def recorded() -> list[Evaluation]:
    """What the stories evaluate."""
    with recording() as kept:
        for story, world in ALL.items():
            with Bench(**world) as bench:
                story(bench)
    return list(kept.all())


def expressions(value: Any) -> set[str]:
    """Every JSONata expression of a definition."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return {text for item in inner for text in expressions(item)}
    return {value} if isinstance(value, str) and value.startswith("{%") else set()


def reference(asked: list[JSON]) -> list[JSON]:
    """What the reference implementation answers. The code of an error is not part of ASL."""
    kit.module("jsonata")
    answers = kit.node("evaluate.cjs", given=asked)
    return [ERROR if "error" in answer else answer for answer in answers]


def ours(asked: JSON) -> JSON:
    """What our engine answers."""
    try:
        value = Jsonata(asked["text"]).evaluate(None, asked["values"])
    except Exception:  # noqa: BLE001 - jsonata-python raises what it meets: any is a failed state
        return ERROR
    return {"nothing": True} if value is None else {"value": json.loads(json.dumps(value))}


def test_every_evaluation_of_the_stories_is_the_same_on_the_reference_implementation() -> None:
    evaluations = recorded()
    answers = reference([one.asked for one in evaluations])
    wanted: list[JSON] = [
        {"nothing": True} if one.answer is None else {"value": json.loads(one.answer)}
        for one in evaluations
    ]
    differ = [
        f"{one.machine}: {one.template} with {one.values}: {mine} became {theirs}"
        for one, mine, theirs in zip(evaluations, wanted, answers, strict=True)
        if mine != theirs
    ]
    kit.agreed(
        "jsonata", "evaluations of the stories", len(answers) - len(differ), len(evaluations)
    )
    assert differ == []


def test_an_expression_that_no_story_reaches_is_the_same_on_inputs_of_its_machine() -> None:
    inputs: dict[str, list[JSON]] = defaultdict(list)
    reached = defaultdict(set)
    for one in recorded():
        reached[one.machine].add(one.template)
        inputs[one.machine].append(one.asked["values"])
    asked = []
    for machine, definition in tree.machines().items():
        known = inputs[machine] or [values for found in inputs.values() for values in found]
        chosen = known[:: max(1, len(known) // OTHERS)]
        for text in sorted(expressions(definition) - reached[machine]):
            plain = text.strip()[2:-2].replace("$millis()", "$virtual_millis")
            asked += [{"text": plain, "values": values} for values in chosen]
    mine, theirs = [ours(one) for one in asked], reference(asked)
    differ = [(one["text"], a, b) for one, a, b in zip(asked, mine, theirs, strict=True) if a != b]
    kit.agreed("jsonata", "expressions no story reaches", len(asked) - len(differ), len(asked))
    assert differ == []


@pytest.mark.parametrize("machine", sorted(tree.machines()))
def test_the_stories_reach_most_expressions(machine: str) -> None:
    found = expressions(tree.machines()[machine])
    reached = found & {one.template for one in recorded() if one.machine == machine}
    kit.agreed("the stories", f"expressions of {machine} reached", len(reached), len(found))
    assert len(reached) >= len(found) * 0.5
