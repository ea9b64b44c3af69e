"""What happens between two calls of a run: no edit is published, no deployment of the team is
undone, and nothing that is remembered stops a later run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.bench import Bench
from local.lifetime.documents import document

JSON = dict[str, Any]
OPEN: JSON = {"/pets": {"get": None}}
HALF: JSON = {"/pets": {"get": None}, "/half": {"get": None}}
# The calls of a run that closes a stage, each with an edit before it.
CALLS = (
    "GetRestApi",
    "GetStages",
    "GetUsagePlans",
    "GetExport",
    "CreateUsagePlan",
    "GetResources",
    "UpdateMethod",
    "CreateDeployment",
    "GetStage",
    "UpdateStage",
)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


def before(bench: Bench, operation: str, action: Callable[[], object], call: int = 1) -> None:
    """Do something before a run's n-th call of an operation, from now on."""
    emulator = bench.emulator
    real, seen = emulator.call, 0

    def called(name: str, params: JSON, caller: str | None = None) -> JSON:
        nonlocal seen
        seen += name == operation and caller is not None
        if seen == call:
            emulator.call = real  # type: ignore[method-assign]
            action()
        return real(name, params, caller)

    emulator.call = called  # type: ignore[method-assign]


def call(bench: Bench, operation: str, **params: Any) -> JSON:
    return bench.emulator.call(operation, params)


def edit(bench: Bench, api: str, paths: JSON) -> None:
    """The team replaces its working copy."""
    body = json.dumps(document(paths)).encode()
    call(bench, "PutRestApi", restApiId=api, mode="overwrite", body=body)


def edit_backend(bench: Bench, api: str) -> None:
    """The team edits what the API answers; no method, key or authorization changes."""
    items = call(bench, "GetResources", restApiId=api)["items"]
    (pets,) = (item["id"] for item in items if item["path"] == "/pets")
    where = {"restApiId": api, "resourceId": pets, "httpMethod": "GET"}
    path = "/requestTemplates/application~1json"
    patch = {"op": "replace", "path": path, "value": '{"statusCode": 200, "half": "done"}'}
    call(bench, "UpdateIntegration", **where, patchOperations=[patch])


def live(bench: Bench, api: str, stage: str = "prod") -> str:
    """What the stage serves, as an OpenAPI document."""
    where = {"restApiId": api, "stageName": stage, "exportType": "oas30"}
    exported = call(bench, "GetExport", **where, parameters={"extensions": "apigateway"})["body"]
    return str(exported.read() if hasattr(exported, "read") else exported)


def serving(bench: Bench, api: str, stage: str = "prod") -> str:
    return str(call(bench, "GetStage", restApiId=api, stageName=stage)["deploymentId"])


def protect(bench: Bench, api: str, **more: Any) -> Any:
    name = f"by-hand-{len(bench.runs)}"
    bench.account.executions.begin("protect_api", name, {"rest_api_id": api} | more)
    bench.run()
    return bench.runs[-1]


def told(bench: Bench, *kinds: str) -> list[JSON]:
    return [event["detail"] for event in bench.announced if event["detail-type"] in kinds]


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("number", [1, 2])
def test_an_edit_between_any_two_calls_is_never_published(
    bench: Bench, operation: str, number: int
) -> None:
    api = bench.api(OPEN)
    before(bench, operation, lambda: edit_backend(bench, api), number)
    bench.run()
    bench.advance(seconds=600)
    assert "half" not in live(bench, api)
    is_closed = bench.call(api, "prod", "GET", "/pets") == 403
    assert is_closed or [event["stage"] for event in told(bench, "ApiHeld")] == ["prod"]
    assert told(bench, "ApiFailed") == []


def test_a_deployment_that_caught_an_edit_is_thrown_away(bench: Bench) -> None:
    api = bench.api(OPEN)
    before(bench, "CreateDeployment", lambda: edit(bench, api, HALF))
    bench.run()
    assert len(call(bench, "GetDeployments", restApiId=api)["items"]) == 1
    assert [event["stage"] for event in told(bench, "ApiHeld")] == ["prod"]


