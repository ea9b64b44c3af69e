"""APIs on the bench, and what happens between two calls of a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from keyward.values import JSON
from local.bench import Bench
from local.lifetime.documents import document
from tests.prove.play import policy

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
    return next(run for run in bench.runs if run.name == name)


def told(bench: Bench, *kinds: str) -> list[JSON]:
    return [event["detail"] for event in bench.announced if event["detail-type"] in kinds]


def delete_others(bench: Bench, api: str) -> None:
    """Somebody tidies up: every deployment that no stage serves is deleted."""
    served = {item["deploymentId"] for item in call(bench, "GetStages", restApiId=api)["item"]}
    for item in call(bench, "GetDeployments", restApiId=api)["items"]:
        if item["id"] not in served:
            call(bench, "DeleteDeployment", restApiId=api, deploymentId=item["id"])


def exempt(bench: Bench, *paths: str) -> None:
    """The owner of the policy exempts methods."""
    exemption = {"api": "*", "method": "GET", "reason": "public", "owner": "web"}
    body = policy() | {"exemptions": [exemption | {"path": path} for path in paths]}
    bench.put_policy(body)
    bench.advance(seconds=60)


def asks_in_working_copy(bench: Bench, api: str, path: str) -> bool:
    items = call(bench, "GetResources", restApiId=api, embed=["methods"])["items"]
    (method,) = (item["resourceMethods"]["GET"] for item in items if item["path"] == path)
    return bool(method["apiKeyRequired"])


def outcomes(run: Any) -> dict[str, str]:
    return {item["stage"]: item["outcome"] for item in run.output["stages"]}


def tag(bench: Bench, api: str, mode: str) -> None:
    """The team chooses another mode, and the run that follows ends."""
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{api}"
    call(bench, "TagResource", resourceArn=arn, tags={"keyward": mode})
    bench.run()


def held(bench: Bench) -> str:
    """An API whose stage is held."""
    api = bench.api(OPEN)
    edit(bench, api, HALF)
    bench.run()
    assert [event["stage"] for event in told(bench, "ApiHeld")] == ["prod"]
    return api


def holds(bench: Bench) -> list[str]:
    items = bench.tables["ApisTable"].items.values()
    return [item["record"] for item in items if item["record"].startswith("hold#")]
