"""An API with more stages than one plan can read: planned in parts, and nothing is read twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

import plan_protection
from emulator.operations import common
from keyward.runs.apis import read
from keyward.values import JSON
from local.bench import Bench
from local.lifetime.documents import document

OPEN: JSON = {"/pets": {"get": None}}
CLOSED: JSON = {"/pets": {"get": ["api_key"]}}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """An account whose quota of stages was raised."""
    monkeypatch.setattr(common, "MAX_STAGES", 1000)
    with Bench(quotas=True) as made:
        yield made


def stages(count: int) -> list[str]:
    return [f"stage{number:03}" for number in range(count)]


def reads(bench: Bench, since: int = 0) -> Counter[str]:
    """What Plan protection has read, refused calls left out."""
    return Counter(
        call["operation"]
        for call in bench.calls[since:]
        if call["caller"] == "keyward/keyward/PlanProtectionRole" and call["status"] == 200
    )


def event_counts(bench: Bench) -> Counter[str]:
    return Counter(event["detail-type"] for event in bench.announced)


def look(bench: Bench, api_id: str, name: str) -> Any:
    run = bench.account.executions.begin("protect_api", name, {"rest_api_id": api_id})
    bench.run()
    assert run.status == "SUCCEEDED", run.cause
    return run


def test_an_api_of_ninety_open_stages_is_closed_in_parts_and_read_once(bench: Bench) -> None:
    bench.api(OPEN, stages=stages(90))
    bench.run()
    assert [run.cause for run in bench.runs if run.status != "SUCCEEDED"] == []
    assert event_counts(bench) == {"ApiProtected": 90}
    found = reads(bench)
    assert found["GetExport"] == 90
    assert found["GetDeployment"] <= 90 + 2 * read.MAX_EXPOSED_STAGES
    assert [run.states.count("Plan protection") >= 3 for run in bench.runs] == [True]


def test_three_hundred_closed_stages_are_read_in_several_calls_each_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_protection, "READ_SECONDS", 5)
    api_id = bench.api(CLOSED, mode="observe", stages=stages(300))
    bench.run()
    [first] = bench.runs
    assert first.status == "SUCCEEDED", first.cause
    assert first.states.count("Plan protection") > 3
    assert reads(bench)["GetDeployment"] == 300
    before = len(bench.calls)
    look(bench, api_id, "again")
    assert reads(bench, before) == {"GetRestApi": 1, "GetStages": 1, "GetUsagePlans": 1}


def test_what_deployments_serve_is_read_again_after_an_hour_and_when_the_record_is_strange(
    bench: Bench,
) -> None:
    api_id = bench.api(CLOSED, mode="observe", stages=["prod"])
    bench.run()
    deployed = []
    for number, change in enumerate((None, {"methods": "x"}, {"methods": 7}, {"forget_at": "x"})):
        item = next(
            item
            for item in bench.tables["ApisTable"].scan()["Items"]
            if "#served" in item["record"]
        )
        bench.tables["ApisTable"].put_item(Item=item | (change or {}))
        before = len(bench.calls)
        look(bench, api_id, f"run-{number}")
        deployed.append(reads(bench, before)["GetDeployment"])
    assert deployed == [0, 1, 1, 1]
    bench.advance(3600)
    before = len(bench.calls)
    look(bench, api_id, "later")
    assert reads(bench, before)["GetDeployment"] == 1


def test_stages_that_wait_for_a_person_keep_no_other_from_its_turn(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "MAX_EXPOSED_STAGES", 3)
    api_id = bench.api(OPEN, mode="off", stages=stages(8))
    bench.run()
    body = json.dumps(document(OPEN | {"/half": {"get": None}})).encode()
    bench.gateway.put_rest_api(restApiId=api_id, mode="overwrite", body=body)
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{api_id}"
    bench.gateway.tag_resource(resourceArn=arn, tags={"keyward": "enforce"})
    bench.run()
    run = look(bench, api_id, "all")
    assert event_counts(bench) == {"ApiHeld": 8}
    assert run.states.count("Plan protection") <= 4


def test_a_dry_run_says_which_stages_are_planned_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "MAX_EXPOSED_STAGES", 3)
    api_id = bench.api(OPEN, mode="off", stages=stages(5))
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{api_id}"
    bench.gateway.tag_resource(resourceArn=arn, tags={"keyward": "observe"})
    task = {"rest_api_id": api_id, "dry_run": True}
    run = bench.account.executions.begin("protect_api", "dry", task)
    bench.run()
    later = [item["stage"] for item in run.output["actions"] if item["action"] == "plan_later"]
    assert later == ["stage003", "stage004"]
