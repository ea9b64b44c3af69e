"""Usage as it is read: into the Keys table, events, metrics, the log and the audit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

import conclude_customer
import read_usage
from emulator.model import ApiKey, Usage
from keyward.audit.keys import of_usage
from keyward.aws.tables.customers import AccountRecords
from keyward.customers.key import CREATED, KeyRecord
from keyward.errors import KeywardError
from keyward.policy.parse import default_text, parse
from keyward.runs import runtime
from keyward.values import JSON, iso
from tests.support import MACHINE, AuditsInMemory, Bench, audited, load_event, workbench

DAY = 86_400
FAULT = {"operation": "GetUsage", "call": 1, "fault": "500"}
CONTEXT = SimpleNamespace(aws_request_id="reading-1", function_name="ReadUsage")


@dataclass
class Shop:
    """Customers in the plan `free` (1,000 calls a day) and `pro` (no quota)."""

    bench: Bench
    plans: dict[str, str]

    def customer(self, customer_id: str, used: int = 0, plan: str = "free") -> str:
        """A customer with a key that was called today: the key's id."""
        client = self.bench.client
        key = str(client.create_api_key(name=f"{customer_id}/1", enabled=True)["id"])
        where = {"usagePlanId": self.plans[plan], "keyId": key}
        client.create_usage_plan_key(**where, keyType="API_KEY")
        record = KeyRecord(customer_id, 1, CREATED, key_id=key, plans=(plan,), attached_at=1)
        self.bench.save_key(record)
        self.used(key, used, plan)
        return key

    def used(self, key: str, used: int, plan: str = "free") -> None:
        """What a key used today."""
        usage = self.bench.emulator.state.usage.setdefault((self.plans[plan], key), Usage())
        usage.used[self.today()] = used

    def today(self) -> str:
        """The day, in UTC."""
        return iso(self.bench.clock.now())[:10]

    def read(self) -> JSON:
        """As the schedule calls it."""
        return read_usage.handler(load_event("read-usage"), CONTEXT)

    def policy(self, body: JSON) -> None:
        """Another policy, in force when the cached one is too old."""
        self.bench.ssm.put_parameter(Name="policy", Value=json.dumps(body), Overwrite=True)
        self.bench.clock.advance(10)

    def item(self, customer_id: str) -> JSON | None:
        """What the Keys table has of a key's usage."""
        where = {"customer_id": customer_id, "record": "usage#1"}
        found: JSON | None = self.bench.tables["KeysTable"].get_item(Key=where).get("Item")
        return found

    def announcements(self) -> list[tuple[str, str, Any]]:
        """Type, customer and threshold of what was announced."""
        return [
            (entry["DetailType"], entry["Detail"]["customer_id"], entry["Detail"].get("threshold"))
            for entry in self.bench.bus.entries
        ]


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    with workbench() as bench:
        quota = {"limit": 1000, "period": "DAY"}
        make = bench.client.create_usage_plan
        plans = {"free": make(name="free", quota=quota)["id"], "pro": make(name="pro")["id"]}
        monkeypatch.setenv("EVENT_BUS", "the-bus")
        monkeypatch.setattr(runtime, "now", bench.clock.now)
        monkeypatch.setattr(runtime, "patient_gateway", lambda: bench.gateway)
        monkeypatch.setattr(runtime, "audits", AuditsInMemory)
        monkeypatch.setattr(runtime, "_registry", lambda: bench.registry)
        monkeypatch.setattr(runtime, "_bus", lambda: bench.bus)
        yield Shop(bench, plans)


def test_each_key_has_an_item_with_what_it_used(shop: Shop) -> None:
    key = shop.customer("acme", 120)
    assert shop.read() == {"plans": 1, "keys": 1, "announced": 0, "problems": {}}
    item = shop.item("acme")
    assert item
    told = {name: item[name] for name in ("key_id", "plan", "period", "last_used_on")}
    assert told == {"key_id": key, "plan": "free", "period": "DAY", "last_used_on": shop.today()}
    assert (item["used"], item["remaining"], item["limit"]) == (120, 880, 1000)
    assert item["read_at"] == int(shop.bench.clock.now())


