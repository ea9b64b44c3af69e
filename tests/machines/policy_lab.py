"""Edits of the policy on the bench, and what comes of them."""

from __future__ import annotations

import json
from typing import Any

from keyward.policy.parse import default_text
from keyward.values import JSON
from local.bench import Bench

CLOSED: JSON = {"/pets": {"get": ["api_key"]}}
FREE: JSON = {"throttle": {"rateLimit": 5, "burstLimit": 10}}
FREE |= {"quota": {"limit": 1000, "period": "DAY"}}


def policy(**plans: JSON) -> JSON:
    """The shipped policy with these usage plans."""
    body: JSON = json.loads(default_text()) | {"propagation_seconds": 0}
    return body | ({"usage_plans": plans} if plans else {})


def customer(bench: Bench, mode: str | None = "enforce", paths: JSON = CLOSED) -> str:
    """A customer `acme` in the plan `free`, and an API whose stage is in it: the API's id."""
    api = bench.api(paths, mode=mode)
    bench.run()
    bench.send("CustomerSignedUp", customer_id="acme", plan="free")
    bench.run()
    return api


def edit(bench: Bench, body: JSON, seconds: float = 200) -> list[JSON]:
    """The owner edits the policy, and time passes: what is announced of it."""
    before = len(bench.announced)
    bench.put_policy(body)
    bench.advance(seconds)
    return told(bench.announced[before:])


def answer(bench: Bench, detail_type: str, **detail: Any) -> list[JSON]:
    before = len(bench.announced)
    bench.send(detail_type, **detail)
    bench.advance(200)
    return told(bench.announced[before:])


def told(events: list[JSON]) -> list[JSON]:
    about = [e for e in events if e["detail-type"].startswith("Policy")]
    return [e["detail"] | {"type": e["detail-type"]} for e in about]


def plan(bench: Bench, name: str = "free") -> JSON:
    [found] = [p for p in bench.gateway.get_usage_plans()["items"] if p["name"] == name]
    return dict(found)


def fields(event: JSON) -> list[str]:
    return [change["field"] for change in event["changes"]]


def lines(bench: Bench) -> list[JSON]:
    """The ledger's lines of applied changes."""
    found = bench.tables["LedgerTable"].scan()["Items"]
    return [line for line in found if line["action"] == "change_policy"]
