"""protect-api with one fault at each of its calls: the same outcome, and nothing left over."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.functional.api_lab import Lab

JSON = dict[str, Any]
FAULTS = ("throttle", "500", "503", "timeout_before", "timeout_after")
# The calls of the run that makes both plans, and of the run that adds to them (plans are read by
# the planner and by each attachment).
FIRST_RUN: JSON = {
    "GetRestApi": 1,
    "GetStages": 1,
    "GetDeployment": 2,
    "GetUsagePlans": 3,
    "GetResources": 2,
    "GetExport": 1,
    "CreateUsagePlan": 2,
    "UpdateMethod": 1,
    "CreateDeployment": 1,
    "GetStage": 1,
    "UpdateStage": 1,
}
CALLS = [(name, call) for name, number in FIRST_RUN.items() for call in range(1, number + 1)]


def test_the_calls_of_the_straight_run_are_known(lab: Lab) -> None:
    lab.policy(propagation_seconds=0)
    api_id = lab.api()
    lab.forget()
    lab.run(api_id)
    assert Counter(lab.bench.operations()) == FIRST_RUN


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("operation", "call"), CALLS, ids=str)
def test_a_single_fault_is_over_within_two_minutes_and_leaves_no_trace(
    lab: Lab, operation: str, call: int, fault: str
) -> None:
    lab.policy(propagation_seconds=0)
    api_id = lab.api()
    lab.forget()
    began = lab.bench.clock.now()
    lab.bench.emulator.order_faults([{"operation": operation, "call": call, "fault": fault}])
    run = lab.run(api_id)
    assert run.status == "SUCCEEDED", run.cause
    assert lab.bench.clock.now() - began < 120
    assert lab.live(api_id) == {"GET /pets": True, "OPTIONS /pets": False}
    plans = lab.client.get_usage_plans()["items"]
    assert sorted(plan["name"] for plan in plans) == ["free", "pro"]
    assert lab.plans_of(api_id) == ["free", "pro"]
    assert lab.told() == ["ApiProtected"]
    assert len(lab.client.get_deployments(restApiId=api_id)["items"]) == 2


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_update_usage_plan_is_over_within_two_minutes(lab: Lab, fault: str) -> None:
    lab.policy(propagation_seconds=0)
    lab.run(lab.api())
    api_id = lab.api()
    began = lab.bench.clock.now()
    lab.bench.emulator.order_faults([{"operation": "UpdateUsagePlan", "call": 1, "fault": fault}])
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.bench.clock.now() - began < 120
    assert lab.plans_of(api_id) == ["free", "pro"]
    assert lab.live(api_id)["GET /pets"]