def test_thresholds_are_announced_once_a_period(shop: Shop) -> None:
    key = shop.customer("acme", 830)
    for _ in range(2):
        shop.read()
    thresholds = [("QuotaThresholdReached", "acme", percent) for percent in (50, 80)]
    assert shop.announcements() == thresholds
    shop.used(key, 1000)
    shop.read()
    assert shop.announcements() == [*thresholds, ("QuotaThresholdReached", "acme", 100)]
    shop.bench.clock.advance(DAY)
    shop.used(key, 600)
    shop.read()
    assert shop.announcements()[3:] == thresholds[:1]


def test_the_sample_has_the_members_of_what_is_announced(shop: Shop) -> None:
    shop.customer("acme", 830)
    shop.read()
    sample = load_event("quota-threshold-reached")
    assert sample["detail-type"] == shop.bench.bus.entries[1]["DetailType"]
    assert set(sample["detail"]) == set(shop.bench.bus.entries[1]["Detail"])


def test_a_reading_costs_one_call_for_the_plans_and_one_for_500_keys(shop: Shop) -> None:
    state = shop.bench.emulator.state
    with shop.bench.tables["KeysTable"].batch_writer() as batch:
        for number in range(501):
            key = f"key{number:07d}"
            state.add_key(ApiKey(key, f"value{number:015d}", {"id": key, "enabled": True}))
            state.plans[shop.plans["free"]].key_ids[key] = None
            state.usage[shop.plans["free"], key] = Usage(used={shop.today(): 1})
            item = {"customer_id": f"c{number:04d}", "record": "key#1", "state": CREATED}
            batch.put_item(Item=item | {"key_id": key, "plan": "free"})
    shop.bench.emulator.ledger.clear()
    assert shop.read()["keys"] == 501
    assert shop.bench.operations() == ["GetUsagePlans", "GetUsage", "GetUsage"]


def test_a_plan_without_a_quota_is_not_asked_for(shop: Shop) -> None:
    shop.customer("acme", 5, "pro")
    shop.bench.emulator.ledger.clear()
    shop.read()
    assert shop.item("acme") is None
    assert shop.bench.operations().count("GetUsage") == 1


def test_a_key_without_traffic_has_used_nothing_and_is_told_to_be_unused_once(shop: Shop) -> None:
    shop.customer("acme")
    for _ in range(2):
        shop.read()
    item = shop.item("acme")
    assert item
    assert (item["used"], item["remaining"]) == (0, 1000)
    assert shop.announcements() == [("KeyUnused", "acme", None)]


