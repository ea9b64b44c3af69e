"""A new action is whole: the guard names each place that it lacks."""

from __future__ import annotations

import re

import pytest

from keyward.customers.actions import ACTIONS, ActionKind
from tests import tree
from tests.machines.life_lab import LifeLab
from tests.support import load_event

STATES = tree.states(tree.machines()["reconcile_customer"])
CHOICES = {way["Condition"]: way["Next"] for way in STATES["Which action?"]["Choices"]}
PAGE = (tree.ROOT / "docs" / "architecture.md").read_text("utf-8")


def planned_actions() -> set[str]:
    """The names that the planners use; each stands there as a literal."""
    texts = [path.read_text("utf-8") for path in (tree.PACKAGE / "customers").glob("*.py")]
    pattern = r'(?:\bkey_action\(|\bAction\(|"action": )\s*"(\w+)"'
    return set(re.findall(pattern, "\n".join(texts)))


def missing_places(action: str, kind: ActionKind) -> list[str]:
    """The places of CONTRIBUTING.md where the action is not named."""
    function = tree.camel(kind.function)
    choice = f"{{% $states.input.action.action = '{action}' %}}"
    calls = STATES.get(kind.state, {}).get("Arguments", {}).get("FunctionName")
    is_shared = function != tree.camel(kind.state)
    places = {
        "planner": action in planned_actions(),
        "choice": CHOICES.get(choice) == kind.state,
        "state": calls == f"${{{function}Arn}}",
        "function": function in tree.function_files(),
        "template": function in tree.resources("AWS::Serverless::Function"),
        "sample": (tree.ROOT / f"events/tasks/{action.replace('_', '-')}.json").exists(),
        # The table says what a state does whose function is called otherwise.
        "page": not is_shared or f"`{kind.state}`" in PAGE,
    }
    return [place for place, is_there in places.items() if not is_there]


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_is_named_in_all_its_places(action: str) -> None:
    assert missing_places(action, ACTIONS[action]) == []


# Choice and state stand in one file, beside the list of actions itself.
OWN = ["planner", "choice", "state", "function", "template", "sample"]
# The function takes its action, or refuses its sample (below).
SHARED = ["planner", "choice", "state", "sample", "page"]


@pytest.mark.parametrize(("function", "places"), [("water_plants", OWN), ("change_record", SHARED)])
def test_the_guard_names_every_place_that_a_new_action_lacks(
    function: str, places: list[str]
) -> None:
    kind = ActionKind("Water plants", function, (), ("plan",))
    assert missing_places("water_plants", kind) == places


def test_a_new_action_touches_at_most_six_places_as_the_page_lists_them() -> None:
    page = (tree.ROOT / "CONTRIBUTING.md").read_text("utf-8")
    listed = page.partition("**A new action**")[2].partition("**A new event in**")[0]
    assert re.findall(r"^(\d)\. ", listed, re.MULTILINE) == [*"123456"]
    assert len(OWN) - len({"choice"}) + len({"actions.py"}) == 6
    assert len(SHARED) - len({"choice"}) + len({"actions.py", "the function"}) == 6


def test_no_place_names_an_action_that_is_not_in_the_list() -> None:
    assert planned_actions() == set(ACTIONS)
    assert len(CHOICES) == len(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS)
def test_the_function_of_an_action_takes_its_sample(life: LifeLab, action: str) -> None:
    task = load_event(action.replace("_", "-"))
    assert task["action"]["action"] == action
    function = tree.camel(ACTIONS[action].function)
    with pytest.raises(Exception, match="held by another run"):
        life.machine.functions[function](task, None)
