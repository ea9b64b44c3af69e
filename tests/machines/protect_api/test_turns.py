"""APIs that wait for their turn: none stays open, and nobody keeps a lease meanwhile."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from unittest import mock

import pytest

from keyward.aws.tables.call_schedule import CallSchedule
from keyward.runs.turns import Turns
from keyward.values import JSON
from local.bench import Bench
from tests.machines.api_lab import PETS, Lab
from tests.machines.protect_api.test_many import APIS, calls_of


def paths(methods: int) -> JSON:
    """So many open methods, three a path."""
    verbs = ("get", "put", "post")
    names = [(f"/p{number // 3}", verbs[number % 3]) for number in range(methods)]
    return {path: {verb: None for at, verb in names if at == path} for path, _ in names}


def test_the_last_of_as_many_apis_as_an_account_has_waits_for_hours_and_is_closed() -> None:
    with Bench(quotas=True, share=10, propagation=0) as bench:
        turns = Turns(CallSchedule(bench.tables["LeasesTable"]), 10)
        turns.debit({"CreateDeployment": 600}, bench.clock.now())
        began = bench.clock.now()
        api_id = bench.api(PETS)
        bench.run()
        assert {run.status for run in bench.runs} == {"SUCCEEDED"}
        assert bench.clock.now() - began >= 600 / (0.2 * 0.1) - 60
        assert bench.call(api_id, "prod", "GET", "/pets") == 403
        told = [event["detail-type"] for event in bench.announced]
        assert sorted(told) == ["ApiPending", "ApiProtected"]


def test_who_waits_long_is_told_once_and_when_it_will_be_closed() -> None:
    with Bench(quotas=True, share=50) as bench:
        began = bench.clock.now()
        api_ids = {bench.api(PETS) for _ in range(APIS)}
        bench.run()
        closed, told = events(bench, "ApiProtected"), events(bench, "ApiPending")
    assert len(told) == len({event["detail"]["rest_api_id"] for event in told}) > APIS / 2
    assert {event["detail"]["rest_api_id"] for event in closed} == api_ids
    ends = {event["detail"]["rest_api_id"]: at(event["time"]) - began for event in closed}
    for event in told:
        ready_by = at(event["detail"]["ready_by"]) - began
        assert ready_by == pytest.approx(ends[event["detail"]["rest_api_id"]], rel=0.2)


def events(bench: Bench, detail_type: str) -> list[JSON]:
    return [event for event in bench.announced if event["detail-type"] == detail_type]


def at(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


@pytest.mark.parametrize("number", [40, pytest.param(100, marks=pytest.mark.sizes)])
def test_many_exposed_apis_are_all_closed_in_little_more_than_their_deployments_take(
    number: int,
) -> None:
    with Bench(quotas=True, share=50) as bench:
        api_ids = [bench.api(paths(10)) for _ in range(number)]
        began, before = bench.clock.now(), len(bench.calls)
        bench.run()
        made = bench.calls[before:]
        assert {bench.call(api_id, "prod", "POST", "/p1") for api_id in api_ids} == {403}
        assert {run.status for run in bench.runs} == {"SUCCEEDED"}
        assert events(bench, "ApiFailed") == []
    assert len([call for call in made if call["status"] == 429]) <= 0.02 * len(made)
    # At half of its quota CreateDeployment is called once in 10 s, all calls 5 times a second.
    floor = max(len(made) / 5, (number - 1) * 10)
    assert made[-1]["at"] - began <= 1.2 * floor


@pytest.mark.parametrize(("share", "seconds"), [(50, 60), (100, 28)])
def test_an_api_of_three_hundred_methods_is_closed_at_the_pace_of_its_calls(
    share: int, seconds: int
) -> None:
    with Bench(quotas=True, share=share) as bench:
        api_id = bench.api(paths(300))
        # A storm of events is waited for before.
        began, before = bench.clock.now() + 2, len(bench.calls)
        bench.run()
        made = bench.calls[before:]
        assert bench.call(api_id, "prod", "GET", "/p99") == 403
    assert made[-1]["at"] - began <= seconds
    assert [call for call in made if call["status"] == 429] == []


def test_a_run_that_waits_long_for_its_turn_to_deploy_stands_in_nobodys_way(lab: Lab) -> None:
    lab.policy(propagation_seconds=0)
    api_id, leases = lab.api(), lab.bench.registry.leases
    lab.bench.context().turns.debit({"CreateDeployment": 10}, lab.bench.clock.now())
    deploy, holders = lab.machine.functions["DeployApi"], []

    def looked_at(task: JSON, context: object) -> Any:
        answer = deploy(task, context)
        holders.append(leases.holder(f"api#{api_id}") is not None)
        return answer

    lab.machine.functions["DeployApi"] = looked_at
    run = lab.run(api_id)
    lab.machine.functions["DeployApi"] = deploy
    assert run.status == "SUCCEEDED", run.cause
    assert holders == [False, True], "none while it waits, its own when it deploys"
    assert len(calls_of(lab, "CreateDeployment")) == 2, "the team's and one of ours"
    assert lab.live(api_id)["GET /pets"]
    [pending] = lab.events("ApiPending")
    assert pending["rest_api_id"] == api_id


def test_a_run_that_another_one_joined_while_it_waited_plans_anew(lab: Lab) -> None:
    lab.policy(propagation_seconds=0)
    api_id = lab.api()
    lab.bench.context().turns.debit({"CreateDeployment": 2}, lab.bench.clock.now())
    deploy, others = lab.machine.functions["DeployApi"], []

    def joined(task: JSON, context: object) -> Any:
        answer = deploy(task, context)
        if not others:
            others.append(lab.run(api_id))
        return answer

    lab.machine.functions["DeployApi"] = joined
    run = lab.run(api_id)
    lab.machine.functions["DeployApi"] = deploy
    assert others[0].output == {"rest_api_id": api_id, "busy": True, "ready_by": mock.ANY}
    assert run.states.count("Plan protection") == 2
    assert lab.live(api_id)["GET /pets"]
