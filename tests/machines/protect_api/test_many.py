"""Many stages and many APIs: one UpdateUsagePlan for all, deployments in turn."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from keyward.aws.tables.plan_queue import JoinRequest
from keyward.values import JSON
from local.bench import Bench
from tests.machines.api_lab import PETS, Lab
from tests.machines.storm_lab import Trail

APIS = 20
FAULTS = ("throttle", "500", "503", "timeout_before", "timeout_after")


@pytest.fixture
def many() -> Iterator[Bench]:
    """A bench whose usage plans are there, so that every API has to be added to them."""
    with Bench(quotas=True, share=100, propagation=85) as bench:
        bench.api(PETS)
        bench.run()
        bench.advance(1000)
        yield bench


def calls_of(lab: Lab, operation: str) -> list[JSON]:
    return [call for call in lab.bench.emulator.calls() if call["operation"] == operation]


def calls(bench: Bench, operation: str, since: float, status: int | None = None) -> list[JSON]:
    made = [call for call in bench.calls if call["operation"] == operation and call["at"] >= since]
    return [call for call in made if status in (None, call["status"])]


def protect(bench: Bench) -> list[str]:
    """Twenty open APIs are deployed at once."""
    api_ids = [bench.api(PETS) for _ in range(APIS)]
    bench.run()
    return api_ids


def test_twenty_apis_at_once_share_the_calls_that_change_plans(many: Bench) -> None:
    began = many.clock.now()
    api_ids = protect(many)
    assert [run.cause for run in many.runs if run.status != "SUCCEEDED"] == []
    many.advance(200)
    assert {many.call(api_id, "prod", "GET", "/pets") for api_id in api_ids} == {403}
    for plan in many.gateway.get_usage_plans()["items"]:
        assert {stage["apiId"] for stage in plan["apiStages"]} >= {*api_ids}
    changed = calls(many, "UpdateUsagePlan", began, 200)
    assert len(changed) <= 5  # forty without sharing
    times = [call["at"] for call in changed]
    assert all(later - before >= 20 for before, later in pairwise(times))
    # Two plans may be refused in the same moment, before either run notes the turn.
    assert len(calls(many, "UpdateUsagePlan", began, 429)) <= len(changed) + 1
    # the last of them: turns of the plans, propagation, turns of the deployments
    ended = max(run.ended or 0 for run in many.runs)
    assert ended - began <= 5 * 20 + 120 + APIS * 6


def test_deployments_of_twenty_apis_are_made_one_after_the_other(many: Bench) -> None:
    began = many.clock.now()
    protect(many)
    made = [
        call
        for call in calls(many, "CreateDeployment", began)
        if "stageName" not in str(call["params"])
    ]
    assert len(made) == APIS
    assert {call["status"] for call in made} == {201}, "nobody was refused"
    times = [call["at"] for call in made]
    assert all(later - before >= 5 for before, later in pairwise(times))
    # The first waits for nobody: some turns pass while the others join their plans.
    assert times[-1] - times[1] <= (APIS - 1) * 6 + 5


def test_every_stage_of_an_api_is_closed_in_one_change_of_each_plan(lab: Lab) -> None:
    lab.policy(propagation_seconds=0)
    lab.run(lab.api())
    stages = ("dev", "prod", "test")
    api_id = lab.api(stages=stages)
    lab.forget()
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.calls()[1].count("UpdateUsagePlan") == 2
    assert all(lab.live(api_id, stage)["GET /pets"] for stage in stages)
    assert all(lab.plans_of(api_id, stage) == ["free", "pro"] for stage in stages)
    assert [event["stage"] for event in lab.events("ApiProtected")] == [*stages]


def test_a_stage_that_a_tool_makes_later_is_closed_too(lab: Lab) -> None:
    lab.policy(propagation_seconds=0)
    api_id = lab.api()
    lab.run(api_id)
    open_one = lab.client.create_deployment(restApiId=api_id)["id"]
    lab.edit(api_id, PETS)
    open_one = lab.client.create_deployment(restApiId=api_id)["id"]
    lab.client.create_stage(restApiId=api_id, stageName="blue", deploymentId=open_one)
    trail = Trail(lab)
    trail.deployed(api_id, stage="blue")
    (run,) = trail.run_all()
    assert run.status == "SUCCEEDED"
    assert lab.live(api_id, "blue")["GET /pets"]
    assert lab.live(api_id)["GET /pets"]
    assert lab.plans_of(api_id, "blue") == ["free", "pro"]


def test_a_canary_deployment_is_held_and_closed_when_it_is_promoted(lab: Lab) -> None:
    lab.policy(propagation_seconds=0)
    api_id = lab.attached({"/pets": {"get": ["api_key"]}})
    lab.edit(api_id, PETS)
    canary = lab.client.create_deployment(
        restApiId=api_id, stageName="prod", canarySettings={"percentTraffic": 10}
    )["id"]
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.event_types() == ["ApiHeld"]
    assert "canary" in lab.events("ApiHeld")[0]["differences"][0]["difference"]
    seen = lab.client.get_stage(restApiId=api_id, stageName="prod")
    assert seen["canarySettings"]["deploymentId"] == canary
    promote = [
        {"op": "replace", "path": "/deploymentId", "value": canary},
        {"op": "replace", "path": "/canarySettings/percentTraffic", "value": "0.0"},
    ]
    lab.client.update_stage(restApiId=api_id, stageName="prod", patchOperations=promote)
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.live(api_id)["GET /pets"]
    assert lab.event_types() == ["ApiHeld", "ApiProtected"]


def test_a_private_api_is_closed_and_stays_private(lab: Lab) -> None:
    lab.policy(propagation_seconds=0)
    api_id = lab.client.create_rest_api(
        name="inside", endpointConfiguration={"types": ["PRIVATE"]}, tags={"keyward": "enforce"}
    )["id"]
    lab.edit(api_id, PETS)
    lab.deploy(api_id)
    before = lab.client.get_rest_api(restApiId=api_id)["endpointConfiguration"]
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.live(api_id)["GET /pets"]
    assert lab.client.get_rest_api(restApiId=api_id)["endpointConfiguration"] == before


def waiting(lab: Lab, api_id: str, stage: str = "prod", owner: str = "another-run") -> None:
    """Another run waits for both plans."""
    for plan in ("free", "pro"):
        now = lab.bench.clock.now()
        lab.bench.registry.pending.request(plan, [(api_id, stage)], owner, now)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", [1, 2])
def test_a_fault_of_the_call_for_all_is_over_within_two_minutes(
    lab: Lab, call: int, fault: str
) -> None:
    lab.policy(propagation_seconds=0)
    lab.run(lab.api())
    api_id, other = lab.api(), lab.api()
    waiting(lab, other)
    began = lab.bench.clock.now()
    faults = [{"operation": "UpdateUsagePlan", "call": call, "fault": fault}]
    lab.bench.emulator.order_faults(faults)
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.bench.clock.now() - began < 120
    assert lab.plans_of(api_id) == lab.plans_of(other) == ["free", "pro"]
    board = lab.bench.registry.pending.board("free").requests
    assert board[(other, "prod")].done


def test_a_run_whose_stage_another_attached_makes_no_call_for_it(lab: Lab) -> None:
    lab.policy(propagation_seconds=0)
    lab.run(lab.api())
    api_id, other = lab.api(), lab.api()
    lab.bench.context().turns.debit({"UpdateUsagePlan": 1}, lab.bench.clock.now())
    attach = lab.machine.functions["AttachStage"]
    begun: list[str] = []

    def first_asks(task: JSON, context: object) -> Any:
        answer = attach(task, context)
        if answer["wait_seconds"] and not begun:
            begun.append(api_id)
            assert lab.run(other).status == "SUCCEEDED"
        return answer

    lab.machine.functions["AttachStage"] = first_asks
    run = lab.run(api_id)
    lab.machine.functions["AttachStage"] = attach
    assert run.status == "SUCCEEDED", run.cause
    assert lab.plans_of(api_id) == lab.plans_of(other) == ["free", "pro"]
    writes = calls_of(lab, "UpdateUsagePlan")
    assert len(writes) == 2, "one a plan, for both"
    assert all(api_id in str(w["params"]) and other in str(w["params"]) for w in writes)


def test_a_stage_of_somebody_else_that_is_gone_keeps_nobody_out(lab: Lab) -> None:
    lab.policy(propagation_seconds=0)
    lab.run(lab.api())
    api_id, other = lab.api(), lab.api()
    waiting(lab, other, stage="deleted")
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.plans_of(api_id) == ["free", "pro"]
    assert lab.live(api_id)["GET /pets"]


def test_a_stage_that_is_gone_keeps_nobody_out_of_a_new_plan(lab: Lab) -> None:
    lab.policy(propagation_seconds=0)
    api_id, other = lab.api(), lab.api()
    waiting(lab, other, stage="deleted")
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.plans_of(api_id) == ["free", "pro"]


def test_the_wish_of_a_run_that_died_long_ago_is_forgotten(lab: Lab) -> None:
    lab.policy(propagation_seconds=0)
    lab.run(lab.api())
    api_id, other = lab.api(), lab.api(mode="off")
    waiting(lab, other)
    lab.bench.clock.advance(1000)
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.plans_of(other) == []
    assert lab.bench.registry.pending.board("free").requests == {}


def test_a_wish_that_was_asked_anew_is_not_told_that_it_was_done(lab: Lab) -> None:
    pending, ref = lab.bench.registry.pending, ("a1b2c3d4e5", "prod")
    pending.request("free", [ref], "first", 1)
    seen = pending.board("free").requests
    pending.request("free", [ref], "second", 2)
    pending.mark_done("free", seen, 3)
    assert pending.board("free").requests == {ref: JoinRequest("second", 2)}
