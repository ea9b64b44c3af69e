"""What each job costs in calls of API Gateway: DESIGN.md, section 7, read from the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from keyward.values import JSON
from tests.stack.api_lab import READS_TO_CLOSE, Api, new_api, protected_api
from tests.stack.stack_lab import Stack

QUIET_SECONDS = 2.0
SIGN_UP = ["CreateApiKey", "CreateUsagePlanKey"]


def cost(
    stack: Stack, job: Callable[[], object], customer_id: str = ""
) -> tuple[list[str], list[str]]:
    """The reads and the writes of a job for a customer or an API, from silence to silence."""
    stack.settle()
    mark = stack.mark()
    job()
    stack.settle()
    return stack.calls(mark, customer_id)


@pytest.fixture(scope="module")
def api(stack: Stack) -> Api:
    """An API that is closed and attached to its plans."""
    return protected_api(stack)


def test_a_sign_up_costs_two_writes_and_no_read(stack: Stack) -> None:
    stack.issued("first-of-plan")

    assert cost(stack, lambda: stack.issued("cheap"), "cheap")[1] == SIGN_UP

    def sign_up() -> None:
        stack.put_event("CustomerSignedUp", customer_id="cheaper", plan="pro")

    assert cost(stack, sign_up, "cheaper") == ([], SIGN_UP)


def test_a_record_put_into_the_table_costs_no_more(stack: Stack) -> None:
    stack.issued("plan-is-known")

    def put() -> None:
        stack.put_record("thrifty", plan="pro", status="active")

    assert cost(stack, put, "thrifty") == ([], SIGN_UP)


def test_a_repeated_event_costs_nothing(stack: Stack) -> None:
    stack.issued("again")

    def repeat() -> None:
        stack.put_event("CustomerSignedUp", customer_id="again", plan="pro")
        stack.put_event("CustomerSignedUp", customer_id="again", plan="pro")

    assert cost(stack, repeat, "again") == ([], [])


def test_a_second_run_costs_no_write_and_no_read_unless_it_looks(stack: Stack) -> None:
    stack.issued("rerun")

    def run(**more: bool) -> None:
        ended = stack.run("ReconcileCustomerArn", {"customer_id": "rerun", **more})
        assert ended["status"] == "SUCCEEDED"

    assert cost(stack, lambda: run(look=False), "rerun") == ([], [])
    reads, writes = cost(stack, run, "rerun")
    assert sorted(reads) == ["GetApiKey", "GetUsagePlans"]
    assert writes == []


def test_a_compliant_deployment_costs_four_reads(stack: Stack, api: Api) -> None:
    reads, writes = cost(stack, api.deploy)

    assert sorted(reads) == ["GetDeployment", "GetRestApi", "GetStages", "GetUsagePlans"]
    assert writes == []


@pytest.mark.parametrize("number", [1, 3])
def test_exposed_methods_cost_a_write_each_and_two(stack: Stack, number: int) -> None:
    api = protected_api(stack)
    stack.settle()
    api.edit({f"/new{n}": {"get": None} for n in range(number)})

    reads, writes = cost(stack, api.deploy)

    assert len(reads) <= READS_TO_CLOSE
    assert writes == ["UpdateMethod"] * number + ["CreateDeployment", "UpdateStage"]
    assert all(api.live()[f"GET /new{n}"] for n in range(number))


def test_a_plan_that_lacks_the_stage_costs_one_more_write(stack: Stack, api: Api) -> None:
    def first_deployment() -> None:
        new_api(stack).deploy()

    _, writes = cost(stack, first_deployment)

    plans = ["UpdateUsagePlan"] * 2  # free and pro
    assert writes == [*plans, "UpdateMethod", "CreateDeployment", "UpdateStage"]


def test_our_own_deployment_costs_no_call(stack: Stack) -> None:
    api = protected_api(stack)
    stack.settle()
    ours = [event for event in stack.trail if made_by_us(event, api.id)]
    names = {event["detail"]["eventName"] for event in ours}
    assert {"CreateDeployment", "UpdateStage"} <= names
    runs = len(api.arns())

    def come_again() -> None:
        for event in ours:
            stack.deliver(event)
            stack.deliver(disguised(event))

    assert cost(stack, come_again) == ([], [])
    assert len(api.arns()) == runs


def made_by_us(event: JSON, rest_api_id: str) -> bool:
    detail = event["detail"]
    asked = detail.get("requestParameters") or {}
    by_a_role = detail["userIdentity"]["type"] == "AssumedRole"
    deploys = detail["eventName"] in ("CreateDeployment", "UpdateStage")
    return bool(by_a_role and deploys and asked.get("restApiId") == rest_api_id)


def disguised(event: JSON) -> JSON:
    """The same event as if a person had made the call: the rule lets it pass, the id tells."""
    identity = {"type": "IAMUser", "userName": "mallory", "sessionContext": {"sessionIssuer": {}}}
    return event | {"detail": event["detail"] | {"userIdentity": identity}}


def test_an_exposure_in_mode_observe_costs_four_reads(stack: Stack) -> None:
    api = new_api(stack, mode="observe")

    reads, writes = cost(stack, api.deploy)

    assert len(reads) <= 4
    assert writes == []


def test_mode_off_costs_two_reads(stack: Stack) -> None:
    api = new_api(stack, mode="off")

    assert cost(stack, api.deploy) == (["GetRestApi", "GetStages"], [])


def test_while_nothing_happens_no_call_is_made(stack: Stack) -> None:
    assert cost(stack, lambda: time.sleep(QUIET_SECONDS)) == ([], [])
