"""A run that a person stops, or API Gateway refuses: what it did and why it ended is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from keyward.policy.parse import default_text
from keyward.values import JSON
from local.bench import Bench

OPEN: JSON = {"/pets": {"get": None}}
DAY = 86_400


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as bench:
        yield bench


def stopped_after(bench: Bench, operation: str) -> None:
    """Let the run go on until a call of it is made, and stop it then."""
    calls = len(bench.emulator.ledger)
    stopped_when(
        bench, lambda: operation in [line["operation"] for line in bench.emulator.ledger[calls:]]
    )


def stopped_when(bench: Bench, happened: Callable[[], bool]) -> None:
    """Let the run go on until something happened, and stop it then."""
    while not happened():
        bench.advance(0.05)
    [running] = [run for run in bench.runs if run.status == "RUNNING"]
    bench.account.executions.stop_execution(running.arn)


def protected(bench: Bench, stage: str = "prod") -> list[list[str]]:
    """The actions of each ApiProtected of a stage."""
    return [
        [action["action"] for action in event["detail"]["actions"]]
        for event in bench.announced
        if event["detail-type"] == "ApiProtected" and event["detail"]["stage"] == stage
    ]


def test_the_next_run_that_only_attaches_announces_it_at_once(bench: Bench) -> None:
    api_id = bench.api(OPEN, stages=["prod"])
    stopped_after(bench, "UpdateStage")
    # Its team deploys anew, which needs a plan again and nothing else.
    bench.deploy(api_id, "prod")
    plan = next(p for p in bench.emulator.call("GetUsagePlans", {})["items"] if p["apiStages"])
    left = {"op": "remove", "path": "/apiStages", "value": f"{api_id}:prod"}
    params = {"usagePlanId": plan["id"], "patchOperations": [left]}
    bench.emulator.call("UpdateUsagePlan", params)
    bench.run()
    [actions] = protected(bench)
    assert {*actions} == {"attach_stage"}
    bench.account.executions.begin("protect_api", "once-more", {"rest_api_id": api_id})
    bench.run()
    assert len(protected(bench)) == 1


@pytest.mark.parametrize("stops_at", ["in the deployment", "before it announces"])
def test_the_audit_finds_what_nobody_announced_and_has_it_announced(
    bench: Bench, stops_at: str
) -> None:
    api_id = bench.api(OPEN, stages=["prod"])
    if stops_at == "before it announces":
        # The outcome lies in the outbox when the run, which tries again, is stopped.
        bench.fault("events", "PutEvents", 1, 503)
        stopped_when(bench, lambda: bool(bench.account.faults.met))
    else:
        stopped_after(bench, "UpdateStage")
    bench.advance(DAY / 24)
    assert protected(bench) == []
    [found] = bench.audit()["findings"]
    about = (found["kind"], found["rest_api_id"], found["stage"], found["mended_by"])
    assert about == ("unannounced", api_id, "prod", "protect-api")
    bench.audit(repair=True)
    [actions] = protected(bench)
    assert "deploy_api" in actions
    assert bench.audit()["findings"] == []


def test_a_refused_deployment_names_the_methods_that_lack_an_integration() -> None:
    policy = json.loads(default_text()) | {"propagation_seconds": 0, "hold": "never"}
    with Bench(policy=policy) as bench:
        api_id = bench.api(OPEN)
        team, about = bench.gateway, {"restApiId": api_id, "httpMethod": "GET"}
        ids = {one["path"]: one["id"] for one in team.get_resources(restApiId=api_id)["items"]}
        toys = team.create_resource(restApiId=api_id, parentId=ids["/"], pathPart="toys")["id"]
        team.put_method(**about, resourceId=toys, authorizationType="NONE")
        bench.run()
        [failed] = [e["detail"] for e in bench.announced if e["detail-type"] == "ApiFailed"]
        assert failed["reason"].endswith(
            "No integration defined for method: GET /toys. Give each an integration, or delete it"
        )