def test_an_outcome_that_could_not_be_announced_is_left_to_the_next_run(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.customer("acme", 500)

    def broken(entries: list[JSON]) -> None:
        raise RuntimeError("the bus is away")

    with monkeypatch.context() as patch:
        patch.setattr(shop.bench.bus, "announce", broken)
        with pytest.raises(RuntimeError, match="away"):
            shop.read()
    lease = shop.bench.registry.leases.acquire("customer#acme", MACHINE, shop.bench.clock.now())
    assert lease
    task = {"customer_id": "acme", "lease": lease.as_json(), "actions": []}
    conclude_customer.conclude(task, shop.bench.context())
    (event,) = json.loads(json.dumps(shop.bench.bus.entries))
    assert (event["DetailType"], event["Detail"]["threshold"]) == ("QuotaThresholdReached", 50)


def test_two_readings_at_once_are_one(shop: Shop) -> None:
    shop.customer("acme", 500)
    leases, now = shop.bench.registry.leases, shop.bench.clock.now()
    held = leases.acquire("usage", "another reading", now, 900)
    assert held
    assert shop.read() == {"busy": True}
    assert shop.announcements() == []
    leases.give_back(held)
    assert shop.read()["announced"] == 1
    assert shop.read()["announced"] == 0


def test_a_plan_that_cannot_be_read_stops_no_other(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = {"usage_plans": {"free": {}, "week": {}}}
    shop.policy(policy)
    quota = {"limit": 7, "period": "WEEK"}
    shop.plans["week"] = shop.bench.client.create_usage_plan(name="week", quota=quota)["id"]
    shop.customer("acme", 500)
    shop.customer("beta", 7, "week")
    shop.bench.emulator.order_faults([FAULT])
    told = shop.read()
    assert (told["plans"], set(told["problems"])) == (1, {"free"})
    assert [item[1] for item in shop.announcements()] == ["beta"] * 3
    shop.bench.emulator.order_faults([])
    assert shop.read()["problems"] == {}


def test_when_no_plan_can_be_read_the_reading_fails_and_is_tried_again(shop: Shop) -> None:
    shop.customer("acme", 500)
    shop.bench.emulator.order_faults([FAULT])
    with pytest.raises(KeywardError, match="no plan's usage"):
        shop.read()
    assert shop.read()["announced"] == 1


def test_what_a_key_used_is_forgotten_with_the_key(shop: Shop) -> None:
    shop.customer("acme", 5)
    shop.read()
    where = {"customer_id": "acme", "record": "key#1"}
    shop.bench.tables["KeysTable"].delete_item(Key=where)
    shop.read()
    assert shop.item("acme") is None


def test_metrics_have_a_plan_for_a_dimension_and_never_a_customer(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, used in (("acme", 1000), ("beta", 10), ("idle", 0)):
        shop.customer(name, used)
    capsys.readouterr()
    shop.read()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (metrics,) = [line for line in lines if "_aws" in line]
    (told,) = metrics["_aws"]["CloudWatchMetrics"]
    assert (told["Namespace"], told["Dimensions"]) == ("Keyward", [["plan"]])
    assert (metrics["plan"], metrics["CallsInPeriod"]) == ("free", [1010.0])
    assert metrics["KeysWithoutQuotaLeft"] == [1.0]
    assert metrics["KeysUnused"] == [1.0]
    assert "acme" not in json.dumps(metrics)


def test_the_log_names_the_top_customers_as_many_as_the_policy_says(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"usage_plans": {"free": {}}, "usage": {"top_customers": 2}}
    shop.policy(body)
    for number in range(4):
        shop.customer(f"customer{number}", 100 * number)
    said: list[JSON] = []
    monkeypatch.setattr(runtime.logger(), "info", lambda words, extra: said.append(extra))
    shop.read()
    (line,) = said
    assert [item["customer_id"] for item in line["top_customers"]] == ["customer3", "customer2"]


def test_the_audit_names_unused_keys_by_plan(shop: Shop) -> None:
    for name in ("acme", "beta"):
        shop.customer(name)
    shop.customer("busy", 3)
    shop.read()
    findings = audited(shop.bench)["findings"]
    (found,) = [item for item in findings if item["kind"] == "keys_unused"]
    assert found["says"] == "2 keys of plan free not used for 30 days: acme/1, beta/1"
    assert found["severity"] == "low"


def test_many_unused_keys_are_one_finding_that_names_some(shop: Shop) -> None:
    shop.customer("acme")
    shop.read()
    known = shop.bench.registry.customers.load_keys("acme")
    many = {f"c{number}": known for number in range(1000)}
    (found,) = of_usage(AccountRecords([], many, {}), parse(default_text()), shop.bench.clock.now())
    assert found.says.startswith("1,000 keys of plan free")
    assert found.says.endswith("and 980 more")


def test_a_key_that_changed_plans_counts_in_the_new_one(shop: Shop) -> None:
    key = shop.customer("acme", 900)
    shop.read()
    quota = {"limit": 10, "period": "DAY"}
    shop.plans["small"] = shop.bench.client.create_usage_plan(name="small", quota=quota)["id"]
    client = shop.bench.client
    client.delete_usage_plan_key(usagePlanId=shop.plans["free"], keyId=key)
    where = {"usagePlanId": shop.plans["small"], "keyId": key}
    client.create_usage_plan_key(**where, keyType="API_KEY")
    moved = {"customer_id": "acme", "record": "key#1", "state": CREATED, "key_id": key}
    shop.bench.tables["KeysTable"].put_item(Item=moved | {"plan": "small", "attached_at": 1})
    shop.policy({"usage_plans": {"free": {}, "small": {}}})
    shop.read()
    item = shop.item("acme")
    assert item
    assert (item["plan"], item["used"], item["last_used_on"]) == ("small", 0, shop.today())
