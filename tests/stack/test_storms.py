"""Many events of one API are one look; a tool that opens an API again is told and left alone."""

from __future__ import annotations

from tests.stack.api_lab import READS_TO_CLOSE, Api, protected_api
from tests.stack.stack_lab import Stack, eventually
from tests.stack.trail import kept_back

STORM = 12


def test_a_storm_of_deployments_is_closed_by_one_deployment(stack: Stack) -> None:
    api = protected_api(stack)
    stack.settle()
    runs, mark = len(api.arns()), stack.mark()
    with kept_back(stack) as late:
        for number in range(STORM):
            api.edit({f"/storm{number}": {"get": None}})
            api.deploy()
    for event in late:  # in one go: how long the machine takes for a deployment is no matter
        stack.deliver(event)

    eventually(lambda: all_closed(api), what="all methods closed")
    stack.settle()

    looks = len(api.arns()) - runs
    assert looks < STORM // 3
    reads, writes = stack.calls(mark)
    assert writes == ["UpdateMethod"] * STORM + ["CreateDeployment", "UpdateStage"]
    assert len(reads) <= looks * READS_TO_CLOSE
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
