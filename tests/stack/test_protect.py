"""What is deployed is closed: by the tag's mode, for good, and without touching anything else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from keyward.values import JSON
from tests.stack.api_lab import CLOSED, Api, new_api, protected_api
from tests.stack.stack_lab import Stack
from tests.stack.trail import kept_back


def test_a_deployed_api_is_closed_but_for_what_is_exempt(stack: Stack) -> None:
    value = stack.issued("iris")
    api = new_api(stack)
    deployed = api.deploy()

    (told,) = api.await_told("ApiProtected")

    assert api.live() == {"GET /pets": True, "OPTIONS /pets": False, "GET /health": False}
    assert api.ask("GET /pets") == 403
    assert api.ask("GET /pets", value) == 200
    assert api.ask("OPTIONS /pets") == 200
    assert api.ask("GET /health") == 200
    assert (told["stage"], told["rest_api_id"]) == ("prod", api.id)
    assert {action["action"] for action in told["actions"]} == {
        "attach_stage",
        "require_key",
        "deploy_api",
    }
    assert datetime.fromisoformat(told["effective_by"]) <= datetime.now(UTC)
    assert told["execution_arn"] in api.arns()
    assert api.deployment() != deployed


def test_a_second_deployment_with_a_new_open_method_is_closed_again(stack: Stack) -> None:
    api = protected_api(stack)
    api.edit({"/orders": {"get": None, "post": None}})
    api.deploy()

    *_, told = api.await_told("ApiProtected", "ApiProtected")

    assert [action for action in told["actions"] if action["action"] == "require_key"] == [
        {"action": "require_key", "method": "GET", "path": "/orders"},
        {"action": "require_key", "method": "POST", "path": "/orders"},
    ]
    assert [api.ask(line) for line in ("GET /orders", "POST /orders", "GET /pets")] == [403] * 3
    assert api.ask("GET /health") == 200


def test_every_stage_of_an_api_is_closed(stack: Stack) -> None:
    api = new_api(stack)
    api.deploy("blue")
    api.deploy("green")

    api.await_told("ApiProtected", "ApiProtected")

    assert [api.ask("GET /pets", stage=stage) for stage in ("blue", "green")] == [403, 403]


def test_mode_observe_tells_what_enforce_would_do_and_writes_nothing(stack: Stack) -> None:
    api = new_api(stack, mode=None)  # DefaultMode is observe
    deployed = api.deploy()

    (told,) = api.await_told("ApiExposed")

    assert [action["action"] for action in told["actions"]] == [
        "attach_stage",
        "attach_stage",
        "require_key",
        "deploy_api",
    ]
    assert "1 method asks for no key" in told["reason"]
    stack.settle()
    assert api.writes() == []
    assert (api.deployment(), api.ask("GET /pets")) == (deployed, 200)


def test_mode_observe_tells_an_exposure_once_and_again_when_it_changes(stack: Stack) -> None:
    api = new_api(stack, mode="observe")
    api.deploy()
    api.await_told("ApiExposed")
    api.deploy()
    api.executions_ended(2)
    api.await_told("ApiExposed")

    api.edit({"/orders": {"get": None}})
    api.deploy()

    *_, told = api.await_told("ApiExposed", "ApiExposed")
    assert "2 methods ask for no key" in told["reason"]


def test_mode_off_does_and_tells_nothing(stack: Stack) -> None:
    api = new_api(stack, mode="off")
    deployed = api.deploy()

    (run,) = api.executions_ended(1)

    assert run["status"] == "SUCCEEDED"
    assert stack.event_types(rest_api_id=api.id) == []
    assert api.writes() == []
    assert (api.deployment(), api.ask("GET /pets")) == (deployed, 200)


def test_all_else_of_a_stage_stays_as_it_was(stack: Stack) -> None:
    api = new_api(stack, mode="off")
    api.deploy(variables={"backend": "blue"}, stageDescription="for the shop", tracingEnabled=True)
    changes = {
        "/*/*/throttling/rateLimit": "50",
        "/*/*/throttling/burstLimit": "70",
        "/~1pets/GET/logging/loglevel": "ERROR",
        "/*/*/metrics/enabled": "true",
        "/cacheClusterSize": "0.5",
    }
    operations = [{"op": "replace", "path": path, "value": v} for path, v in changes.items()]
    stack.gateway.update_stage(restApiId=api.id, stageName="prod", patchOperations=operations)
    stack.settle()
    before = api.stage()
    assert before["variables"] == {"backend": "blue"}
    assert before["methodSettings"]["*/*"]["throttlingBurstLimit"] == 70

    with kept_back(stack):  # the run that the tag starts
        api.tag("enforce")
    run = stack.run("ProtectApiArn", {"rest_api_id": api.id})

    assert run["status"] == "SUCCEEDED"
    assert api.live()["GET /pets"]
    assert api.stage() == before


def test_a_compliant_api_is_only_looked_at_once_it_is_in_its_plans(stack: Stack) -> None:
    api = new_api(stack, CLOSED)
    deployed = api.deploy()
    api.executions_ended(1)
    stack.settle()
    mark = stack.mark()

    stack.gateway.update_stage(
        restApiId=api.id,
        stageName="prod",
        patchOperations=[{"op": "replace", "path": "/description", "value": "new"}],
    )
    api.executions_ended(2)

    assert api.writes(mark) == []
    assert api.deployment() == deployed


def failed_call(detail: JSON) -> None:
    detail |= {"errorCode": "TooManyRequestsException", "responseElements": None}


def http_api(detail: JSON) -> None:
    detail["requestParameters"] = {"apiId": detail["requestParameters"]["restApiId"]}


def own_role(detail: JSON) -> None:
    issuer = {"arn": "arn:aws:iam::123456789012:role/keyward/keyward/keyward-DeployApi"}
    detail["userIdentity"] = {"type": "AssumedRole", "sessionContext": {"sessionIssuer": issuer}}


def other_service(detail: JSON) -> None:
    detail["eventSource"] = "elsewhere.amazonaws.com"


FOREIGN: dict[str, Callable[[JSON], None]] = {
    "a call that failed": failed_call,
    "an HTTP API": http_api,
    "a role of ours": own_role,
    "another service": other_service,
}


@pytest.fixture(scope="module")
def quiet_api(stack: Stack) -> Api:
    return protected_api(stack)


@pytest.mark.parametrize("kind", FOREIGN)
def test_an_event_that_is_no_news_starts_nothing(stack: Stack, quiet_api: Api, kind: str) -> None:
    stack.settle()
    event = copy.deepcopy(deployment_of(stack, quiet_api))
    FOREIGN[kind](event["detail"])
    runs, mark = len(quiet_api.arns()), stack.mark()

    stack.deliver(event)
    url = stack.queue("ApisQueue")  # and behind the rule, should it ever let one through
    stack.aws.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(event))
    stack.settle()

    assert len(quiet_api.arns()) == runs
    assert stack.calls(mark) == ([], [])


def deployment_of(stack: Stack, api: Api) -> JSON:
    """The CloudTrail event of the team's deployment."""
    return next(
        event
        for event in stack.trail
        if event["detail"]["eventName"] == "CreateDeployment"
        and event["detail"]["requestParameters"]["restApiId"] == api.id
    )
