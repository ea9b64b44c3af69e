"""The steps of reconcile-customer in a row, as tests run them."""

from __future__ import annotations

from typing import Any

import attach_key
import conclude_customer
import create_key
import plan_customer
from keyward.errors import PassingError
from keyward.policy.parse import default_text, parse
from tests.support import MACHINE, Bench

POLICY = parse(default_text())
OTHER = MACHINE.replace("run-1", "run-2")


def put(bench: Bench, customer_id: str = "acme", **more: Any) -> None:
    record = {"customer_id": customer_id, "plan": "free", "status": "active"} | more
    bench.tables["CustomersTable"].put_item(Item=record)


def planned(
    bench: Bench, customer_id: str = "acme", run: str = MACHINE, **more: Any
) -> dict[str, Any]:
    """The plan, when it is the customer's turn."""
    task = {"customer_id": customer_id, "execution_arn": run, "look": False} | more
    while (made := plan_customer.plan(task, bench.context())).get("wait_seconds"):
        bench.clock.advance(made["wait_seconds"])
    return made


def apply(bench: Bench, run: dict[str, Any], action: dict[str, Any]) -> dict[str, Any]:
    task = {**{name: run[name] for name in ("customer_id", "lease")}, "action": action}
    task["execution_arn"] = run["lease"]["owner"]
    task["place"] = run["actions"].index(action)
    if action["action"] == "create_key":
        value = create_key.value_source(lambda name: "B" * 40, "kw")
        return create_key.create_key(task, bench.context(), value)
    return attach_key.attach_key(task, bench.context())


def finish(bench: Bench, run: dict[str, Any]) -> tuple[list[dict[str, Any]], bool]:
    """Conclude: what was announced, and whether to start over."""
    known = len(bench.bus.entries)
    done = conclude_customer.conclude(run, bench.context())
    return bench.bus.entries[known:], done["again"]


def retried(bench: Bench, run: dict[str, Any], action: dict[str, Any]) -> dict[str, Any]:
    """The action as the state machine retries it: bounded, time passing in between."""
    for _ in range(6):
        try:
            return apply(bench, run, action)
        except PassingError:
            bench.clock.advance(9)
    raise AssertionError(f"{action} never came through")


def whole_run(bench: Bench, customer_id: str = "acme", run: str = MACHINE) -> list[dict[str, Any]]:
    made = planned(bench, customer_id, run)
    for action in made["actions"]:
        retried(bench, made, action)
    return finish(bench, made)[0]


def keys_on_gateway(bench: Bench) -> list[dict[str, Any]]:
    return [dict(item) for item in bench.client.get_api_keys(includeValues=True)["items"]]


def plan_names(bench: Bench, key_id: str) -> list[str]:
    return [plan["name"] for plan in bench.client.get_usage_plans(keyId=key_id)["items"]]


def stage(bench: Bench) -> None:
    api = bench.client.create_rest_api(name="shop")["id"]
    root = bench.client.get_resources(restApiId=api)["items"][0]["id"]
    method = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    bench.client.put_method(**method, authorizationType="NONE", apiKeyRequired=True)
    bench.client.put_integration(**method, type="MOCK")
    bench.client.create_deployment(restApiId=api, stageName="prod")


def add_stage(bench: Bench, plan_id: str) -> None:
    [api] = bench.client.get_rest_apis()["items"]
    added = {"op": "add", "path": "/apiStages", "value": f"{api['id']}:prod"}
    bench.client.update_usage_plan(usagePlanId=plan_id, patchOperations=[added])
