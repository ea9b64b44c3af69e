"""The bench's engine and ministack's do the same, state by state, on the real definitions."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from keyward.policy.parse import default_text
from local import ministack
from local.bench import Bench
from local.lifetime.machine import definition
from tests.one_local_aws import no_local_aws
from tests.stack.local.engines import History, recorded, replay

JSON = dict[str, Any]
OPEN: JSON = {"/pets": {"get": None}, "/food": {"get": None}}
HOUR, DAY = 3600, 86_400
MACHINES = ("reconcile_customer", "protect_api", "audit_account", "issue_keys")

# The fields of each kind of state that both engines were compared with. One that is not here may
# mean something else to each: state-level `Output` of a Choice did (faults.md, H14).
COMPARED = {
    "Choice": {"Choices", "Default"},
    "Fail": {"Error", "Cause"},
    "Map": {
        "Items",
        "ItemSelector",
        "ItemProcessor",
        "MaxConcurrency",
        "Output",
        "Assign",
        "Catch",
    },
    "Parallel": {"Branches", "Retry", "Catch", "Output"},
    "Pass": {"Output", "Assign"},
    "Task": {"Resource", "Arguments", "Output", "Assign", "TimeoutSeconds", "Retry", "Catch"},
    "Wait": {"Seconds", "Output"},
    "Succeed": set(),
}
EVERYWHERE = {"Type", "Comment", "Next", "End"}
OF_A_CHOICE = {"Condition", "Next", "Output", "Assign", "Comment"}


@pytest.fixture(scope="module", autouse=True)
def interpreter() -> Iterator[None]:
    """ministack with its shims, without a stack."""
    no_local_aws()
    running = ministack.start("us-east-1")
    yield
    running.stop()


def customers(bench: Bench) -> None:
    """A customer's life, each event twice."""
    bench.api({"/pets": {"get": ["api_key"]}})
    life: list[tuple[str, JSON]] = [
        ("CustomerSignedUp", {"plan": "free"}),
        ("CustomerPlanChanged", {"plan": "pro"}),
        ("KeyRotationRequested", {"overlap_hours": 9}),
        ("UndoRequested", {"what": "rotation"}),
        ("KeyRotationRequested", {"overlap_hours": 1}),
        ("QuotaExtensionRequested", {"by": 500}),
        ("CustomerExpiryChanged", {"expires_at": "2026-01-09T00:00:00Z"}),
        ("CustomerSuspended", {"reason": "unpaid"}),
        ("CustomerResumed", {}),
        ("KeyRotationRequested", {"reason": "it leaked", "overlap_hours": 0}),
        ("CustomerPlanChanged", {"plan": "nosuch"}),
        ("CustomerClosed", {}),
    ]
    for detail_type, detail in life:
        for _ in range(2):
            bench.send(detail_type, customer_id="acme", **detail)
            bench.run()
        bench.advance(3 * HOUR)
    bench.advance(10 * DAY)


def apis(bench: Bench) -> None:
    """APIs in every mode, one with an edit that is not to be published, and a night."""
    for mode in ("enforce", "observe", "warn", "off", None):
        bench.api(OPEN, mode=mode, stages=["test", "prod"])
    bench.run()
    held = bench.api(OPEN)
    root = bench.gateway.get_resources(restApiId=held)["items"][0]["id"]
    bench.gateway.create_resource(restApiId=held, parentId=root, pathPart="unfinished")
    bench.run()
    bench.advance(DAY)


def faults(bench: Bench) -> None:
    """Faults that pass and faults that do not, of functions and of what they call."""
    orders = [
        ("apigateway", "CreateApiKey", 503),
        ("apigateway", "CreateUsagePlanKey", 429),
        ("apigateway", "CreateDeployment", 429),
        ("apigateway", "UpdateMethod", "timeout_after"),
        ("lambda", "PlanCustomer", "death_before"),
        ("lambda", "RequireKey", "death_after"),
        ("dynamodb", "UpdateItem", "ThrottlingException"),
        ("ssm", "GetParameter", "AccessDeniedException"),
    ]
    for number, (client, operation, error) in enumerate(orders):
        bench.fault(client, operation, 1, error)
        bench.send("CustomerSignedUp", customer_id=f"customer-{number}", plan="free")
        bench.api(OPEN)
        bench.run()
        bench.advance(HOUR)
        bench.clear_faults()


def quotas(bench: Bench) -> None:
    """More at once than the account's quotas let through; then the audit mends what was left."""
    for number in range(12):
        bench.api(OPEN)
        bench.send("CustomerSignedUp", customer_id=f"customer-{number}", plan="free")
    bench.run()
    bench.audit(repair=True)
    bench.advance(DAY)


def probes(bench: Bench) -> None:
    """Stages that are proven by calls with a customer's key, or cannot be."""
    bench.send("CustomerSignedUp", customer_id="acme", plan="pro")
    bench.run()
    for customer in ("acme", "nobody"):
        api = bench.api(OPEN, mode="off")
        probe = {"api": api, "path": "/pets", "customer": customer}
        bench.put_policy(json.loads(default_text()) | {"probes": [probe]})
        bench.advance(HOUR)
        arn = f"arn:aws:apigateway:us-east-1::/restapis/{api}"
        bench.gateway.tag_resource(resourceArn=arn, tags={"keyward": "enforce"})
        bench.deploy(api, "prod")
        bench.run()
        bench.advance(HOUR)


STORIES: dict[Callable[[Bench], None], JSON] = {
    customers: {},
    apis: {},
    faults: {},
    quotas: {"quotas": True},
    probes: {"propagation": 40},
}


def difference(history: History) -> str:
    """What the second engine did otherwise; empty when nothing."""
    first, second = history.execution, replay(history)
    found = second.differences
    for name in ("status", "states", "output"):
        one, other = getattr(first, name), getattr(second, name)
        if one != other:
            found.append(f"{name}: {one} became {other}")
    if (first.error or None) != second.error:
        found.append(f"error: {first.error} became {second.error}")
    return "\n".join([f"{first.machine}, {first.name}", *found]) if found else ""


def path(history: History) -> tuple[str, ...]:
    """The way of an execution through its machine."""
    return (history.execution.machine, history.execution.status, *history.execution.states)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_both_engines_go_the_same_way_with_the_same_answers(
    story: Callable[[Bench], None],
) -> None:
    with Bench(**STORIES[story]) as bench, recorded(bench) as histories:
        story(bench)
    ended = [one for one in histories if one.execution.status in ("SUCCEEDED", "FAILED")]
    ways = {path(one): one for one in ended}

    assert ways
    assert [found for found in map(difference, ways.values()) if found] == []


def states_of(level: JSON) -> Iterator[tuple[str, JSON]]:
    """All states of a definition, those of branches and iterations included."""
    for name, state in level["States"].items():
        yield name, state
        for inner in [*state.get("Branches", []), state.get("ItemProcessor")]:
            if inner:
                yield from states_of(inner)


@pytest.mark.parametrize("machine", MACHINES)
def test_no_state_has_a_field_that_the_engines_were_not_compared_with(machine: str) -> None:
    unknown: dict[str, set[str]] = defaultdict(set)
    for name, state in states_of(definition(machine)):
        unknown[name] |= set(state) - COMPARED[state["Type"]] - EVERYWHERE
        for choice in state.get("Choices", []):
            unknown[name] |= set(choice) - OF_A_CHOICE

    assert {name: fields for name, fields in unknown.items() if fields} == {}
