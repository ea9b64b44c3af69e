"""A tool that opens an API again and again: it is told, left alone for the hour, and healed."""

from __future__ import annotations

import pytest

from tests.apis.test_task_samples import shape
from tests.machines.api_lab import PETS, Lab
from tests.machines.storm_lab import Trail
from tests.support import load_event


@pytest.fixture
def trail(lab: Lab) -> Trail:
    lab.policy(propagation_seconds=0)
    return Trail(lab)


def revert(lab: Lab, trail: Trail, api_id: str, minutes: int = 5) -> None:
    """CloudFormation deploys its own source again, and Keyward's runs follow."""
    lab.bench.clock.advance(minutes * 60)
    lab.edit(api_id, PETS)
    lab.deploy(api_id)
    trail.deployed(api_id, agent="cloudformation.amazonaws.com")


def deployments_of_ours(lab: Lab) -> int:
    return lab.calls()[1].count("UpdateStage")


def looped(lab: Lab, trail: Trail) -> str:
    """An API that was closed three times and opened again three times."""
    api_id = lab.attached()
    trail.deployed(api_id)
    trail.run_all()
    for _ in range(3):
        revert(lab, trail, api_id)
        trail.run_all()
    return api_id


def test_a_tool_that_reverts_us_is_followed_three_times_within_the_hour(
    lab: Lab, trail: Trail
) -> None:
    api_id = looped(lab, trail)
    assert deployments_of_ours(lab) == 3
    (told,) = lab.events("ApiFailed")
    sample = load_event("api-failed-reverted")["detail"]
    assert shape(told | {"caused_by": {}}) == shape(sample | {"caused_by": {}})
    assert told["lines"] == sample["lines"]
    assert told["stage"] == "prod"
    assert told["reason"].startswith("reverted: closed 3 times within an hour")
    assert "pet-shop-pipeline through CloudFormation" in told["reason"]
    assert told["cause"]["tool"] == "CloudFormation"
    assert any("GET /pets" in line for line in told["lines"]["cdk"])
    assert not lab.live(api_id)["GET /pets"]


def test_a_loop_fails_its_run_once_and_costs_reads_only_from_then_on(
    lab: Lab, trail: Trail
) -> None:
    api_id = looped(lab, trail)
    lab.forget()
    revert(lab, trail, api_id)
    lab.forget()
    (run,) = trail.run_all()
    assert run.status == "SUCCEEDED"
    assert lab.event_types() == []
    assert lab.calls()[1] == []
    assert len(lab.calls()[0]) <= 4


def test_the_run_that_finds_a_loop_fails_so_that_its_alarm_rings(lab: Lab, trail: Trail) -> None:
    api_id = lab.attached()
    trail.deployed(api_id)
    trail.run_all()
    for _ in range(2):
        revert(lab, trail, api_id)
        assert trail.run_all()[0].status == "SUCCEEDED"
    revert(lab, trail, api_id)
    (run,) = trail.run_all()
    assert (run.status, run.error) == ("FAILED", "NotProtectedError")
    assert "prod" in run.cause


def test_a_loop_heals_by_itself_when_its_hour_is_over(lab: Lab, trail: Trail) -> None:
    api_id = looped(lab, trail)
    ((queue, body, seconds),) = lab.bench.bus.later
    assert queue == "the-queue"
    assert shape(body) == shape(load_event("look-later"))
    assert body["rest_api_id"] == api_id
    # a queue delays by 15 minutes at most: what comes too early is passed on
    lab.bench.bus.later.clear()
    lab.bench.clock.advance(900)
    trail.hear(body)
    assert lab.bench.bus.later == [("the-queue", body, seconds - 900)]
    lab.forget()
    lab.bench.clock.advance(seconds - 900)
    trail.number += 1
    trail.hear(body)
    (run,) = trail.run_all()
    assert run.status == "SUCCEEDED"
    assert lab.event_types() == ["ApiProtected"]
    assert lab.live(api_id)["GET /pets"]


def test_a_loop_ends_when_the_source_is_mended(lab: Lab, trail: Trail) -> None:
    api_id = looped(lab, trail)
    lab.edit(api_id, {"/pets": {"get": ["api_key"]}})
    lab.deploy(api_id)
    trail.deployed(api_id)
    lab.forget()
    (run,) = trail.run_all()
    assert run.status == "SUCCEEDED"
    assert lab.bench.registry.apis.load_records(api_id).loops == {}
    # and when it breaks again later, that is news again
    lab.bench.clock.advance(3600)
    revert(lab, trail, api_id)
    trail.run_all()
    assert lab.live(api_id)["GET /pets"]


def test_new_open_methods_are_no_loop_however_often_a_team_deploys(lab: Lab, trail: Trail) -> None:
    api_id = lab.attached()
    for number in range(6):
        lab.edit(api_id, {f"/new{number}": {"get": None}}, mode="merge")
        lab.deploy(api_id)
        trail.deployed(api_id)
        (run,) = trail.run_all()
        assert run.status == "SUCCEEDED"
        lab.bench.clock.advance(60)
    assert all(asks for line, asks in lab.live(api_id).items() if line.startswith("GET"))
    assert lab.events("ApiFailed") == []


def test_a_stage_that_is_left_as_it_is_shows_in_a_dry_run(lab: Lab, trail: Trail) -> None:
    api_id = looped(lab, trail)
    run = lab.run(api_id, dry_run=True)
    assert run.output["actions"] == [{"action": "leave_stage", "stage": "prod"}]


@pytest.mark.parametrize("odd", ["soon", [], {}])
def test_a_time_that_is_none_goes_to_the_dlq(lab: Lab, trail: Trail, odd: object) -> None:
    trail.hear({"rest_api_id": "a1b2c3d4e5", "not_before": odd})
    ((queue, _, attributes),) = lab.bench.bus.sent
    assert queue == "the-dlq"
    assert "not_before" in attributes["reason"]
