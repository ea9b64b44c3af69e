"""Whatever a person writes into an item: it is one finding, and hides nobody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import read_usage
from keyward.audit.parts import Audit
from keyward.customers.key import CREATED, End, Grant, Journal, KeyRecord, Labels, Quota, Succession
from keyward.customers.key_item import (
    AWAITED,
    END,
    GRANT,
    JOURNAL,
    LABELS,
    PLAN,
    PLANS,
    QUOTA,
    RECORD,
    SUCCESSION,
)
from keyward.policy.parse import default_text, parse
from keyward.report.read import Collector, own_reading
from keyward.values import JSON
from tests.support import AuditsInMemory, Bench, audited, sampled, workbench

SHAPES: tuple[Any, ...] = (
    *("", "x", "9999-99-99", 7, -1, 10**30, True, [], ["x"], {}, {"x": 1}),
    *([["x"]], {"value": 7, "at": "x"}, {"changes": 7}, {"x": {"x": []}}, None),
)
CUSTOMER_FIELDS = (
    *(
        "plan",
        "status",
        "name",
        "description",
        "tags",
        "key_value_secret",
        "plan_key",
        "status_reason",
        "plans",
    ),
    *("rotation", "expires_at", "quota_extension", "billing", "keys", "recorded", "asked"),
)
KEY_FIELDS = (
    *(
        "adopted",
        "description",
        "fingerprint",
        "spent",
        "tags",
        "state",
        "key_id",
        "called",
        "created_at",
        "plan",
        "attached_at",
        "enabled",
        "reason",
        "by_hand",
    ),
    *("tried_at", "moving_to", "switching", "extending", "extending_to", "extending_for"),
    *("refused", "rotation", "replaces", "overlap", "grace", "cause", "replaced_by"),
    *(
        "retire_at",
        "delete_at",
        "stays",
        "told_days",
        "told_expiry",
        "extended",
        "granted",
        "batch",
        "plans",
        "leaving",
        "awaited",
    ),
)
USAGE_FIELDS = (
    *("key_id", "plan", "period", "period_start", "limit", "used", "remaining", "read_at"),
    *("last_used_on", "told", "unused_told"),
)
GOOD: dict[str, JSON] = {
    "key#1": {"state": CREATED, "key_id": "k1a2b3c4d5", "plan": "free", "attached_at": 1},
    "usage#1": {
        "key_id": "k1a2b3c4d5",
        "plan": "free",
        "period": "DAY",
        "period_start": "2026-11-23",
        "limit": 1000,
        "used": 1,
        "remaining": 999,
        "read_at": 1,
    },
}
# Items of the Keys table, and the members that a person may have changed there.
ITEMS: dict[str, tuple[str, ...]] = {
    "key#1": KEY_FIELDS,
    "key#one": (),
    "usage#1": USAGE_FIELDS,
    "usage#x": USAGE_FIELDS,
    "customer": ("dated",),
    "tombstone": ("last_number",),
    "told": ("marks",),
    "due": ("due_at",),
    "outbox#1": ("event",),
}


def test_every_attribute_of_a_key_is_tried() -> None:
    parts = {KeyRecord: RECORD, Journal: JOURNAL, Grant: GRANT, Succession: SUCCESSION}
    parts |= {End: END, Quota: QUOTA, Labels: LABELS}
    attributes = [name for names in parts.values() for name in names.values()]
    attributes += [PLAN, PLANS, AWAITED]
    assert sorted(attributes) == sorted(["customer_id", *KEY_FIELDS])
    named = {field for names in parts.values() for field in names}
    members = {field for part in parts for field in part.__annotations__}
    apart = {"number", "plans", "awaited", "journal", "succession", "end", "quota", "grant"}
    assert members - named == apart | {"labels"}


@pytest.fixture(scope="module")
def shared() -> Iterator[Bench]:
    with workbench() as made:
        yield made


@pytest.fixture
def bench(shared: Bench) -> Bench:
    """Two customers without a key; one of them is going to have a bad record."""
    for table in (shared.tables["CustomersTable"], shared.tables["KeysTable"]):
        table.items.clear()
    for customer_id in ("acme", "zoo"):
        put(shared, customer_id)
    return shared


def put(bench: Bench, customer_id: str, **more: Any) -> None:
    item = {"customer_id": customer_id, "plan": "free", "status": "active"} | more
    bench.tables["CustomersTable"].put_item(Item=item)


def audit(bench: Bench) -> list[JSON]:
    found: list[JSON] = audited(bench)["findings"]
    return found


def report(bench: Bench) -> list[JSON]:
    context = bench.context()
    current = bench.registry.policies.current(bench.clock.now())
    made = Audit("by-hand", AuditsInMemory(), context, "observe")
    reading = own_reading(made, current.policy, float("inf"), bench.clock.advance)
    told = Collector(made, current, "here", {}, bench.clock.now()).report(reading).as_json()
    return [*told["waiting"], *told["mending"]]


READERS: tuple[Callable[[Bench], list[JSON]], ...] = (audit, report)


def assert_nobody_else_is_hidden(found: list[JSON], shape: Any) -> None:
    about = [(item["kind"], item.get("customer_id")) for item in found]
    assert ("customer_without_key", "zoo") in about, shape
    for item in found:
        if item["kind"] == "unreadable_record":
            assert item["customer_id"] == "acme"
            assert item["severity"] == "high"
            assert item["remedy"]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", CUSTOMER_FIELDS)
def test_a_strange_field_of_a_customer_hides_no_other(
    bench: Bench, name: str, reader: Callable[[Bench], list[JSON]]
) -> None:
    for shape in SHAPES:
        put(bench, "acme", **{name: shape})
        assert_nobody_else_is_hidden(reader(bench), shape)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("record", sampled(zip(ITEMS), 2))
def test_a_strange_item_of_a_customer_hides_no_other(
    bench: Bench, record: str, reader: Callable[[Bench], list[JSON]]
) -> None:
    good = GOOD.get(record, {})
    for name in ITEMS[record] or ("nothing",):
        for shape in SHAPES:
            item = {"customer_id": "acme", "record": record} | good | {name: shape}
            bench.tables["KeysTable"].items.clear()
            if record == "usage#1":
                bench.tables["KeysTable"].put_item(
                    Item={"customer_id": "acme", "record": "key#1"} | GOOD["key#1"]
                )
            bench.tables["KeysTable"].put_item(Item=item)
            assert_nobody_else_is_hidden(reader(bench), (name, shape))


@pytest.mark.parametrize("record", sampled(zip(ITEMS), 2))
def test_a_strange_item_stops_no_reading_of_usage(bench: Bench, record: str) -> None:
    bench.emulator.reset()
    bench.tables["PlansTable"].items.clear()
    bench.plans().plan_id("free")
    context = bench.context()
    policy, now = parse(default_text()), bench.clock.now()
    reader = read_usage.UsageReader(context, policy, now, AuditsInMemory())
    zoo = {"customer_id": "zoo", "record": "key#1"} | GOOD["key#1"] | {"key_id": "zoozoozoo0"}
    bench.tables["KeysTable"].put_item(Item=zoo)
    for name in ITEMS[record] or ("nothing",):
        for shape in SHAPES:
            bench.tables["KeysTable"].put_item(
                Item={"customer_id": "acme", "record": record}
                | GOOD.get(record, {})
                | {name: shape}
            )
            lease = bench.registry.leases.acquire("usage", "reader", bench.clock.now(), 900)
            assert lease
            assert reader.read(lease)["keys"] >= 1, (name, shape)


@pytest.mark.parametrize(
    "bad", [{"recorded": "x"}, {"recorded": {"plan": 7}}, {"asked": 7}, {"expires_at": 10**30}]
)
def test_a_record_that_is_not_understood_is_told_and_not_repaired(bench: Bench, bad: JSON) -> None:
    put(bench, "acme", **bad)
    found = [item for item in audit(bench) if item.get("customer_id") == "acme"]
    assert len(found) == 1
    if found[0]["kind"] in ("unreadable_record", "invalid_record"):
        assert "mended_by" not in found[0]


def test_keys_of_a_customer_that_is_not_understood_are_not_taken_for_somebody_elses(
    bench: Bench,
) -> None:
    key = {"customer_id": "acme", "record": "key#1", "state": CREATED, "key_id": ["x"]}
    bench.tables["KeysTable"].put_item(Item=key)
    bench.client.create_api_key(name="acme/1", customerId="acme", enabled=True)
    kinds = {item["kind"] for item in audit(bench) if item.get("customer_id") == "acme"}
    assert kinds == {"unreadable_record"}


OF_APIS: dict[str, tuple[str, ...]] = {
    "hold#prod": ("stage", "fingerprint", "decision", "kind", "held_at", "told_at", "answers"),
    "attachment#prod#free": ("stage", "plan", "attached_at"),
    "outbox#ApiHeld#prod": ("event", "saved_at"),
    "planned#prod": ("actions",),
    "warning": ("enforce_on",),
    "editor": ("who", "when"),
    "loop#prod": ("until",),
}
HOLD = {"stage": "prod", "fingerprint": "0" * 16, "decision": "pending", "kind": "deployment"}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("record", sampled(zip(OF_APIS), 2))
def test_a_strange_item_of_an_api_hides_nothing_else(
    bench: Bench, record: str, reader: Callable[[Bench], list[JSON]]
) -> None:
    bench.emulator.reset()
    api_id = bench.client.create_rest_api(name="shop", tags={"keyward": "enforce"})["id"]
    table = bench.tables["ApisTable"]
    for name in OF_APIS[record]:
        for shape in SHAPES:
            table.items.clear()
            item = {"rest_api_id": api_id, "record": record} | HOLD | {"held_at": 1}
            table.put_item(Item=item | {name: shape})
            about = [(one["kind"], one.get("customer_id")) for one in reader(bench)]
            assert ("customer_without_key", "zoo") in about, (name, shape)
