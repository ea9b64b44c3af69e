"""State machines: every wait ends, every failure is reported, every name exists."""

from __future__ import annotations

import builtins
import inspect
import json
import re
from typing import Any

import pytest
from jsonata import Jsonata

from keyward import errors
from keyward.values import JSON
from tests import tree

MACHINES = ["apply_policy", "audit_account", "issue_keys", "protect_api", "reconcile_customer"]
FAILURE_PATH = "Report failure"
# Where a run ends that met an error that passes: it is looked at again, so it has not failed.
POSTPONED = "Look again later"
REFUSED = "Refused"

# Errors that are not ours: of Step Functions itself, of Lambda, and of Python.
THEIRS = re.compile(r"(States|Lambda|Sandbox|Runtime|EventBridge|DynamoDB)\.\w+$")


def definition(machine: str) -> JSON:
    return tree.machines()[machine]


def tasks(level: JSON) -> dict[str, JSON]:
    return {name: state for name, state in level["States"].items() if state["Type"] == "Task"}


def followers(state: JSON) -> set[str]:
    """Where a state may lead to, by any way."""
    ways = [state, *state.get("Choices", []), *state.get("Catch", [])]
    names = {way["Next"] for way in ways if "Next" in way}
    return names | {state[key] for key in ("Default",) if key in state}


