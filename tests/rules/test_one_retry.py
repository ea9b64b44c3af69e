"""A machine that holds its run in one Parallel state: one Retry, one Catch, and no decision."""

from __future__ import annotations

import re

import pytest

from keyward.errors import LAMBDA_DEATHS, PASSING
from keyward.values import JSON
from tests import tree

MACHINES = sorted(name for name, top in tree.machines().items() if "Run" in top["States"])


def run_of(machine: str) -> JSON:
    state: JSON = tree.machines()[machine]["States"]["Run"]
    return state


def branch_of(machine: str) -> JSON:
    (branch,) = run_of(machine)["Branches"]
    return tree.states(branch)


def test_the_reconcilers_are_held_to_these_rules() -> None:
    assert {"protect_api", "reconcile_customer"} <= {*MACHINES}


@pytest.mark.parametrize("machine", MACHINES)
def test_whatever_passes_leads_to_a_new_plan(machine: str) -> None:
    (rule,) = run_of(machine)["Retry"]
    assert {*rule["ErrorEquals"]} == {*PASSING, *LAMBDA_DEATHS}
    assert (rule["MaxAttempts"], rule["JitterStrategy"]) == (3, "FULL")
    assert sum(min(2**n, rule["MaxDelaySeconds"]) for n in range(3)) <= 10


@pytest.mark.parametrize("machine", MACHINES)
def test_whatever_else_fails_takes_the_one_failure_path(machine: str) -> None:
    (rule,) = run_of(machine)["Catch"]
    assert rule == {"ErrorEquals": ["States.ALL"], "Next": "Report failure"}


@pytest.mark.parametrize("machine", MACHINES)
def test_no_state_within_a_run_retries_or_catches(machine: str) -> None:
    own = {name for name, state in branch_of(machine).items() if {"Retry", "Catch"} & {*state}}
    assert own == set()


@pytest.mark.parametrize("machine", MACHINES)
def test_a_function_has_ended_when_its_state_times_out(machine: str) -> None:
    """A task that is retried while its function still runs would run twice."""
    usual = tree.template()["Globals"]["Function"]["Timeout"]
    functions = tree.resources("AWS::Serverless::Function")
    for name, state in branch_of(machine).items():
        if "lambda:invoke" in state.get("Resource", ""):
            function = state["Arguments"]["FunctionName"][2:-4]
            seconds = functions[function]["Properties"].get("Timeout", usual)
            assert seconds < state["TimeoutSeconds"], name


@pytest.mark.parametrize("machine", MACHINES)
def test_a_machine_uses_nothing_on_which_engines_differ(machine: str) -> None:
    """ministack ignores Output on a Choice state; AWS documents it for its rules alone."""
    for name, state in tree.states(tree.machines()[machine]).items():
        if state["Type"] == "Choice":
            ways = [state, *state["Choices"]]
            assert [way for way in ways if {"Output", "Assign"} & {*way}] == [], name


@pytest.mark.parametrize("machine", MACHINES)
def test_a_wait_is_told_by_a_function_and_computes_nothing(machine: str) -> None:
    for name, state in branch_of(machine).items():
        if state["Type"] == "Wait":
            seconds = str(state["Seconds"])
            assert re.fullmatch(r"\{% \$(states\.input|\w+)(\.\w+)* %\}|\d+", seconds), name
