"""RollbackRequested: the former state is one event away, once, and is not closed again at once."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.values import JSON
from tests.machines.api_lab import PETS, Lab
from tests.machines.machine import refusal
from tests.support import load_event

DAY = 24 * 3600


def serving(lab: Lab, api_id: str) -> str:
    return str(lab.client.get_stage(restApiId=api_id, stageName="prod")["deploymentId"])


@pytest.fixture
def closed(lab: Lab) -> tuple[str, str]:
    """An API that Keyward closed, and the deployment before; an empty ledger."""
    api_id = lab.attached()
    former = serving(lab, api_id)
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.live(api_id)["GET /pets"]
    lab.forget()
    return api_id, former


def back(lab: Lab, api_id: str, **more: Any) -> Any:
    return lab.run(api_id, stage="prod", rollback=True, **more)


def test_the_former_deployment_is_brought_back_and_told(lab: Lab, closed: tuple[str, str]) -> None:
    api_id, former = closed
    run = back(lab, api_id)
    assert run.status == "SUCCEEDED", run.cause
    assert serving(lab, api_id) == former
    assert lab.calls()[1] == ["UpdateStage"]
    assert sorted(lab.event_types()) == ["ApiHeld", "ApiRolledBack"]
    (event,) = lab.events("ApiRolledBack")
    assert event["stage"] == "prod"
    assert event["actions"][0]["deployment_id"] == former
    assert event["effective_by"]


def test_it_is_not_closed_again_whatever_looks_at_it(lab: Lab, closed: tuple[str, str]) -> None:
    api_id, former = closed
    back(lab, api_id)
    lab.forget()
    for _ in range(3):
        lab.run(api_id)
    assert serving(lab, api_id) == former
    assert (lab.event_types(), lab.calls()[1]) == ([], [])
    lab.bench.clock.advance(DAY)
    lab.run(api_id)
    (event,) = lab.events("ApiHeld")
    assert event["reminder"]
    assert "rolled back" in event["message"]


def test_asking_twice_does_it_once(lab: Lab, closed: tuple[str, str]) -> None:
    api_id, former = closed
    back(lab, api_id)
    lab.forget()
    assert back(lab, api_id).status == "SUCCEEDED"
    assert serving(lab, api_id) == former
    assert (lab.event_types(), lab.calls()[1]) == ([], [])


def test_an_approval_closes_it_again(lab: Lab, closed: tuple[str, str]) -> None:
    api_id, _ = closed
    back(lab, api_id)
    (event,) = lab.events("ApiHeld")
    lab.forget()
    assert lab.machine.run(event["answers"]["approve"]["console_input"]).status == "SUCCEEDED"
    assert lab.live(api_id)["GET /pets"]
    assert lab.event_types() == ["ApiProtected"]


def test_the_next_deployment_of_the_team_is_closed_as_ever(
    lab: Lab, closed: tuple[str, str]
) -> None:
    api_id, _ = closed
    back(lab, api_id)
    lab.edit(api_id, PETS)
    lab.deploy(api_id)
    lab.forget()
    lab.run(api_id)
    assert lab.live(api_id)["GET /pets"]
    assert lab.event_types() == ["ApiProtected"]
    assert lab.bench.registry.apis.load_records(api_id).holds == ()


def test_unfinished_work_since_is_told_and_not_published(lab: Lab, closed: tuple[str, str]) -> None:
    api_id, former = closed
    back(lab, api_id)
    lab.edit(api_id, {"/new": {"get": None}}, mode="merge")
    lab.forget()
    lab.run(api_id)
    (event,) = lab.events("ApiHeld")
    assert "rolled back" in event["message"]
    assert "/new" in event["message"]
    assert serving(lab, api_id) == former


def test_only_what_keyward_did_is_taken_back(lab: Lab) -> None:
    api_id = lab.attached()
    before = serving(lab, api_id)
    run = back(lab, api_id)
    assert "not a deployment of Keyward's" in refusal(run)["reason"]
    assert serving(lab, api_id) == before
    assert lab.bench.registry.apis.load_records(api_id).rollbacks == {}


@pytest.mark.parametrize(
    "asked", [{"rollback": True}, {"rollback": "yes"}, {"rollback": True, "stage": "nowhere"}]
)
def test_a_wish_that_cannot_be_right_names_the_field(
    lab: Lab, closed: tuple[str, str], asked: JSON
) -> None:
    api_id, _ = closed
    run = lab.machine.run({"rest_api_id": api_id} | asked)
    assert refusal(run)["error"] in ("InvalidInputError", "WrongAnswerError")
    assert lab.calls()[1] == []


def test_a_dry_run_shows_it_and_changes_nothing(lab: Lab, closed: tuple[str, str]) -> None:
    api_id, _ = closed
    run = back(lab, api_id, dry_run=True)
    (action,) = run.output["actions"]
    assert (action["action"], action["stage"]) == ("roll_back_stage", "prod")
    assert lab.calls()[1] == []
    assert lab.bench.registry.apis.load_records(api_id).rollbacks == {}


def test_a_wish_that_met_another_run_is_not_lost(lab: Lab, closed: tuple[str, str]) -> None:
    api_id, former = closed
    leases = lab.bench.registry.leases
    busy = leases.acquire(f"api#{api_id}", "another run", lab.bench.clock.now())
    assert busy is not None
    assert back(lab, api_id).output["busy"]
    assert not leases.release(busy)
    leases.give_back(busy)
    lab.run(api_id)
    assert serving(lab, api_id) == former


def test_a_stage_that_moves_meanwhile_is_left_alone_and_not_held(
    lab: Lab, closed: tuple[str, str]
) -> None:
    api_id, _ = closed
    theirs: list[str] = []

    def deploy() -> None:
        lab.before("GetStage", lambda: theirs.append(lab.deploy(api_id)))

    lab.before("GetStage", deploy)
    back(lab, api_id)
    assert serving(lab, api_id) == theirs[0]
    assert lab.event_types() == ["ApiFailed"]
    assert lab.bench.registry.apis.load_records(api_id).holds == ()


@pytest.mark.parametrize("fault", ["throttle", "500", "503", "timeout_before", "timeout_after"])
@pytest.mark.parametrize("operation", ["GetRestApi", "GetStage", "UpdateStage"])
def test_a_single_fault_is_over_within_two_minutes(
    lab: Lab, closed: tuple[str, str], operation: str, fault: str
) -> None:
    api_id, former = closed
    began = lab.bench.clock.now()
    lab.bench.emulator.order_faults([{"operation": operation, "call": 1, "fault": fault}])
    run = back(lab, api_id)
    assert run.status == "SUCCEEDED", run.cause
    assert lab.bench.clock.now() - began < 120
    assert serving(lab, api_id) == former
    assert sorted(lab.event_types()) == ["ApiHeld", "ApiRolledBack"]


def test_the_sample_is_a_wish_that_is_taken(lab: Lab, closed: tuple[str, str]) -> None:
    api_id, former = closed
    sample = load_event("rollback-requested")["detail"] | {"rest_api_id": api_id}
    assert lab.machine.run(sample | {"rollback": True}).status == "SUCCEEDED"
    assert serving(lab, api_id) == former
