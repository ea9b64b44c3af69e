"""APIs and customers of which is asked what their keys open."""

from __future__ import annotations

import json

from keyward.policy.parse import default_text
from keyward.values import JSON
from local.bench import Bench
from local.lifetime.documents import document

OPEN: JSON = {"/pets": {"get": None}}
CLOSED: JSON = {"/pets": {"get": ["api_key"]}}
STATES: dict[str, JSON] = {"open": OPEN, "closed": CLOSED, "undeployed": CLOSED}
MODES = ("off", "observe", "warn", "enforce")
PLANS = ("named", "glob", "other", "unknown")
# While a change reaches the hosts, answers are mixed: so many calls meet old and new ones.
CALLS = 8
KEY_EVENTS = ("KeyIssued", "CustomerFailed")


def policy(plans: JSON, propagation: int = 0) -> JSON:
    shipped: JSON = json.loads(default_text())
    limits = {"throttle": {"rateLimit": 100, "burstLimit": 200}}
    made = {name: limits | {"apis": apis} for name, apis in plans.items()}
    return shipped | {"usage_plans": made, "propagation_seconds": propagation, "billing": {}}


def make_api(bench: Bench, name: str, state: str, mode: str) -> str:
    """An API of that name: its id."""
    made = document(STATES[state])
    made["info"]["title"] = name
    api_id: str = bench.gateway.import_rest_api(body=json.dumps(made).encode())["id"]
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{api_id}"
    bench.gateway.tag_resource(resourceArn=arn, tags={"keyward": mode})
    if state != "undeployed":
        bench.deploy(api_id, "prod")
    return api_id


def told(bench: Bench, customer_id: str) -> list[JSON]:
    return [e for e in bench.announced if e["detail"].get("customer_id") == customer_id]


def answers(bench: Bench, api_id: str, customer_id: str) -> set[int]:
    key = bench.value(customer_id)
    return {bench.call(api_id, "prod", "GET", "/pets", key=key) for _ in range(CALLS)}


def is_held_by_plan(state: str, mode: str, plan: str) -> bool:
    if state == "undeployed":
        return False
    return mode == "enforce" if plan == "glob" else plan == "named" and mode != "off"


SHOP: JSON = {"shop": ["shop"]}
HALF: JSON = CLOSED | {"/news": {"get": None}}


def findings(bench: Bench, kind: str) -> list[JSON]:
    return [found for found in bench.audit()["findings"] if found["kind"] == kind]


def sign_up(bench: Bench, plan: str, customer_id: str = "acme") -> JSON:
    """The detail of the event that answers it."""
    bench.send("CustomerSignedUp", customer_id=customer_id, plan=plan)
    bench.run()
    [event] = told(bench, customer_id)
    assert event["detail-type"] == "KeyIssued"
    return dict(event["detail"])


def plan_id(bench: Bench, name: str) -> str:
    plans = bench.gateway.get_usage_plans()["items"]
    return str(next(plan["id"] for plan in plans if plan["name"] == name))


def patch_stages(bench: Bench, plan: str, op: str, api_id: str) -> None:
    """Somebody edits a usage plan by hand."""
    operation = {"op": op, "path": "/apiStages", "value": f"{api_id}:prod"}
    bench.gateway.update_usage_plan(usagePlanId=plan_id(bench, plan), patchOperations=[operation])


def announced(bench: Bench, detail_type: str) -> list[JSON]:
    return [e["detail"] for e in bench.announced if e["detail-type"] == detail_type]
