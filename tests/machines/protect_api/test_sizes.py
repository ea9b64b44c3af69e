"""APIs of any size: no answer and no event is larger than AWS carries, and nobody waits for one."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from keyward.aws.tables.edits import Edits
from keyward.events.caller import Editor
from keyward.events.size import json_bytes
from keyward.values import JSON
from local.bench import Bench
from local.lifetime.documents import document

pytestmark = pytest.mark.sizes

MAX_BYTES = 262_144  # a state of Step Functions, and a request of PutEvents
VERBS = ("get", "post", "put", "delete", "patch", "head", "options")


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


def paths(methods: int, length: int, prefix: str = "r") -> JSON:
    """So many methods that ask for no key, seven a path, of so many characters."""
    verbs = VERBS[: -(-methods // 300)] if methods > 300 else VERBS[:3]
    count = -(-methods // len(verbs))
    return {f"/{prefix * (length - 5)}{n:04d}": dict.fromkeys(verbs) for n in range(count)}


def stages(count: int) -> list[str]:
    return [f"stage{number}" for number in range(count)]


def checked(bench: Bench, detail_type: str, count: int) -> list[JSON]:
    """The events of a type, one a stage; none too large, and the run came to its end."""
    bench.run()
    assert [run.cause for run in bench.runs if run.status == "FAILED"] == []
    events = [event for event in bench.announced if event["detail-type"] == detail_type]
    assert sorted(event["detail"]["stage"] for event in events) == sorted(stages(count))
    assert max(json_bytes(event) for event in bench.announced) <= MAX_BYTES
    return events


@pytest.mark.parametrize(("methods", "count", "length"), [(300, 10, 46), (360, 7, 68)])
def test_an_api_in_mode_observe_is_announced_whatever_its_size(
    bench: Bench, methods: int, count: int, length: int
) -> None:
    bench.api(paths(methods, length), mode="observe", stages=stages(count))
    for event in checked(bench, "ApiExposed", count):
        assert len(event["detail"]["actions"]) >= methods


@pytest.mark.parametrize(
    ("count", "with_editors"), [(5, False), (7, False), (10, False), (4, True), (8, True)]
)
def test_a_held_api_is_announced_whatever_its_size(
    bench: Bench, count: int, with_editors: bool
) -> None:
    api_id = held(bench, count, with_editors)
    for event in checked(bench, "ApiHeld", count):
        assert len(event["detail"]["differences"]) >= 100
    task = {"rest_api_id": api_id, "dry_run": True}
    dry = bench.account.executions.begin("protect_api", "dry", task)
    bench.run()
    assert dry.status == "SUCCEEDED"
    assert json_bytes(dry.output) <= MAX_BYTES
    holds = [action for action in dry.output["actions"] if action["action"] == "hold_stage"]
    assert [action["stage"] for action in holds] == stages(count)


def held(bench: Bench, count: int, with_editors: bool) -> str:
    """An API whose working copy has 300 methods more than each of its open stages serves."""
    api_id = bench.api(paths(3, 68), mode="off", stages=stages(count))
    bench.run()
    body = json.dumps(document(paths(300, 68, "n"))).encode()
    bench.gateway.put_rest_api(restApiId=api_id, mode="merge", body=body)
    if with_editors:
        edits = Edits(bench.tables["ApisTable"])
        editor = Editor("pet-shop-pipeline " * 4, "PutMethod", "2026-01-01T00:00:00Z")
        for page in bench.gateway.get_paginator("get_resources").paginate(restApiId=api_id):
            for resource in page["items"]:
                edits.note(api_id, resource["id"], "*", editor)
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{api_id}"
    bench.gateway.tag_resource(resourceArn=arn, tags={"keyward": "enforce"})
    bench.audit(repair=True)
    return api_id


@pytest.mark.parametrize(("methods", "count"), [(840, 10), (2030, 1)])
def test_a_large_api_is_closed_and_announced(bench: Bench, methods: int, count: int) -> None:
    api_id = bench.api(paths(methods, 70), mode="enforce", stages=stages(count))
    checked(bench, "ApiProtected", count)
    path = next(iter(paths(methods, 70)))
    for stage in stages(count):
        assert bench.call(api_id, stage, "GET", path) == 403
