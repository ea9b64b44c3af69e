"""A new action is whole: whoever forgets one of its places is told which."""

from __future__ import annotations

import re

import pytest

from keyward.customers.actions import ACTIONS
from tests import tree
from tests.machines.life_lab import LifeLab
from tests.support import load_event

MACHINE = tree.machines()["reconcile_customer"]


def test_each_action_has_its_choice_state_and_function() -> None:
    states = tree.states(MACHINE)
    ways = {choice["Condition"]: choice["Next"] for choice in states["Which action?"]["Choices"]}
    wanted = {
        f"{{% $states.input.action.action = '{name}' %}}": kind.state
        for name, kind in ACTIONS.items()
    }
    assert ways == wanted
    called = {k.state: states[k.state]["Arguments"]["FunctionName"] for k in ACTIONS.values()}
    assert called == {
        kind.state: f"${{{tree.camel(kind.function)}Arn}}" for kind in ACTIONS.values()
    }
    files = {path.stem for path in tree.function_files().values()}
    assert {kind.function for kind in ACTIONS.values()} <= files


def test_the_actions_that_are_planned_are_those_of_the_list() -> None:
    """An action outside the list would end in the state Unknown action."""
    texts = [path.read_text("utf-8") for path in (tree.PACKAGE / "customers").glob("*.py")]
    named = re.findall(r'(?:\bkey_action\(|\bAction\(|"action": )\s*"(\w+)"', "\n".join(texts))
    assert set(named) == set(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS)
def test_each_action_has_a_sample_that_its_function_takes(life: LifeLab, action: str) -> None:
    task = load_event(action.replace("_", "-"))
    assert task["action"]["action"] == action
    function = tree.camel(ACTIONS[action].function)
    with pytest.raises(Exception, match="held by another run"):
        life.machine.functions[function](task, None)
