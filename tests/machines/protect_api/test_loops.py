"""A source that opens an API again and again: it is closed each time, and its people are told."""

from __future__ import annotations

import pytest

from tests.apis.test_task_samples import shape
from tests.machines.api_lab import PETS, Lab
from tests.machines.machine import Execution
from tests.machines.storm_lab import Trail
from tests.support import load_event


@pytest.fixture
def trail(lab: Lab) -> Trail:
    lab.policy(propagation_seconds=0)
    return Trail(lab)


def revert(lab: Lab, trail: Trail, api_id: str, minutes: int = 5) -> Execution:
    """CloudFormation deploys its own source again, and Keyward's run follows."""
    lab.bench.clock.advance(minutes * 60)
    lab.edit(api_id, PETS)
    lab.deploy(api_id)
    trail.deployed(api_id, agent="cloudformation.amazonaws.com")
    lab.forget()
    (run,) = trail.run_all()
    assert run.status == "SUCCEEDED", run.cause
    assert lab.live(api_id)["GET /pets"]
    return run


@pytest.mark.parametrize("minutes", [5, 20, 60 * 24 * 7])
def test_an_open_source_is_closed_each_time_and_told_from_the_second_re_opening_on(
    lab: Lab, trail: Trail, minutes: int
) -> None:
    api_id = lab.attached()
    told = []
    for _ in range(6):
        run = revert(lab, trail, api_id, minutes)
        assert run.output["stages"] == [{"stage": "prod", "outcome": "protected"}]
        told.append(sorted(lab.event_types()))
    assert told == [["ApiProtected"]] * 2 + [["ApiProtected", "SourceOpen"]] * 4


def test_the_event_names_who_the_lines_and_how_long_each_release_was_open(
    lab: Lab, trail: Trail
) -> None:
    api_id = lab.attached()
    for _ in range(3):
        revert(lab, trail, api_id)
    (told,) = lab.events("SourceOpen")
    sample = load_event("source-open")["detail"]
    told.pop("caused_by"), sample.pop("caused_by")
    assert shape(told) == shape(sample)
    assert (told["stage"], told["methods"]) == ("prod", [{"method": "GET", "path": "/pets"}])
    assert told["lines"] == sample["lines"]
    assert [*told["lines"]] == ["sam", "openapi", "cdk", "terraform"]
    assert "pet-shop-pipeline through CloudFormation" in told["reason"]
    assert told["cause"]["tool"] == "CloudFormation"
    assert [0 < release["open_seconds"] < 60 for release in told["releases"]] == [True] * 3


def test_a_mended_source_is_told_no_more(lab: Lab, trail: Trail) -> None:
    api_id = lab.attached()
    for _ in range(3):
        revert(lab, trail, api_id)
    lab.edit(api_id, {"/pets": {"get": ["api_key"]}})
    lab.deploy(api_id)
    trail.deployed(api_id)
    lab.forget()
    (run,) = trail.run_all()
    assert (run.status, lab.event_types()) == ("SUCCEEDED", [])


def test_new_open_methods_open_nothing_again_however_often_a_team_deploys(
    lab: Lab, trail: Trail
) -> None:
    api_id = lab.attached()
    for number in range(6):
        lab.edit(api_id, {f"/new{number}": {"get": None}}, mode="merge")
        lab.deploy(api_id)
        trail.deployed(api_id)
        (run,) = trail.run_all()
        assert run.status == "SUCCEEDED"
        lab.bench.clock.advance(60)
    assert all(asks for line, asks in lab.live(api_id).items() if line.startswith("GET"))
    assert lab.events("SourceOpen") == []


def test_a_look_for_later_goes_round_until_it_is_due(lab: Lab, trail: Trail) -> None:
    api_id = lab.attached()
    due = int(lab.bench.clock.now()) + 1000
    body = load_event("look-later") | {"rest_api_id": api_id, "not_before": due}
    lab.bench.bus.later.clear()
    trail.hear(body)
    ((queue, again, seconds),) = lab.bench.bus.later
    assert (queue, again) == ("the-queue", body)
    lab.bench.clock.advance(seconds)
    trail.number += 1
    trail.hear(body)
    assert [run.status for run in trail.run_all()] == ["SUCCEEDED"]


@pytest.mark.parametrize("odd", ["soon", [], {}])
def test_a_time_that_is_none_goes_to_the_dlq(lab: Lab, trail: Trail, odd: object) -> None:
    trail.hear({"rest_api_id": "a1b2c3d4e5", "not_before": odd})
    ((queue, _, attributes),) = lab.bench.bus.sent
    assert queue == "the-dlq"
    assert "not_before" in attributes["reason"]
