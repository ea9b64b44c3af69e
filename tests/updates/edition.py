"""The account and the tables as the last edition (7f90f0a) left them, on today's bench."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keyward.values import JSON, iso
from local.bench import Bench
from local.lifetime.documents import document

# What a story of nine customers and two APIs left behind, each in another state; written by the
# functions of that edition. No key's value is in it.
ITEMS = Path(__file__).parent / "items_of_last_edition.json"
APIS = {"protected": ["api_key"], "held": None}
OF_A_PLAN = ("name", "description", "throttle", "quota", "tags")
CUSTOMERS = ("acme", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota")


@contextmanager
def last_edition() -> Iterator[Bench]:
    """A bench that begins with those tables, APIs, keys and plans; nothing was told of them."""
    left: JSON = json.loads(ITEMS.read_text("utf-8"))
    with Bench(started=iso(left["at"])) as bench:
        tell, bench.emulator.on_event = bench.emulator.on_event, None
        instead = {left["apis"][name]: bench.api({"/pets": {"get": s}}) for name, s in APIS.items()}
        instead |= keys_and_plans(bench, left, instead)
        held = instead[left["apis"]["held"]]
        body = json.dumps(document({"/pets": {"get": None}, "/new": {"get": ["api_key"]}}))
        bench.gateway.put_rest_api(restApiId=held, mode="overwrite", body=body.encode())
        bench.emulator.on_event = tell
        text = json.dumps(left["tables"])
        for old, new in instead.items():
            text = text.replace(old, new)
        put(bench, json.loads(text))
        bench.run()
        yield bench


def keys_and_plans(bench: Bench, left: JSON, apis: dict[str, str]) -> dict[str, str]:
    """Make them: the new ids by those that the tables have."""
    gateway, ids = bench.gateway, {}
    for key in left["keys"]:
        about = {name: value for name, value in key.items() if name != "id"}
        ids[key["id"]] = gateway.create_api_key(**about)["id"]
    for plan in left["plans"]:
        about = {name: value for name, value in plan.items() if name in OF_A_PLAN}
        stages = [one | {"apiId": apis[one["apiId"]]} for one in plan["apiStages"]]
        made = gateway.create_usage_plan(**about, apiStages=stages)["id"]
        ids[plan["id"]] = made
        for key in plan["keys"]:
            gateway.create_usage_plan_key(usagePlanId=made, keyId=ids[key], keyType="API_KEY")
    return ids


def put(bench: Bench, tables: JSON) -> None:
    """Write the items, and let no stream tell of them."""
    ours = bench.account.tables
    changed, ours.changed = ours.changed, lambda *_: None
    for name, items in tables.items():
        for item in items:
            bench.tables[name].put_item(Item=item)
    ours.changed = changed
