"""Storms of events are one look after the last of them."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.aws.tables.leases import FUNCTION_SECONDS
from keyward.runs import runtime
from keyward.values import JSON
from tests.machines.api_lab import PETS, Lab
from tests.machines.storm_lab import Trail


@pytest.fixture
def trail(lab: Lab) -> Trail:
    lab.policy(propagation_seconds=0)
    return Trail(lab)


def test_a_storm_in_many_batches_starts_one_run_that_waits_for_its_end(
    lab: Lab, trail: Trail
) -> None:
    api_id = lab.attached()
    for _ in range(30):
        trail.deployed(api_id)
        lab.bench.clock.advance(0.1)
    (run,) = trail.run_all()
    assert run.status == "SUCCEEDED"
    assert run.states.count("Wait for the storm to pass") == 1
    assert len(lab.calls()[0]) <= 10
    assert lab.live(api_id)["GET /pets"]


def test_an_event_alone_is_looked_at_within_seconds(lab: Lab, trail: Trail) -> None:
    api_id = lab.attached()
    trail.deployed(api_id)
    began = lab.bench.clock.now()
    trail.run_all()
    assert lab.bench.clock.now() - began <= 3
    assert lab.live(api_id)["GET /pets"]


def test_a_storm_that_does_not_end_is_looked_at_all_the_same(lab: Lab, trail: Trail) -> None:
    api_id = lab.attached()
    lab.bench.clock.advance(0.5)
    began = lab.bench.clock.now()
    advance = lab.bench.clock.advance

    def stormy(seconds: float) -> None:
        advance(seconds)
        if lab.bench.clock.now() - began < 60:
            trail.deployed(api_id)

    trail.deployed(api_id)
    lab.bench.clock.advance = stormy  # type: ignore[method-assign]
    try:
        first = lab.machine.run({"rest_api_id": api_id}, trail.runs()[0][0])
    finally:
        lab.bench.clock.advance = advance  # type: ignore[method-assign]
    assert first.status == "SUCCEEDED"
    looked = first.states.index("Require key")
    waits = first.states[:looked].count("Wait for the storm to pass")
    assert 2 <= waits <= 7
    assert len(trail.runs()) == 1


def test_the_last_event_is_never_lost(lab: Lab, trail: Trail) -> None:
    api_id = lab.attached()
    trail.deployed(api_id)
    # while the run is about to give the API back, somebody opens another method
    conclude = lab.machine.functions["ConcludeApi"]

    def late(task: JSON, context: object) -> Any:
        lab.machine.functions["ConcludeApi"] = conclude
        lab.edit(api_id, PETS | {"/late": {"get": None}})
        lab.deploy(api_id)
        trail.deployed(api_id)
        return conclude(task, context)

    lab.machine.functions["ConcludeApi"] = late
    (run,) = trail.run_all()
    lab.machine.functions["ConcludeApi"] = conclude
    assert run.status == "SUCCEEDED"
    assert len(trail.runs()) == 1
    assert lab.live(api_id) == {"GET /pets": True, "OPTIONS /pets": False, "GET /late": True}


def test_an_event_after_the_run_starts_another(lab: Lab, trail: Trail) -> None:
    api_id = lab.attached()
    trail.deployed(api_id)
    trail.run_all()
    lab.deploy(api_id)
    trail.deployed(api_id)
    assert len(trail.run_all()) == 1


def test_a_run_that_was_stopped_before_it_looked_does_not_swallow_the_storm(
    lab: Lab, trail: Trail
) -> None:
    api_id = lab.attached()
    trail.deployed(api_id)
    ((stopped, _),) = trail.runs()
    lab.bench.bus.stopped.add(stopped)
    lab.bench.clock.advance(FUNCTION_SECONDS)
    trail.deployed(api_id)
    (run,) = trail.run_all()
    assert run.status == "SUCCEEDED"
    assert lab.live(api_id)["GET /pets"]


def test_a_holder_that_was_stopped_is_not_left_word_with(lab: Lab, trail: Trail) -> None:
    api_id = lab.attached()
    lease = lab.bench.registry.leases.acquire(f"api#{api_id}", "a-dead-run", runtime.now())
    assert lease is not None
    lab.bench.bus.stopped.add("a-dead-run")
    lab.bench.clock.advance(FUNCTION_SECONDS)
    trail.deployed(api_id)
    (run,) = trail.run_all()
    assert run.status == "SUCCEEDED"
    assert lab.live(api_id)["GET /pets"]


def test_a_storm_of_another_api_is_its_own(lab: Lab, trail: Trail) -> None:
    one, two = lab.attached(), lab.api()
    for _ in range(5):
        trail.deployed(one)
        trail.deployed(two)
    assert [task["rest_api_id"] for _, task in trail.runs()] == [one, two]
