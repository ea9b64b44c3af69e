"""protect-api with one fault of any client at any of its calls: the API is closed at the end, and
nobody is told of a failure."""

from __future__ import annotations

import json

import pytest

from keyward.policy.parse import default_text
from keyward.values import JSON
from local.bench import Bench
from local.lifetime.faults import Order
from tests import tree
from tests.support import sampled

OPEN: JSON = {"/pets": {"get": None}, "/orders": {"post": None}}
# Longer than a run that was postponed waits until it is looked at again.
LATER = 1200
DEATHS = (
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "Lambda.Unknown",
    "Lambda.TooManyRequestsException",
    "death_after",
)
PASSING = {
    "dynamodb": ("ThrottlingException", 500, "timeout_after", "TransactionConflict", "repeated"),
    "ssm": ("ThrottlingException", 500, "timeout_before"),
    "events": ("ThrottlingException", 500, "timeout_before", "timeout_after"),
    "stepfunctions": ("ThrottlingException", 500, "timeout_before"),
    "logs": ("LimitExceededException", "ThrottlingException", 503),
    "sqs": ("ThrottlingException", 500, "timeout_before"),
    "apigateway": (429, 500, 503, "timeout_before", "timeout_after"),
    "lambda": DEATHS,
}
OPERATIONS = {
    "dynamodb": ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"),
    "ssm": ("GetParameter",),
    "events": ("PutEvents",),
    "logs": ("StartQuery", "GetQueryResults"),
    "apigateway": (
        "CreateDeployment",
        "CreateUsagePlan",
        "GetDeployment",
        "GetExport",
        "GetResources",
        "GetRestApi",
        "GetStage",
        "GetStages",
        "GetUsagePlans",
        "UpdateMethod",
        "UpdateStage",
        "UpdateUsagePlan",
    ),
    "lambda": tuple(
        state["Arguments"]["FunctionName"][2:-4]
        for name, state in tree.states(tree.machines()["protect_api"]).items()
        if "lambda:invoke" in state.get("Resource", "") and name != "Report failure"
    ),
}
CASES = [
    (client, operation, first)
    for client, operations in OPERATIONS.items()
    for operation in operations
    for first in range(len(PASSING[client]))
]


def closed(bench: Bench, fault: Order | None) -> bool:
    """Whether a run met the fault; its API is closed at the end, and only that is announced."""
    api_id = bench.api(OPEN, stages=["dev", "prod"])
    begun = len(bench.announced)
    if fault:
        bench.fault(fault.client, fault.operation, fault.call, fault.error)
    bench.run()
    met = bool(bench.account.faults.met)
    bench.advance(LATER)
    for stage in ("dev", "prod"):
        assert bench.call(api_id, stage, "GET", "/pets") == 403, fault
        assert bench.call(api_id, stage, "POST", "/orders") == 403, fault
    announced = [event["detail-type"] for event in bench.announced[begun:]]
    assert {*announced} == {"ApiProtected"}, (fault, announced)
    assert {event["detail"]["stage"] for event in bench.announced[begun:]} == {"dev", "prod"}
    assert [run.cause for run in bench.runs if run.status == "FAILED"] == [], fault
    return met


@pytest.mark.parametrize(("client", "operation", "first"), sampled(CASES, 3))
def test_a_fault_that_passes_leaves_no_stage_open_and_fails_nothing(
    client: str, operation: str, first: int
) -> None:
    errors = PASSING[client]
    for call in range(1 + first, 60, len(errors)):
        with Bench() as bench:
            if not closed(bench, Order(client, operation, call, errors[first])):
                break


@pytest.mark.parametrize(
    ("client", "operation", "error"),
    [
        ("apigateway", "GetRestApi", 503),
        ("apigateway", "UpdateMethod", 500),
        ("apigateway", "UpdateStage", 503),
        ("apigateway", "GetDeployment", 429),
        ("dynamodb", "Query", "ThrottlingException"),
        ("lambda", "DeployApi", "Runtime.ExitError"),
    ],
)
def test_a_fault_that_lasts_longer_than_a_run_postpones_it_and_is_told_nobody(
    client: str, operation: str, error: str | int
) -> None:
    with Bench() as bench:
        api_id = bench.api(OPEN)
        for call in range(1, 9):
            bench.fault(client, operation, call, error)
        bench.run()
        bench.advance(LATER)
        assert bench.call(api_id, "prod", "GET", "/pets") == 403
        assert {event["detail-type"] for event in bench.announced} == {"ApiProtected"}
        assert [run.cause for run in bench.runs if run.status == "FAILED"] == []


@pytest.mark.parametrize("error", DEATHS)
def test_a_death_in_the_report_of_an_exposure_is_told_nobody_and_loses_no_report(
    error: str,
) -> None:
    with Bench() as bench:
        bench.api(OPEN, mode="observe")
        bench.fault("lambda", "ReportExposure", 1, error)
        bench.run()
        assert bench.account.faults.met
        assert [event["detail-type"] for event in bench.announced] == ["ApiExposed"]
        report = bench.announced[0]["detail"]["report"]
        assert sorted(report["exposed_methods"]) == ["GET /pets", "POST /orders"]
        assert [run.status for run in bench.runs] == ["SUCCEEDED"]


@pytest.mark.parametrize("function", ["ProbeStage", "VerifyStage", "ConcludeApi"])
@pytest.mark.parametrize("error", DEATHS)
def test_a_death_after_the_deployment_leaves_no_stage_unproven(function: str, error: str) -> None:
    policy = json.loads(default_text()) | {"propagation_seconds": 0}
    policy["probes"] = [{"api": "*", "path": "/pets", "customer": "canary"}]
    with Bench(policy=policy) as bench:
        bench.send("CustomerSignedUp", customer_id="canary", plan="free")
        bench.run()
        api_id = bench.api(OPEN)
        bench.fault("lambda", function, 1, error)
        bench.run()
        assert bench.account.faults.met
        run = next(run for run in bench.runs if run.machine == "protect_api")
        assert run.states.count("Probe stage") >= 1
        assert run.status == "SUCCEEDED"
        assert bench.call(api_id, "prod", "GET", "/pets") == 403
        announced = [event["detail-type"] for event in bench.announced]
        assert announced[0] == "KeyIssued"
        assert {*announced[1:]} == {"ApiProtected"}
