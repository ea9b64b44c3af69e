"""A single fault of API Gateway passes, and leaves what would be there without it."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.stack.api_lab import Api
from tests.stack.stack_lab import Stack
from tests.stack.troubles import APIS, CUSTOMERS, Troubles

# What runs that close APIs end a try with. A function may also settle a doubtful call by itself,
# and a throttled plan is waited for, so the number of tries differs.
ERROR = "GatewayUnavailableError"


@pytest.fixture(scope="module")
def troubles(stack: Stack, shop: Api) -> Troubles:
    """All that goes wrong, started together, because most of it is waiting."""
    return Troubles.faults(stack)


@pytest.mark.parametrize("customer", CUSTOMERS)
def test_a_fault_on_the_way_to_a_key_leaves_one_key_that_works(
    troubles: Troubles, stack: Stack, customer: str
) -> None:
    told = stack.outcome("KeyIssued", customer_id=customer)

    (key,) = stack.keys_of(customer)
    assert (key["name"], key["enabled"], key["id"]) == (f"{customer}/1", True, told["key_id"])
    assert stack.plans_of(key["id"]) == [CUSTOMERS[customer][2]]
    assert stack.event_types(customer_id=customer) == ["KeyIssued"]
    (run,) = troubles.runs_ended(customer, 1)
    assert run.status == "SUCCEEDED"


@pytest.mark.parametrize("name", APIS)
def test_a_fault_on_the_way_to_a_closed_api_leaves_it_closed_once(
    troubles: Troubles, stack: Stack, name: str
) -> None:
    api = troubles.apis[name]

    api.await_told("ApiProtected")

    assert api.live() == {"GET /pets": True, "OPTIONS /pets": False, "GET /health": False}
    assert api.ask("GET /pets") == 403
    deployments = stack.gateway.get_deployments(restApiId=api.id)["items"]
    assert len(deployments) == 2  # the team's and ours
    plans = stack.gateway.get_usage_plans(limit=500)["items"]
    held = [(plan["name"], ref) for plan in plans for ref in refs(plan, api.id)]
    assert sorted(held) == [("free", "prod"), ("pro", "prod")]
    runs = troubles.runs_ended(api.id, 1)  # CreateDeployment and CreateStage are one look
    assert {run.status for run in runs} == {"SUCCEEDED"}
    assert len([run for run in runs if "Deploy API" in run.states]) == 1


def test_runs_met_the_faults_and_planned_anew(troubles: Troubles) -> None:
    runs = [run for name in APIS for run in troubles.runs_ended(troubles.apis[name].id, 1)]
    errors = Counter(task["error"] for run in runs for task in run.tasks if "error" in task)
    assert set(errors) == {ERROR}


def refs(plan: dict[str, list[dict[str, str]]], rest_api_id: str) -> list[str]:
    return [ref["stage"] for ref in plan["apiStages"] if ref["apiId"] == rest_api_id]


@pytest.mark.usefixtures("troubles")
def test_after_all_faults_there_is_one_plan_of_a_name_and_one_key_of_a_name(stack: Stack) -> None:
    stack.settle()

    plans = stack.gateway.get_usage_plans(limit=500)["items"]
    keys = list(stack.aws.pages("apigateway", "get_api_keys", "items", limit=500))
    for named in (plans, keys):
        counted = Counter(item["name"] for item in named)
        assert {name: number for name, number in counted.items() if number > 1} == {}
    assert {"free", "pro", "late"} <= {plan["name"] for plan in plans}
