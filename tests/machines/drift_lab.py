"""An account whose keys, memberships and stages others change beside Keyward."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from keyward.values import JSON
from local.bench import Bench
from local.lifetime.states import Execution

CLOSED: JSON = {"/pets": {"get": ["api_key"]}}
ADA = "arn:aws:iam::123456789012:user/developer"


@contextmanager
def bench_with_customers() -> Iterator[Bench]:
    """Customers with a key each, and a stage that it opens."""
    with Bench() as made:
        made.api(CLOSED)
        for customer_id in ("acme", "bolt"):
            made.send("CustomerSignedUp", customer_id=customer_id, plan="free")
        made.run()
        made.advance(seconds=60)
        yield made


def key_of(bench: Bench, customer_id: str = "acme") -> str:
    names = {key["name"]: key["id"] for key in bench.gateway.get_api_keys()["items"]}
    return str(max((name, id_) for name, id_ in names.items() if name.startswith(customer_id))[1])


def plan(bench: Bench, name: str = "free") -> str:
    plans = bench.gateway.get_usage_plans()["items"]
    return str(next(plan["id"] for plan in plans if plan["name"] == name))


def status(bench: Bench, customer_id: str = "acme") -> int:
    (api,) = bench.emulator.state.rest_apis
    return bench.call(api, "prod", "GET", "/pets", key=bench.value(customer_id))


def runs_since(bench: Bench, before: int) -> list[Execution]:
    return bench.runs[before:]


def detach(bench: Bench) -> None:
    bench.gateway.delete_usage_plan_key(usagePlanId=plan(bench), keyId=key_of(bench))


def delete(bench: Bench) -> None:
    bench.gateway.delete_api_key(apiKey=key_of(bench))


def switch(bench: Bench, on: bool = False, customer_id: str = "acme") -> None:
    change = {"op": "replace", "path": "/enabled", "value": str(on).lower()}
    bench.gateway.update_api_key(apiKey=key_of(bench, customer_id), patchOperations=[change])


def told(bench: Bench, detail_type: str) -> list[JSON]:
    return [event["detail"] for event in bench.announced if event["detail-type"] == detail_type]


def run_by_hand(bench: Bench) -> None:
    bench.account.executions.begin("reconcile_customer", "console", {"customer_id": "acme"})


def key_of_cached(bench: Bench) -> str:
    keys = bench.emulator.state.keys.values()
    return next(key.id for key in keys if key.settings["name"] == "acme/1")
