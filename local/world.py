"""A little world for the report: APIs in every mode and state, customers, keys and two weeks of
calls. Believable, and the same each time but for ids and dates."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta

from emulator.model import Usage
from keyward.values import JSON
from local.aws import LocalAws

SETTLE_SECONDS = 120.0
DAYS = 14
OPEN, KEY = False, True

CUSTOMERS = {
    "free": (
        *("alder-labs", "birch-and-co", "cedar-travel", "dogwood", "elm-street-books"),
        *("fir-analytics", "ginkgo", "hazel-maps", "ivy-health", "juniper-bank"),
    ),
    "pro": ("kapok-logistics", "larch-media", "maple-foods", "nutmeg", "olive-energy"),
    "partner": ("poplar-insurance", "quince-telecom"),
}
# How much of the quota a customer uses on a usual day.
APPETITE = (1.02, 0.86, 0.7, 0.55, 0.4, 0.3, 0.22, 0.12, 0.05, 0.01)


def policy() -> JSON:
    """The policy of this world; its dates are near."""
    return {
        "usage_plans": {
            "free": {
                "throttle": {"rateLimit": 5, "burstLimit": 10},
                "quota": {"limit": 1000, "period": "DAY"},
            },
            "pro": {
                "throttle": {"rateLimit": 50, "burstLimit": 100},
                "quota": {"limit": 250000, "period": "MONTH"},
            },
            "partner": {"throttle": {"rateLimit": 200, "burstLimit": 400}},
        },
        "exemptions": [
            {"api": "*", "method": "OPTIONS", "path": "*", "reason": "CORS preflight"},
            {
                "api": "status page",
                "method": "GET",
                "path": "/health*",
                "reason": "probes of the load balancer",
                "owner": "operations",
                "expires": _day(5),
            },
            {
                "api": "pet shop",
                "method": "GET",
                "path": "/catalogue",
                "reason": "printed on the packaging",
                "owner": "marketing",
                "expires": _day(200),
            },
            {"api": "*", "method": "GET", "path": "/v0/*", "reason": "the old app", "owner": "web"},
        ],
        "propagation_seconds": 0,
    }


def create(aws: LocalAws) -> None:
    """Fill the account. Returns when everything that follows from it has happened.

    Raises:
        TimeoutError: something is still under way after two minutes.
    """
    _protected(aws, "pet shop", "/pets", ("prod", "test"), "enforce", {"/catalogue": OPEN})
    _protected(aws, "accounts", "/accounts", ("prod", "test", "demo"), "enforce", {})
    _protected(aws, "status page", "/incidents", ("prod",), "enforce", {"/health": OPEN})
    _protected(aws, "orders", "/orders", ("prod", "test"), "observe", {"/orders/export": OPEN})
    _protected(aws, "reporting (internal)", "/reports", ("prod",), "off", {"/dumps": OPEN})
    _protected(aws, "legacy", "/v1", ("prod",), "on", {})
    aws.settle(SETTLE_SECONDS)
    _held(aws)
    for plan, customers in CUSTOMERS.items():
        for customer_id in customers:
            _send(aws, "CustomerSignedUp", {"customer_id": customer_id, "plan": plan})
        aws.settle(SETTLE_SECONDS)
    _send(aws, "CustomerSignedUp", {"customer_id": "rowan-retail", "plan": "gold"})
    _send(aws, "CustomerSuspended", {"customer_id": "nutmeg", "reason": "invoice 4711 is open"})
    _send(aws, "CustomerSignedUp", {"customer_id": "?", "plan": "free"})
    aws.settle(SETTLE_SECONDS)
    _calls(aws)


def _day(ahead: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=ahead)).isoformat()


def _protected(
    aws: LocalAws, title: str, path: str, stages: tuple[str, ...], mode: str, more: dict[str, bool]
) -> str:
    """An API with a small collection under `path`, and `more` paths, by whether they ask for a
    key; deployed on its stages."""
    gateway = aws.client("apigateway")
    opened = OPEN if mode != "enforce" else KEY
    paths = {path: {"get": opened, "post": KEY, "options": OPEN}}
    paths[f"{path}/{{id}}"] = {"get": KEY, "delete": KEY, "options": OPEN}
    paths |= {extra: {"get": asks} for extra, asks in more.items()}
    body = json.dumps(document(title, paths)).encode()
    rest_api_id = str(gateway.import_rest_api(body=body)["id"])
    arn = f"arn:aws:apigateway:{aws.region}::/restapis/{rest_api_id}"
    gateway.tag_resource(resourceArn=arn, tags={"keyward": mode})
    for stage in stages:
        gateway.create_deployment(restApiId=rest_api_id, stageName=stage)
    return rest_api_id


def _held(aws: LocalAws) -> None:
    """An API whose team has unfinished work when its open method is to be closed."""
    rest_api_id = _protected(aws, "invoices", "/invoices", ("prod",), "off", {"/export": OPEN})
    gateway = aws.client("apigateway")
    draft = document("invoices", {"/drafts": {"get": KEY}})
    gateway.put_rest_api(restApiId=rest_api_id, mode="merge", body=json.dumps(draft).encode())
    arn = f"arn:aws:apigateway:{aws.region}::/restapis/{rest_api_id}"
    gateway.tag_resource(resourceArn=arn, tags={"keyward": "enforce"})
    patch = {"op": "replace", "path": "/description", "value": "for the people of accounting"}
    gateway.update_stage(restApiId=rest_api_id, stageName="prod", patchOperations=[patch])


def document(title: str, paths: dict[str, dict[str, bool]]) -> JSON:
    """An OpenAPI document whose operations answer by themselves; `paths` say by verb whether it
    asks for a key."""
    return {
        "openapi": "3.0.1",
        "info": {"title": title, "version": "1"},
        "paths": {
            path: {verb: _operation(asks) for verb, asks in verbs.items()}
            for path, verbs in paths.items()
        },
        "components": {
            "securitySchemes": {
                "api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"},
            }
        },
    }


def _operation(asks: bool) -> JSON:
    integration = {
        "type": "mock",
        "requestTemplates": {"application/json": '{"statusCode": 200}'},
        "responses": {"default": {"statusCode": "200"}},
    }
    made: JSON = {"responses": {"200": {"description": "Fine."}}}
    made["x-amazon-apigateway-integration"] = integration
    return made | ({"security": [{"api_key": []}]} if asks else {})


def _send(aws: LocalAws, detail_type: str, detail: JSON) -> None:
    entry = {"EventBusName": aws.outputs["EventBusName"], "Source": "billing"}
    entry |= {"DetailType": detail_type, "Detail": json.dumps(detail)}
    aws.client("events").put_events(Entries=[entry])


def _calls(aws: LocalAws) -> None:
    """Two weeks of calls, as if they had been made: GetUsage tells them."""
    state = aws.emulator.state
    chance = random.Random(7)
    gateway = aws.client("apigateway")
    plans = {plan["name"]: plan for plan in gateway.get_usage_plans()["items"]}
    keys = {key["name"]: key["id"] for key in gateway.get_api_keys(limit=500)["items"]}
    for name, customers in CUSTOMERS.items():
        quota = plans[name].get("quota")
        if not quota:
            continue
        a_day = quota["limit"] / {"DAY": 1, "MONTH": 30}[quota["period"]]
        for customer_id, appetite in zip(customers, APPETITE, strict=False):
            used = {
                _day(-back): min(int(a_day), int(a_day * appetite * _mood(chance, back)))
                for back in range(DAYS)
            }
            state.usage[(plans[name]["id"], keys[f"{customer_id}/1"])] = Usage(used=used)


def _mood(chance: random.Random, back: int) -> float:
    """Fewer calls at weekends, and no two days alike."""
    weekend = (datetime.now(UTC) - timedelta(days=back)).weekday() >= 5
    return chance.uniform(0.65, 1.1) * (0.35 if weekend else 1)
