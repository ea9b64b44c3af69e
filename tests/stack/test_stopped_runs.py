"""Runs are stopped in the middle, and meet each other: nothing is lost, nothing is made twice."""

from __future__ import annotations

import pytest

from tests.stack.api_lab import Api
from tests.stack.stack_lab import Stack, eventually
from tests.stack.troubles import Troubles


@pytest.fixture(scope="module")
def troubles(stack: Stack, shop: Api) -> Troubles:
    """All that is stopped, one after the other; then they wait together."""
    return Troubles.stops(stack)


def test_a_stopped_run_is_taken_over_when_its_event_comes_again(
    troubles: Troubles, stack: Stack
) -> None:
    stack.outcome("KeyIssued", customer_id="crash-customer")

    (key,) = stack.keys_of("crash-customer")
    assert stack.plans_of(key["id"]) == ["pro"]
    assert len(stack.value_of("crash-customer")) > 40
    first, *_, last = troubles.runs_ended("crash-customer", 2)
    assert (first.arn, first.status) == (troubles.stopped["crash-customer"], "ABORTED")
    assert last.status == "SUCCEEDED"
    assert stack.event_types(customer_id="crash-customer") == ["KeyIssued"]


def test_an_api_whose_run_was_stopped_half_way_is_closed_by_the_next(
    troubles: Troubles, stack: Stack
) -> None:
    api = troubles.apis["crash-api"]

    eventually(lambda: "ApiProtected" in stack.event_types(rest_api_id=api.id))

    assert api.live() == {
        "GET /pets": True,
        "OPTIONS /pets": False,
        "GET /health": False,
        "GET /orders": True,
    }
    assert [api.ask(line) for line in ("GET /pets", "GET /orders")] == [403, 403]
    runs = troubles.runs_ended(api.id, 2)
    assert {run.arn: run.status for run in runs}[troubles.stopped["crash-api"]] == "ABORTED"
    assert stack.event_types(rest_api_id=api.id) == ["ApiProtected"]


def test_an_event_during_a_run_is_not_lost_when_that_run_is_stopped(
    troubles: Troubles, stack: Stack
) -> None:
    """No third event comes: the end of the stopped run starts the one that takes up the word."""
    stack.outcome("KeyIssued", customer_id="left-word")

    (key,) = stack.keys_of("left-word")
    assert stack.plans_of(key["id"]) == ["pro"]
    runs = troubles.runs_ended("left-word", 3)
    assert [run.status for run in runs] == ["ABORTED", "SUCCEEDED", "SUCCEEDED"]
    assert runs[0].arn == troubles.stopped["left-word"]
    assert stack.event_types(customer_id="left-word") == ["KeyIssued"]


def test_an_event_during_a_run_is_not_lost(troubles: Troubles, stack: Stack) -> None:
    # The run that comes second leaves word. The first one plans anew before it could make the key,
    # so the key comes into the new plan at once, and no change of a plan is announced.
    event = stack.outcome("KeyIssued", customer_id="meanwhile")

    assert event["plan"] == "free"
    runs = troubles.runs_ended("meanwhile", 2)
    busy = [run for run in runs if run.output == {"customer_id": "meanwhile", "busy": True}]
    assert len(busy) == 1
    assert stack.event_types(customer_id="meanwhile") == ["KeyIssued"]
    (key,) = stack.keys_of("meanwhile")
    assert stack.plans_of(key["id"]) == ["free"]


def test_two_runs_for_one_customer_at_the_same_time_make_one_key(stack: Stack) -> None:
    stack.put_event("CustomerSignedUp", customer_id="crowded", plan="pro")
    eventually(lambda: "crowded" in str(customers(stack)))

    arns = [stack.start("ReconcileCustomerArn", {"customer_id": "crowded"}) for _ in range(3)]

    ends = [stack.ended(arn) for arn in arns]
    assert {end["status"] for end in ends} == {"SUCCEEDED"}
    stack.outcome("KeyIssued", customer_id="crowded")
    assert stack.writes_for("crowded") == ["CreateApiKey", "CreateUsagePlanKey"]


def customers(stack: Stack) -> list[object]:
    table = stack.aws.outputs["CustomersTableName"]
    return list(stack.aws.pages("dynamodb", "scan", "Items", TableName=table))
