"""The bench's engine and ministack's do the same, state by state, on the real definitions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

import pytest

from keyward.values import JSON
from local import ministack
from local.bench import Bench
from local.lifetime.machine import definition
from tests.one_local_aws import no_local_aws
from tests.stack.local.engines import History, recorded, replay
from tests.stack.local.stories import STORIES

MACHINES = ("reconcile_customer", "protect_api", "audit_account", "issue_keys")

# The fields of each kind of state that both engines were compared with. One that is not here may
# mean something else to each: state-level `Output` of a Choice did (faults.md, H14).
COMPARED = {
    "Choice": {"Choices", "Default"},
    "Fail": {"Error", "Cause"},
    "Map": {
        "Items",
        "ItemSelector",
        "ItemProcessor",
        "MaxConcurrency",
        "Output",
        "Assign",
        "Catch",
    },
    "Parallel": {"Branches", "Retry", "Catch", "Output"},
    "Pass": {"Output", "Assign"},
    "Task": {"Resource", "Arguments", "Output", "Assign", "TimeoutSeconds", "Retry", "Catch"},
    "Wait": {"Seconds", "Output"},
    "Succeed": set(),
}
EVERYWHERE = {"Type", "Comment", "Next", "End"}
OF_A_CHOICE = {"Condition", "Next", "Output", "Assign", "Comment"}


@pytest.fixture(scope="module", autouse=True)
def interpreter() -> Iterator[None]:
    """ministack with its shims, without a stack."""
    no_local_aws()
    running = ministack.start("us-east-1")
    yield
    running.stop()


def difference(history: History) -> str:
    """What the second engine did otherwise; empty when nothing."""
    first, second = history.execution, replay(history)
    found = second.differences
    for name in ("status", "states", "output"):
        one, other = getattr(first, name), getattr(second, name)
        if one != other:
            found.append(f"{name}: {one} became {other}")
    if (first.error or None) != second.error:
        found.append(f"error: {first.error} became {second.error}")
    return "\n".join([f"{first.machine}, {first.name}", *found]) if found else ""


def path(history: History) -> tuple[str, ...]:
    """The way of an execution through its machine."""
    return (history.execution.machine, history.execution.status, *history.execution.states)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_both_engines_go_the_same_way_with_the_same_answers(
    story: Callable[[Bench], None],
) -> None:
    with Bench(**STORIES[story]) as bench, recorded(bench) as histories:
        story(bench)
    ended = [one for one in histories if one.execution.status in ("SUCCEEDED", "FAILED")]
    ways = {path(one): one for one in ended}

    assert ways
    assert [found for found in map(difference, ways.values()) if found] == []


def states_of(level: JSON) -> Iterator[tuple[str, JSON]]:
    """All states of a definition, those of branches and iterations included."""
    for name, state in level["States"].items():
        yield name, state
        for inner in [*state.get("Branches", []), state.get("ItemProcessor")]:
            if inner:
                yield from states_of(inner)


@pytest.mark.parametrize("machine", MACHINES)
def test_no_state_has_a_field_that_the_engines_were_not_compared_with(machine: str) -> None:
    unknown: dict[str, set[str]] = defaultdict(set)
    for name, state in states_of(definition(machine)):
        unknown[name] |= set(state) - COMPARED[state["Type"]] - EVERYWHERE
        for choice in state.get("Choices", []):
            unknown[name] |= set(choice) - OF_A_CHOICE

    assert {name: fields for name, fields in unknown.items() if fields} == {}
