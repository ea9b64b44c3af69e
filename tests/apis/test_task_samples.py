"""The samples in events/ are what the machine sends to each function."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.values import JSON
from tests.machines.api_lab import PETS, Lab
from tests.support import load_event

SAMPLES = {
    "attach_stage": "attach-stage",
    "require_key": "require-key",
    "deploy_api": "deploy-api",
    "verify_stage": "verify-stage",
    "roll_back_stage": "roll-back-stage",
    "conclude_api": "conclude-api",
}


def shape(value: Any) -> Any:
    """What a value is made of, down to the kinds of its leaves."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


@pytest.fixture
def sent(lab: Lab) -> dict[str, JSON]:
    """What each step got: in a run that is rolled back, and in one that is good."""
    api_id = lab.api()
    got: dict[str, JSON] = {}
    functions = dict(lab.machine.functions)

    def recorded(name: str) -> Any:
        def call(task: JSON, context: object) -> Any:
            got[str(task.get("next", name))] = task
            return functions[name](task, context)

        return call

    lab.sneak_in(api_id)
    lab.machine.functions = {name: recorded(name) for name in functions}
    assert lab.run(api_id).error == "NotProtectedError"
    lab.edit(api_id, PETS)
    # Till the next deployment has its turn at once.
    lab.bench.clock.advance(60)
    assert lab.run(api_id, asked=load_event("conclude-api")["asked"]).status == "SUCCEEDED"
    lab.machine.functions = functions
    return got


@pytest.mark.parametrize("step", SAMPLES)
def test_a_sample_has_the_shape_of_what_the_machine_sends(sent: dict[str, JSON], step: str) -> None:
    assert shape(load_event(SAMPLES[step])) == shape(sent[step])


def test_the_sample_for_the_planner_is_a_dry_run_that_it_takes(lab: Lab) -> None:
    sample = load_event("plan-protection")
    api_id = lab.api()
    planned = lab.machine.functions["PlanProtection"](sample | {"rest_api_id": api_id}, None)
    assert planned["next"] == "end"
    assert planned["output"]["dry_run"]
    assert planned["output"]["actions"]
