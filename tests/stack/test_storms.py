"""Many events of one API are one look; a tool that opens an API again is told and left alone."""

from __future__ import annotations

from typing import Any

from tests.stack.api_lab import Api, protected_api
from tests.stack.stack_lab import Stack, eventually

JSON = dict[str, Any]
STORM = 12


def test_a_storm_of_deployments_is_looked_at_once_after_its_end(stack: Stack) -> None:
    api = protected_api(stack)
    stack.settle()
    runs, mark = len(api.arns()), stack.mark()
    for number in range(STORM):
        api.edit({f"/storm{number}": {"get": None}})
        api.deploy()

    eventually(lambda: all_closed(api), what="all methods closed")
    stack.settle()

    assert len(api.arns()) == runs + 1
    assert stack.calls(mark)[1].count("CreateDeployment") <= 2
    assert len(stack.calls(mark)[0]) <= 2 * 9
    assert all_closed(api)


def all_closed(api: Api) -> bool:
    asked = {line: asks for line, asks in api.live().items() if line.startswith("GET /storm")}
    return len(asked) == STORM and all(asked.values())


def test_a_tool_that_points_the_stage_back_is_closed_each_time_and_told(stack: Stack) -> None:
    api = protected_api(stack)
    open_one = stack.gateway.get_deployments(restApiId=api.id, limit=500)["items"]
    (theirs,) = [d["id"] for d in open_one if not d.get("description")]
    back = [{"op": "replace", "path": "/deploymentId", "value": theirs}]
    for _ in range(2):
        stack.settle()
        stack.gateway.update_stage(restApiId=api.id, stageName="prod", patchOperations=back)

    *_, told = api.await_told(*["ApiProtected"] * 3, "SourceOpen")

    assert told["cause"]["call"] == "UpdateStage"
    assert told["cause"]["principal"]
    assert [*told["lines"]] == ["sam", "openapi", "cdk", "terraform"]
    assert len(told["releases"]) == 3
    assert stack.ended(told["execution_arn"])["status"] == "SUCCEEDED"
    assert api.deployment() != theirs
    assert api.writes().count("UpdateStage") == 3
