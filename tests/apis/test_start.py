"""Start API protection: from messages of the queue to runs of protect-api."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

import start_api_protection
from keyward.apis.model import Deployment, Hold
from keyward.values import JSON
from tests.machines.api_lab import Lab
from tests.support import load_event

API = "a1b2c3d4e5"
DEPLOYMENTS = ["cloudtrail-create-deployment", "cloudtrail-update-stage", "cloudtrail-create-stage"]


def batch(*bodies: object) -> JSON:
    """A batch of the queue as events/start-api-protection.json shows one; text stays as it is."""
    sample = load_event("start-api-protection")["Records"][0]
    texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    records = [sample | {"messageId": f"m{n}", "body": text} for n, text in enumerate(texts)]
    return {"Records": records}


def take(lab: Lab, *bodies: object) -> tuple[list[JSON], list[str]]:
    """The tasks that were started, and the messages that are to come again."""
    answer = start_api_protection.handler(batch(*bodies), None)
    failed = [item["itemIdentifier"] for item in answer["batchItemFailures"]]
    return [task for _, _, task in lab.bench.bus.started], failed


def changed(name: str, *path: str, value: Any) -> JSON:
    """A sample with one member set; None removes it."""
    event = copy.deepcopy(load_event(name))
    place = event
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    if value is None:
        del place[path[-1]]
    return event


def test_the_sample_batch_starts_a_run_for_each_api_and_decision(lab: Lab) -> None:
    answer = start_api_protection.handler(load_event("start-api-protection"), None)
    assert answer == {"batchItemFailures": []}
    assert [task for _, _, task in lab.bench.bus.started] == [
        {"rest_api_id": API},
        {"rest_api_id": API, "stage": "prod", "approve": "0f1e2d3c4b5a6978"},
        {"rest_api_id": "f6g7h8i9j0"},
    ]


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_deployment_starts_a_run_and_a_repeat_starts_none(lab: Lab, name: str) -> None:
    assert take(lab, load_event(name)) == ([{"rest_api_id": API}], [])
    assert take(lab, load_event(name)) == ([{"rest_api_id": API}], [])


def test_a_storm_of_one_api_starts_one_run(lab: Lab) -> None:
    storm = [changed(DEPLOYMENTS[0], "id", value=f"event-{n}") for n in range(9)]
    assert take(lab, *storm, {"rest_api_id": API}) == ([{"rest_api_id": API}], [])


IGNORED: dict[str, JSON] = {
    "a failed call": changed(DEPLOYMENTS[0], "detail", "errorCode", value="NotFoundException"),
    "an HTTP API": changed(
        DEPLOYMENTS[0], "detail", "requestParameters", value={"apiId": API, "stageName": "prod"}
    ),
    "another service": changed(DEPLOYMENTS[0], "detail", "eventSource", value="s3.amazonaws.com"),
    "our own role": changed(
        DEPLOYMENTS[0],
        "detail",
        "userIdentity",
        "sessionContext",
        "sessionIssuer",
        "arn",
        value="arn:aws:iam::123456789012:role/keyward/keyward/keyward-DeployApiRole-1A2B",
    ),
}


@pytest.mark.parametrize("kind", IGNORED)
def test_what_is_none_of_ours_starts_nothing_and_is_no_error(lab: Lab, kind: str) -> None:
    assert take(lab, IGNORED[kind]) == ([], [])
    assert lab.bench.bus.sent == []
    assert lab.bench.operations() == []


def ours(lab: Lab) -> None:
    deployment = Deployment("d0e1f2", "prod", "d9", ("GET /pets NONE key",))
    lab.bench.registry.apis.save_deployment(API, deployment, lab.bench.clock.now())


@pytest.mark.parametrize("name", DEPLOYMENTS[:2])
def test_a_deployment_of_ours_starts_nothing(lab: Lab, name: str) -> None:
    ours(lab)
    assert take(lab, load_event(name)) == ([], [])
    assert lab.bench.operations() == []


def test_a_new_stage_is_news_even_on_a_deployment_of_ours(lab: Lab) -> None:
    ours(lab)
    assert take(lab, load_event("cloudtrail-create-stage")) == ([{"rest_api_id": API}], [])


def test_a_stage_that_gets_more_than_a_deployment_of_ours_is_news(lab: Lab) -> None:
    ours(lab)
    operations = [
        {"op": "replace", "path": "/deploymentId", "value": "d0e1f2"},
        {"op": "replace", "path": "/canarySettings/percentTraffic", "value": "10"},
    ]
    patch = {"patchOperations": operations}
    event = changed(
        "cloudtrail-update-stage", "detail", "requestParameters", "updateStageInput", value=patch
    )
    assert take(lab, event) == ([{"rest_api_id": API}], [])


def test_a_description_that_looks_like_ours_proves_nothing(lab: Lab) -> None:
    wanted = {"stageName": "prod", "description": "Keyward requires API keys on stage prod (1)"}
    event = changed(
        DEPLOYMENTS[0], "detail", "requestParameters", "createDeploymentInput", value=wanted
    )
    assert take(lab, event) == ([{"rest_api_id": API}], [])


MALFORMED: list[object] = [
    "no json",
    "[]",
    "null",
    {},
    {"rest_api_id": 7},
    {"rest_api_id": "../a"},
    {"detail-type": "SomethingElse", "detail": {}},
    {"detail-type": "AWS API Call via CloudTrail"},
    changed(DEPLOYMENTS[0], "detail", "requestParameters", value=None),
    changed(DEPLOYMENTS[0], "detail", "requestParameters", "restApiId", value=None),
    changed(DEPLOYMENTS[0], "detail", "requestParameters", "restApiId", value=["x"]),
    changed("deployment-approved", "detail", "fingerprint", value=None),
    changed("deployment-approved", "detail", "fingerprint", value="*"),
    changed("deployment-rejected", "detail", "stage", value=None),
    changed("rollback-requested", "detail", "stage", value=None),
    changed("rollback-requested", "detail", "rest_api_id", value="../a"),
    changed("deployment-rejected", "detail", value="text"),
]


@pytest.mark.parametrize("body", MALFORMED, ids=lambda body: str(body)[:60])
def test_what_is_malformed_goes_to_the_dlq_with_the_reason_and_harms_nobody(
    lab: Lab, body: object
) -> None:
    assert take(lab, body, {"rest_api_id": "f6g7h8i9j0"}) == ([{"rest_api_id": "f6g7h8i9j0"}], [])
    ((queue, sent, attributes),) = lab.bench.bus.sent
    assert queue == "the-dlq"
    assert sent == (body if isinstance(body, str) else json.dumps(body))
    assert ": " in attributes["reason"]


def test_what_cannot_be_started_now_comes_again_and_the_next_is_started(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = lab.bench.bus.start

    def busy(machine: str, name: str, task: JSON) -> bool:
        if task["rest_api_id"] == API:
            raise ConnectionError("Step Functions is not to be reached")
        return bool(start(machine, name, task))

    monkeypatch.setattr(lab.bench.bus, "start", busy)
    started, failed = take(lab, {"rest_api_id": API}, {"rest_api_id": "f6g7h8i9j0"})
    assert started == [{"rest_api_id": "f6g7h8i9j0"}]
    assert failed == ["m0"]


def hold(lab: Lab, fingerprint: str = "0f1e2d3c4b5a6978") -> None:
    event = {"detail_type": "ApiHeld", "detail": {}}
    lab.bench.registry.apis.hold(API, Hold("prod", fingerprint), event, lab.bench.clock.now())


@pytest.mark.parametrize("word", ["approve", "reject"])
def test_a_decision_starts_one_run_that_notes_it(lab: Lab, word: str) -> None:
    event = load_event(f"deployment-{word}{'d' if word == 'approve' else 'ed'}")
    detail = event["detail"]
    task = {"rest_api_id": API, "stage": detail["stage"], word: detail["fingerprint"]}
    assert take(lab, event) == ([task], [])
    assert take(lab, event) == ([task], [])


def test_a_wish_to_roll_back_starts_one_run_that_does(lab: Lab) -> None:
    task = {"rest_api_id": API, "stage": "prod", "rollback": True}
    assert take(lab, load_event("rollback-requested")) == ([task], [])
    assert take(lab, load_event("rollback-requested")) == ([task], [])


def test_the_events_of_our_own_run_start_nothing(lab: Lab) -> None:
    heard: list[JSON] = []
    lab.bench.emulator.on_event = heard.append
    api_id = lab.api()
    theirs = len(heard)
    lab.run(api_id)
    names = ("CreateDeployment", "UpdateStage")
    own = [event for event in heard[theirs:] if event["detail"]["eventName"] in names]
    assert len(own) == 2
    assert take(lab, *own) == ([], [])


def test_the_events_of_the_team_start_a_run(lab: Lab) -> None:
    heard: list[JSON] = []
    lab.bench.emulator.on_event = heard.append
    api_id = lab.api()
    (deployed,) = [e for e in heard if e["detail"]["eventName"] == "CreateDeployment"]
    assert take(lab, deployed) == ([{"rest_api_id": api_id}], [])