@pytest.mark.parametrize("operation", CALLS)
def test_a_deployment_of_the_team_between_any_two_calls_is_not_undone(
    bench: Bench, operation: str
) -> None:
    api = bench.api(OPEN)

    def release() -> None:
        edit(bench, api, {"/pets": {"get": None}, "/new": {"get": None}})
        bench.deploy(api, "prod")

    before(bench, operation, release)
    bench.run()
    bench.advance(seconds=900)
    assert "/new" in live(bench, api)
    assert bench.call(api, "prod", "GET", "/new") == 403
    assert bench.call(api, "prod", "GET", "/pets") == 403
    assert told(bench, "ApiFailed", "ApiHeld") == []


def test_an_answer_about_one_stage_answers_one_stage(bench: Bench) -> None:
    api = bench.api(OPEN, stages=["dev"])
    deployment = serving(bench, api, "dev")
    call(bench, "CreateStage", restApiId=api, stageName="prod", deploymentId=deployment)
    call(bench, "CreateStage", restApiId=api, stageName="test", deploymentId=deployment)
    edit(bench, api, HALF)
    bench.run()
    held = {event["stage"]: event["fingerprint"] for event in told(bench, "ApiHeld")}
    assert len({*held.values()}) == 3
    protect(bench, api, stage="dev", approve=held["dev"])
    protect(bench, api, reject=held["test"])
    bench.advance(seconds=2 * 86_400)
    bench.audit(repair=True)
    bench.advance(seconds=900)
    moved = {name for name in held if serving(bench, api, name) != deployment}
    assert moved == {"dev"}
    reminded = {event["stage"] for event in told(bench, "ApiHeld") if event.get("reminder")}
    assert reminded == {"prod"}


def delete_others(bench: Bench, api: str) -> None:
    """Somebody tidies up: every deployment that no stage serves is deleted."""
    served = {item["deploymentId"] for item in call(bench, "GetStages", restApiId=api)["item"]}
    for item in call(bench, "GetDeployments", restApiId=api)["items"]:
        if item["id"] not in served:
            call(bench, "DeleteDeployment", restApiId=api, deploymentId=item["id"])


def test_a_rollback_to_what_is_gone_is_told_once_and_stops_nothing(bench: Bench) -> None:
    api = bench.api(OPEN)
    bench.run()
    delete_others(bench, api)
    protect(bench, api, stage="prod", rollback=True)
    edit(bench, api, HALF)
    bench.deploy(api, "dev")
    bench.advance(seconds=3600)
    assert protect(bench, api).status == "SUCCEEDED"
    assert len(told(bench, "ApiFailed")) == 1
    assert told(bench, "ApiHeld") == []
    assert bench.call(api, "dev", "GET", "/half") == 403
    assert bench.call(api, "prod", "GET", "/pets") == 403


@pytest.mark.parametrize("gone", ["stage", "deployment of ours"])
def test_a_rollback_that_waits_and_cannot_be_done_stops_no_later_run(
    bench: Bench, gone: str
) -> None:
    api = bench.api(OPEN, stages=["prod", "dev"])
    bench.run()
    bench.tables["ApisTable"].put_item(
        Item={"rest_api_id": api, "record": "rollback#prod", "stage": "prod"}
    )
    if gone == "stage":
        call(bench, "DeleteStage", restApiId=api, stageName="prod")
    else:
        edit(bench, api, {"/pets": {"get": ["api_key"]}})
        bench.deploy(api, "prod")
    edit(bench, api, HALF)
    bench.deploy(api, "dev")
    bench.advance(seconds=600)
    assert [run.error for run in bench.runs if run.status == "FAILED"] == []
    assert [event["stage"] for event in told(bench, "ApiFailed")] == ["prod"]
    assert bench.call(api, "dev", "GET", "/half") == 403


def test_a_deployment_of_ours_that_somebody_deletes_is_made_anew(bench: Bench) -> None:
    api = bench.api(OPEN)
    for number in range(1, 30):
        bench.fault("apigateway", "UpdateStage", number, 500)
    bench.run()
    bench.clear_faults()
    delete_others(bench, api)
    bench.advance(seconds=3600)
    assert bench.call(api, "prod", "GET", "/pets") == 403
    assert told(bench, "ApiFailed") == []
    assert [run.error for run in bench.runs if run.status == "FAILED"] == []
