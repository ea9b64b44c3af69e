"""Keys made by hand, taken into the records: no call that writes, no key replaced, nothing left to
do afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keyward.customers.key import CREATED
from keyward.runs import runtime
from keyward.values import JSON
from local.lifetime.scheduler import Died
from tests.machines.audit_lab import AuditLab
from tests.machines.life_lab import LifeLab
from tests.machines.machine import refusal
from tests.support import load_event


def old_key(account: AuditLab, *plans: str, **given: Any) -> str:
    """A key that somebody made by hand years ago, in plans of these names."""
    life = account.life
    names = {plan["name"]: plan["id"] for plan in life.client.get_usage_plans()["items"]}
    for name in plans:
        if name not in names:
            account.life.known_plans(*({name} & {"free", "pro"}))
            names = {plan["name"]: plan["id"] for plan in life.client.get_usage_plans()["items"]}
    made = life.client.create_api_key(**({"name": "years old", "enabled": True} | given))["id"]
    for name in plans:
        into = names.get(name) or life.client.create_usage_plan(name=name)["id"]
        life.client.create_usage_plan_key(usagePlanId=into, keyId=made, keyType="API_KEY")
    return str(made)


def customers(account: AuditLab) -> dict[str, JSON]:
    table = account.lab.bench.tables["CustomersTable"]
    return {str(item["customer_id"]): item for item in table.scan()["Items"]}


def adopted(account: AuditLab, **given: Any) -> int:
    """Adopt; nothing is written on the gateway by that, nor by the runs that follow."""
    account.lab.forget()
    execution = account.run(repair=True, adopt=True, **given)
    assert execution.status == "SUCCEEDED", execution.cause
    for customer_id in customers(account):
        assert account.life.run(customer_id).status == "SUCCEEDED"
    assert account.lab.calls()[1] == []
    return int(execution.output["adopted"])


def test_a_key_becomes_the_record_of_the_customer_that_it_names(account: AuditLab) -> None:
    key_id = old_key(account, "free", customerId="acme")
    assert adopted(account) == 1
    assert customers(account) == {
        "acme": {"customer_id": "acme", "plan": "free", "status": "active"}
    }
    [record] = account.life.records()
    assert (record.key_id, record.state, record.plan) == (key_id, CREATED, "free")
    assert (record.name, record.number, record.enabled) == ("years old", 1, True)
    assert account.life.keys() == {"years old": (True, ["free"])}
    account.lab.bench.clock.advance(60)
    assert account.findings(adopt=True) == []


def test_without_repair_it_lists_what_it_would_adopt_and_writes_nothing(account: AuditLab) -> None:
    key_id = old_key(account, "free", customerId="acme")
    before = account.items()
    [found] = account.findings(adopt=True)
    assert (found["kind"], found["mended_by"]) == ("key_by_hand", "adopt-keys")
    assert (found["customer_id"], found["key_id"]) == ("acme", key_id)
    assert found["actions"] == [
        {"action": "adopt_key", "key": "years old", "number": 1, "plan": "free"}
    ]
    assert account.items() == before
    assert account.in_one_go(adopt=True)["findings"] == [found]


def test_a_tag_names_the_customer_before_its_customer_id_does(account: AuditLab) -> None:
    old_key(account, "free", customerId="x", tags={"customer_id": "acme"})
    old_key(account, "pro", tags={"tenant": "other"}, name="b")
    assert adopted(account) == 1
    assert adopted(account, adopt_tag="tenant") == 1
    assert {id_: item["plan"] for id_, item in customers(account).items()} == {
        "acme": "free",
        "other": "pro",
    }


def test_a_map_csv_text_or_a_csv_object_names_the_customers(account: AuditLab) -> None:
    keys = [old_key(account, "free", name=f"key {number}") for number in range(3)]
    assert adopted(account, customers={keys[0]: "by-map"}) == 1
    assert adopted(account, customers=f"key_id,customer_id\n{keys[1]},by-text\n") == 1
    bucket = runtime.setting("REPORT_BUCKET")
    account.s3.put_object(
        Bucket=bucket, Key="adopt/old.csv", Body=f"{keys[2]}, by-object\r\n".encode()
    )
    assert adopted(account, customers_object="adopt/old.csv") == 1
    assert set(customers(account)) == {"by-map", "by-text", "by-object"}


def test_a_disabled_key_stays_disabled(account: AuditLab) -> None:
    old_key(account, "free", customerId="acme", enabled=False)
    assert adopted(account) == 1
    record = customers(account)["acme"]
    assert (record["status"], record["keyward"]["status_reason"]) == (
        "suspended",
        "its key was disabled when it was adopted",
    )
    assert account.life.keys() == {"years old": (False, ["free"])}


def test_all_keys_of_a_customer_are_adopted_with_their_number(account: AuditLab) -> None:
    for name in ("acme/2", "web", "mobile"):
        old_key(account, "pro", customerId="acme", name=name)
    assert adopted(account) == 3
    assert customers(account)["acme"]["keys"] == 3
    numbers = {record.name: record.number for record in account.life.records()}
    assert numbers.pop("acme/2") == 2
    assert sorted(numbers.values()) == [3, 4]


def test_a_customer_that_has_a_record_keeps_it_and_gets_no_new_key(account: AuditLab) -> None:
    record = {"customer_id": "acme", "plan": "free", "status": "active", "name": "Acme Inc"}
    account.lab.bench.tables["CustomersTable"].put_item(Item=record)
    key_id = old_key(account, "free", customerId="acme")
    assert [found["kind"] for found in account.findings(adopt=True)] == ["key_by_hand"]
    assert adopted(account) == 1
    assert customers(account)["acme"] == record
    assert [one.key_id for one in account.life.records()] == [key_id]


REFUSED: dict[str, tuple[tuple[str, ...], JSON, JSON | None, str]] = {
    "nobody's": (("free",), {}, None, "Map its id in `customers`"),
    "no name that a customer has": (
        ("free",),
        {"customerId": "a b"},
        None,
        "The key's customerId cannot be",
    ),
    "no plan": ((), {"customerId": "acme"}, None, "attach it to a plan of the policy (free, pro)"),
    "another plan": (("gold",), {"customerId": "acme"}, None, "none of the key's plans (gold)"),
    "would move": (("free",), {"customerId": "acme"}, {"plan": "pro"}, "would do move_key"),
    "closed": (("free",), {"customerId": "acme"}, {"status": "closed"}, "would do delete_key"),
    "unknown plan": (("free",), {"customerId": "acme"}, {"plan": "gold"}, "names no usage plan"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_a_key_that_something_would_be_done_with_is_left_and_says_why(
    account: AuditLab, case: tuple[tuple[str, ...], JSON, JSON | None, str]
) -> None:
    plans, given, record, why = case
    if record:
        stored = {"customer_id": "acme", "plan": "free", "status": "active"} | record
        account.lab.bench.tables["CustomersTable"].put_item(Item=stored)
    key_id = old_key(account, *plans, **given)
    left = [found for found in account.findings(adopt=True) if found.get("key_id") == key_id]
    assert [why in found["helps"] for found in left] == [True]
    # Not a command about a customer whom the key's maker may have made up.
    assert {f["remedy"] for f in left if f["kind"] == "key_by_hand"} <= {"keyward status"}
    assert account.run(repair=True, adopt=True).output["adopted"] == 0


def test_years_old_keys_are_not_rotated_by_their_adoption(account: AuditLab) -> None:
    plan = {"throttle": {"rateLimit": 5, "burstLimit": 10}, "rotate_after_days": 90}
    account.lab.policy(usage_plans={"free": plan})
    old_key(account, "free", customerId="acme")
    account.lab.bench.clock.advance(400 * 86400)
    assert adopted(account) == 1


def test_an_adoption_that_is_repeated_adopts_nothing_twice(account: AuditLab) -> None:
    old_key(account, "free", customerId="acme")
    execution = account.run("nightly-1", repair=True, adopt=True)
    assert execution.output["adopted"] == 1
    again = account.machine.functions["Repair"](load_event("repair"), None)
    assert (again["adopted"], again["unfinished"]) == (1, False)
    assert len(account.life.records()) == 1


def test_a_customer_that_a_run_holds_is_left_for_the_next_audit(account: AuditLab) -> None:
    old_key(account, "free", customerId="acme")
    leases, now = account.lab.bench.registry.leases, account.lab.bench.clock.now()
    assert leases.acquire("customer#acme", "a-run", now)
    assert account.run(repair=True, adopt=True).output["adopted"] == 0
    assert customers(account) == {}
    account.lab.bench.clock.advance(600)
    assert adopted(account) == 1


def test_word_left_meanwhile_outlives_a_function_that_dies(
    account: AuditLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_key(account, "free", customerId="acme")
    bench = account.lab.bench
    leases, adopt, start = bench.registry.leases, bench.registry.customers.adopt, bench.bus.start

    def adopt_while_another_asks(*args: Any) -> bool:
        assert leases.request_rerun("customer#acme", bench.clock.now())
        return adopt(*args)

    def die(*args: Any) -> bool:
        monkeypatch.setattr(bench.bus, "start", start)
        raise Died

    monkeypatch.setattr(bench.registry.customers, "adopt", adopt_while_another_asks)
    monkeypatch.setattr(bench.bus, "start", die)
    execution = account.run(repair=True, adopt=True)
    assert (execution.status, execution.retries) == ("SUCCEEDED", 1)
    assert [record.key_id for record in account.life.records()]
    assert [task["customer_id"] for _, _, task in bench.bus.started] == ["acme"]
    assert leases.holder("customer#acme") is None


def test_a_run_notes_what_is_due_although_the_function_died_before_it_started_it(
    account: AuditLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = {"customer_id": "acme", "plan": "free", "status": "active"}
    account.lab.bench.tables["CustomersTable"].put_item(Item=record)
    old_key(account, "free", customerId="acme")
    bus, start = account.lab.bench.bus, account.lab.bench.bus.start

    def die(*args: Any) -> bool:
        monkeypatch.setattr(bus, "start", start)
        raise Died

    monkeypatch.setattr(bus, "start", die)
    execution = account.run(repair=True, adopt=True)
    assert (execution.status, execution.retries) == ("SUCCEEDED", 1)
    assert [task["customer_id"] for _, _, task in bus.started] == ["acme"]


def test_what_was_adopted_is_in_the_ledger_without_a_value(account: AuditLab) -> None:
    value = "0123456789" * 4
    old_key(account, "free", customerId="acme", value=value)
    adopted(account)
    lines = account.lab.bench.tables["LedgerTable"].scan()["Items"]
    told = [(line["action"], line["asked"]["by"]) for line in lines if "key" in line]
    assert told == [("adopt_key", "audit")]
    tables = [table.scan()["Items"] for table in account.lab.bench.tables.values()]
    assert value not in json.dumps(tables, default=str)


def test_the_function_has_the_machine_adopt(account: AuditLab) -> None:
    key_id = old_key(account, "free")
    event = load_event("audit-adopt") | {"customers": {key_id: "acme"}}
    account.in_one_go(**event)
    [(_, name, task)] = account.lab.bench.bus.started
    assert account.machine.run(task, name).output["adopted"] == 1
    assert set(customers(account)) == {"acme"}


@pytest.mark.parametrize(
    "given",
    [
        {"adopt": "yes"},
        {"adopt": True, "customers": {"abcdefghij": "a b"}},
        {"adopt": True, "customers": "abcdefghij|acme"},
        {"adopt": True, "customers": ["abcdefghij"]},
        {"adopt": True, "customers_object": "adopt/missing.csv"},
        {"adopt": True, "customers_object": "audits/x/findings.json"},
    ],
)
def test_input_that_cannot_be_right_is_refused(account: AuditLab, given: JSON) -> None:
    assert refusal(account.run(**given))["error"] == "InvalidInputError"


def test_an_adopted_key_lives_on_like_any_other(account: AuditLab) -> None:
    old_key(account, "free", customerId="acme")
    adopted(account)
    life: LifeLab = account.life
    life.bench.clock.advance(60)
    record = {"customer_id": "acme", "plan": "pro", "status": "active"}
    life.bench.tables["CustomersTable"].put_item(Item=record)
    assert life.run().status == "SUCCEEDED"
    assert life.keys() == {"years old": (True, ["pro"])}