def reachable(level: JSON, start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += sorted(followers(level["States"][name]))
    return seen


def caught_by_all(state: JSON) -> bool:
    return any("States.ALL" in catcher["ErrorEquals"] for catcher in state.get("Catch", []))


@pytest.mark.parametrize("machine", MACHINES)
def test_a_machine_is_written_in_jsonata_and_has_a_timeout(machine: str) -> None:
    assert definition(machine)["QueryLanguage"] == "JSONata"
    assert definition(machine)["TimeoutSeconds"]
    assert definition(machine)["Comment"]


def test_a_machine_that_waits_for_its_turn_has_a_day_for_it() -> None:
    # 600 APIs, which an account may have, take 8 hours of deployments at the least share.
    waiting = {
        machine: found["TimeoutSeconds"]
        for machine, found in tree.machines().items()
        if any("turn" in name for name in tree.states(found))
    }
    assert waiting == {
        "apply_policy": 86_400,
        "issue_keys": 86_400,
        "protect_api": 86_400,
        "reconcile_customer": 86_400,
    }


@pytest.mark.parametrize("machine", MACHINES)
def test_every_named_state_exists_and_every_state_is_reached(machine: str) -> None:
    for level in tree.levels(definition(machine)):
        named = {name for state in level["States"].values() for name in followers(state)}
        assert named <= set(level["States"])
        assert reachable(level, level["StartAt"]) == set(level["States"])


@pytest.mark.parametrize("machine", MACHINES)
def test_every_task_has_a_timeout(machine: str) -> None:
    for level in tree.levels(definition(machine)):
        assert [name for name, task in tasks(level).items() if "TimeoutSeconds" not in task] == []


@pytest.mark.parametrize("machine", MACHINES)
def test_every_task_leads_to_the_one_failure_path(machine: str) -> None:
    # A task of a Map is caught by the Map; those of the failure path itself fail the run.
    top = definition(machine)
    after_failure = tasks_on_the_failure_path(top)
    for name, state in top["States"].items():
        if state["Type"] in ("Task", "Map", "Parallel") and name not in after_failure:
            assert caught_by_all(state), name
            assert state["Catch"][-1]["Next"] == FAILURE_PATH, name


def tasks_on_the_failure_path(top: JSON) -> set[str]:
    """From the report on; what a run that starts over does is not part of it."""
    seen: set[str] = set()
    waiting = [FAILURE_PATH]
    while waiting:
        name = waiting.pop()
        if name not in seen and name != top["StartAt"]:
            seen.add(name)
            waiting += sorted(followers(top["States"][name]))
    return seen


@pytest.mark.parametrize("machine", MACHINES)
def test_a_reported_failure_ends_in_a_failed_execution_unless_postponed_or_refused(
    machine: str,
) -> None:
    top = definition(machine)
    ends = {name for name in tasks_on_the_failure_path(top) if not followers(top["States"][name])}
    assert ends
    assert {top["States"][name]["Type"] for name in ends - {POSTPONED, REFUSED}} == {"Fail"}


@pytest.mark.parametrize("machine", MACHINES)
def test_every_named_error_exists(machine: str) -> None:
    for name, state in tree.states(definition(machine)).items():
        for rule in [*state.get("Retry", []), *state.get("Catch", [])]:
            ours = {error for error in rule["ErrorEquals"] if not THEIRS.match(error)}
            unknown = {error for error in ours if not is_error(error)}
            assert unknown == set(), name


def is_error(name: str) -> bool:
    found = getattr(errors, name, None) or getattr(builtins, name, None)
    return inspect.isclass(found) and issubclass(found, Exception)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_call_of_lambda_is_repeated_when_lambda_itself_fails(machine: str) -> None:
    # By itself, or with the whole run (test_one_retry.py).
    top = definition(machine)
    states = top["States"] if "Run" in top["States"] else tree.states(top)
    for name, state in states.items():
        if "lambda:invoke" in state.get("Resource", ""):
            # A state within Run is repeated with the whole run.
            rules = state.get("Retry") or definition(machine)["States"]["Run"]["Retry"]
            retried = {error for rule in rules for error in rule["ErrorEquals"]}
            assert retried & {"Lambda.ServiceException", "States.ALL"}, name
            assert retried & {"Lambda.TooManyRequestsException", "States.ALL"}, name


@pytest.mark.parametrize("machine", MACHINES)
def test_throttles_are_repeated_with_jitter(machine: str) -> None:
    for name, state in tree.states(definition(machine)).items():
        for rule in state.get("Retry", []):
            if "ThrottledError" in rule["ErrorEquals"]:
                assert rule["JitterStrategy"] == "FULL", name
                assert rule["MaxAttempts"] >= 3, name


@pytest.mark.parametrize("machine", MACHINES)
def test_every_function_that_a_machine_calls_is_substituted_and_invocable(machine: str) -> None:
    text = (tree.ROOT / "statemachines" / f"{machine}.asl.yaml").read_text("utf-8")
    wanted = set(re.findall(r"\$\{(\w+)\}", text))
    properties = tree.resources("AWS::Serverless::StateMachine")[tree.camel(machine)]["Properties"]
    assert wanted == set(properties["DefinitionSubstitutions"])
    invocable = set(
        re.findall(r'"Fn::GetAtt": \["(\w+)", "Arn"\]', json.dumps(properties["Policies"]))
    )
    called = {name.removesuffix("Arn") for name in wanted if name.endswith("Arn")}
    assert called & set(tree.function_files()) <= invocable


@pytest.mark.parametrize("machine", MACHINES)
def test_state_names_are_plain_words(machine: str) -> None:
    names = set(tree.states(definition(machine)))
    assert {name for name in names if not re.fullmatch(r"[A-Z][A-Za-z ]+\??", name)} == set()


@pytest.mark.parametrize("machine", MACHINES)
def test_a_choice_state_is_named_as_a_question(machine: str) -> None:
    for name, state in tree.states(definition(machine)).items():
        assert name.endswith("?") == (state["Type"] == "Choice"), name
        if state["Type"] == "Choice":
            assert "Default" in state, name


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("given", [{"customer_id": "acme", "rest_api_id": "a1b2c3"}, {}])
def test_any_console_input_reaches_the_function_that_checks_it(machine: str, given: JSON) -> None:
    # An expression that yields nothing fails the state on AWS (States.QueryEvaluationError).
    top = definition(machine)
    context = {"Execution": {"Input": given, "Id": "arn", "Name": "n", "StartTime": "t"}}
    for name in (top["StartAt"], FAILURE_PATH):
        states = {"input": {"Error": "E", "Cause": "C"} | given, "context": context}
        asked = expressions(top["States"][name].get("Arguments", {}))
        assert [text for text in asked if evaluated(text, states) is None] == [], name


def evaluated(text: str, states: JSON) -> Any:
    expression = Jsonata(text[2:-2])
    expression.assign("states", states)
    return expression.evaluate(None)


def expressions(value: Any) -> list[str]:
    """Every JSONata expression in a field's value."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in expressions(item)]
    if isinstance(value, list):
        return [text for item in value for text in expressions(item)]
    return [value] if isinstance(value, str) and value.startswith("{%") else []
