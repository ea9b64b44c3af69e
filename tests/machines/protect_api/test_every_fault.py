"""protect-api with one fault at each making of a usage plan: one of each, and nothing left over.

What every other call does with every fault is in test_protect_no_gap.py."""

from __future__ import annotations

import pytest

from emulator.faults import KINDS, STALE
from tests.machines.api_lab import Lab


@pytest.mark.parametrize("fault", [kind for kind in KINDS if kind != STALE])
@pytest.mark.parametrize("call", [1, 2])
def test_a_fault_on_the_way_to_a_plan_is_over_within_two_minutes_and_leaves_no_trace(
    lab: Lab, call: int, fault: str
) -> None:
    lab.policy(propagation_seconds=0)
    api_id = lab.api()
    lab.forget()
    began = lab.bench.clock.now()
    order = {"operation": "CreateUsagePlan", "call": call, "fault": fault}
    lab.bench.emulator.order_faults([order])
    run = lab.run(api_id)
    assert run.status == "SUCCEEDED", run.cause
    assert lab.bench.clock.now() - began < 120
    assert lab.live(api_id) == {"GET /pets": True, "OPTIONS /pets": False}
    plans = lab.client.get_usage_plans()["items"]
    assert sorted(plan["name"] for plan in plans) == ["free", "pro"]
    assert lab.plans_of(api_id) == ["free", "pro"]
    assert lab.told() == ["ApiProtected"]
    assert len(lab.client.get_deployments(restApiId=api_id)["items"]) == 2
