"""protect-api when something goes wrong: quotas, proofs, runs that die."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.aws.tables.leases import FUNCTION_SECONDS
from keyward.errors import GatewayRefusedError
from keyward.runs import runtime
from keyward.values import JSON
from local.lifetime.machine import execution_of
from tests.machines.api_lab import PETS, Lab


def test_under_the_quotas_of_the_account_every_method_is_closed(lab: Lab) -> None:
    api_id = lab.attached({f"/things{n}": {"get": None} for n in range(120)})
    lab.bench.emulator.quotas.enforce(True)
    run = lab.run(api_id)
    lab.bench.emulator.quotas.enforce(False)
    assert run.status == "SUCCEEDED", run.cause
    assert all(lab.live(api_id).values())


def test_many_stages_are_deployed_under_the_quotas_too(lab: Lab) -> None:
    api_id = lab.api(stages=("dev", "prod", "test"))
    lab.bench.emulator.quotas.enforce(True)
    run = lab.run(api_id)
    assert run.status == "SUCCEEDED", run.cause


def test_a_deployment_that_is_not_as_planned_is_rolled_back(lab: Lab) -> None:
    api_id = lab.attached()
    before = lab.client.get_stage(restApiId=api_id, stageName="prod")["deploymentId"]
    lab.sneak_in(api_id)
    run = lab.run(api_id)
    assert (run.status, run.error) == ("FAILED", "NotProtectedError")
    assert "Roll back stage" in run.states
    assert lab.client.get_stage(restApiId=api_id, stageName="prod")["deploymentId"] == before
    (event,) = lab.events("ApiFailed")
    assert event["stage"] == "prod"
    assert f"rolled back to {before}" in event["reason"]
    assert "/sneaked-in" in event["reason"]
    assert lab.event_types() == ["ApiFailed"]


def test_a_stage_that_was_moved_again_is_not_rolled_back(lab: Lab) -> None:
    api_id = lab.attached()
    theirs: list[str] = []

    def deploy() -> None:
        lab.before("GetDeployment", lambda: theirs.append(lab.deploy(api_id)))

    lab.sneak_in(api_id, then=deploy)
    run = lab.run(api_id)
    assert run.status == "FAILED"
    live = lab.client.get_stage(restApiId=api_id, stageName="prod")["deploymentId"]
    assert live == theirs[0]
    assert "somebody moved it" in lab.events("ApiFailed")[0]["reason"]


def unreadable(lab: Lab, first: int) -> None:
    """From its `first` call on, GetDeployment is not answered any more."""
    faults = [
        {"operation": "GetDeployment", "call": call, "fault": "503"}
        for call in range(first, first + 20)
    ]
    lab.bench.emulator.order_faults(faults)


def test_what_could_not_be_read_is_no_proof_and_stays(lab: Lab) -> None:
    api_id = lab.attached()
    unreadable(lab, first=2)
    run = lab.run(api_id)
    lab.bench.emulator.order_faults([])
    assert (run.status, run.output["postponed"]) == ("SUCCEEDED", True)
    assert "Roll back stage" not in run.states
    assert lab.live(api_id)["GET /pets"]
    assert lab.event_types() == []


def test_what_was_unverified_is_announced_by_the_run_that_can_read_it(lab: Lab) -> None:
    api_id = lab.attached()
    unreadable(lab, first=2)
    lab.run(api_id)
    lab.bench.emulator.order_faults([])
    lab.forget()
    lab.run(api_id)
    assert lab.event_types() == ["ApiProtected"]
    assert lab.calls()[1] == []


def test_a_lasting_fault_postpones_the_run_and_gives_the_api_back(lab: Lab) -> None:
    api_id = lab.api()
    lab.bench.emulator.order_faults(
        [{"operation": "GetRestApi", "call": n, "fault": "500"} for n in range(1, 30)]
    )
    run = lab.run(api_id)
    assert run.output["postponed"]
    assert lab.event_types() == []
    ((_, task, seconds),) = lab.bench.bus.later
    assert (task["rest_api_id"], seconds) == (api_id, 15)
    lab.bench.emulator.order_faults([])
    assert lab.run(api_id).status == "SUCCEEDED"


def dying(lab: Lab, api_id: str, function: str) -> None:
    """A run that is stopped when it gets to a function."""

    def die(task: JSON, context: object) -> None:
        raise KeyboardInterrupt

    alive = dict(lab.machine.functions)
    lab.machine.functions[function] = die
    with pytest.raises(KeyboardInterrupt):
        lab.machine.run({"rest_api_id": api_id}, name="stopped")
    lab.machine.functions = alive
    lab.bench.bus.stopped.add(execution_of("protect_api", {}, "stopped", 0).arn)
    lab.bench.clock.advance(FUNCTION_SECONDS)


STEPS = ["AttachStage", "RequireKey", "DeployApi", "VerifyStage", "ConcludeApi"]


@pytest.mark.parametrize("function", STEPS)
def test_a_run_that_was_stopped_is_taken_over_and_its_outcome_told(lab: Lab, function: str) -> None:
    api_id = lab.api()
    dying(lab, api_id, function)
    run = lab.run(api_id)
    assert run.status == "SUCCEEDED", run.cause
    assert lab.live(api_id)["GET /pets"]
    protected = lab.events("ApiProtected")
    assert len(protected) == 1
    done = {action["action"] for action in protected[0]["actions"]}
    assert done == {"attach_stage", "require_key", "deploy_api"}
    assert len(lab.client.get_deployments(restApiId=api_id)["items"]) == 2


def test_a_run_that_was_stopped_before_it_noted_its_announcement_announces_twice(lab: Lab) -> None:
    api_id = lab.api()
    announce = lab.bench.bus.announce

    def die(entries: list[JSON]) -> None:
        lab.bench.bus.announce = announce
        announce(entries)
        raise KeyboardInterrupt

    lab.bench.bus.announce = die
    with pytest.raises(KeyboardInterrupt):
        lab.machine.run({"rest_api_id": api_id}, name="stopped")
    lab.bench.bus.stopped.add(execution_of("protect_api", {}, "stopped", 0).arn)
    lab.bench.clock.advance(FUNCTION_SECONDS)
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.event_types() == ["ApiProtected"] * 2
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.event_types() == ["ApiProtected"] * 2


def test_a_second_run_leaves_the_api_to_the_first_which_starts_over(lab: Lab) -> None:
    api_id = lab.api()
    second: list[Any] = []
    lab.before("CreateDeployment", lambda: second.append(lab.run(api_id)))
    first = lab.run(api_id)
    assert second[0].output == {"rest_api_id": api_id, "busy": True}
    assert first.status == "SUCCEEDED"
    assert lab.plans_made(first) == 2
    assert lab.event_types() == ["ApiProtected"]


def test_a_run_that_lost_its_lease_leaves_the_api_to_the_other(lab: Lab) -> None:
    api_id = lab.attached()

    def take() -> None:
        name, leases = f"api#{api_id}", lab.bench.registry.leases
        holder = leases.holder(name)
        assert holder
        leases.give_back(holder)
        assert leases.acquire(name, "another run", lab.bench.clock.now())

    lab.before("UpdateMethod", take)
    run = lab.run(api_id)
    assert run.output == {"rest_api_id": api_id, "busy": True}
    assert "CreateDeployment" not in lab.bench.operations()


def test_an_answer_that_says_false_is_no_success(lab: Lab) -> None:
    api_id = lab.attached()

    def deny(*_: Any, **__: Any) -> bool:
        return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime.context().gateway, "require_key", deny)
        run = lab.run(api_id)
    assert (run.status, run.error) == ("FAILED", "GatewayRefusedError")
    assert "CreateDeployment" not in lab.bench.operations()


def test_a_stage_that_is_gone_is_forgotten(lab: Lab) -> None:
    api_id = lab.attached(stages=("dev", "prod"))
    lab.edit(api_id, PETS | {"/new": {"get": None}})
    lab.run(api_id)
    lab.client.delete_stage(restApiId=api_id, stageName="dev")
    lab.run(api_id)
    known = lab.bench.registry.apis.load_records(api_id)
    assert {hold.stage for hold in known.holds} == {"prod"}
    assert {attachment.stage for attachment in known.attachments} == {"prod"}


def test_an_export_that_is_refused_holds_the_stage(lab: Lab) -> None:
    api_id = lab.attached()

    def refuse(*_: Any) -> JSON:
        raise GatewayRefusedError("GetExport: BadRequestException: JSON body models are not found")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime.context().gateway, "export", refuse)
        lab.run(api_id)
    (event,) = lab.events("ApiHeld")
    assert "could not be read" in event["differences"][0]["difference"]


def test_an_export_that_is_nested_too_deep_holds_the_stage(lab: Lab) -> None:
    api_id = lab.attached()
    client = runtime.context().gateway._client
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "read", lambda *_: b"[" * 100_000)
        run = lab.run(api_id)
    assert run.status == "SUCCEEDED", run.cause
    (event,) = lab.events("ApiHeld")
    assert "could not be read" in event["differences"][0]["difference"]


def test_a_turn_ends_in_time_when_api_gateway_is_slow(lab: Lab) -> None:
    api_id = lab.attached({f"/things{n}": {"get": None} for n in range(20)})

    def slow() -> None:
        lab.bench.clock.advance(4)
        lab.before("UpdateMethod", slow)

    lab.before("UpdateMethod", slow)
    run = lab.run(api_id)
    assert run.status == "SUCCEEDED", run.cause
    assert run.states.count("Require key") == 2
    assert lab.calls()[1].count("UpdateMethod") == 20


def test_what_somebody_else_mended_meanwhile_is_not_told_as_ours(lab: Lab) -> None:
    api_id = lab.attached()
    dying(lab, api_id, "RequireKey")
    lab.edit(api_id, {"/pets": {"get": ["api_key"], "options": None}})
    lab.deploy(api_id)
    lab.forget()
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.event_types() == []
    assert lab.bench.registry.apis.load_records(api_id).planned == {}
