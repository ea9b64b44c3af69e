"""Customers, key records and API Gateway compared: each kind of difference is made by hand, found,
mended by the repair (or a person), and not found again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.machines.audit_lab import AuditLab
from tests.machines.life_lab import LifeLab

Harm = Callable[[LifeLab, str], None]
MENDED_CUSTOMER = "reconcile-customer"


def plan_id(life: LifeLab, name: str) -> str:
    plans = life.client.get_usage_plans()["items"]
    return str(next(plan["id"] for plan in plans if plan["name"] == name))


def enabled(life: LifeLab, key_id: str, value: str) -> None:
    said = {"op": "replace", "path": "/enabled", "value": value}
    life.client.update_api_key(apiKey=key_id, patchOperations=[said])


def deleted(life: LifeLab, key_id: str) -> None:
    life.client.delete_api_key(apiKey=key_id)


def enabled_by_hand(life: LifeLab, key_id: str) -> None:
    life.after("CustomerSuspended")
    enabled(life, key_id, "true")


def detached(life: LifeLab, key_id: str) -> None:
    life.client.delete_usage_plan_key(usagePlanId=plan_id(life, "free"), keyId=key_id)


def moved(life: LifeLab, key_id: str) -> None:
    detached(life, key_id)
    attached_twice(life, key_id)


def attached_twice(life: LifeLab, key_id: str) -> None:
    life.known_plans("pro")
    into = plan_id(life, "pro")
    life.client.create_usage_plan_key(usagePlanId=into, keyId=key_id, keyType="API_KEY")


def plan_deleted(life: LifeLab, key_id: str) -> None:
    old = plan_id(life, "free")
    detached(life, key_id)
    life.client.delete_usage_plan(usagePlanId=old)


def closing_missed(life: LifeLab, key_id: str) -> None:
    life.hear("CustomerClosed")


def suspension_missed(life: LifeLab, key_id: str) -> None:
    life.hear("CustomerSuspended")


def plan_change_missed(life: LifeLab, key_id: str) -> None:
    life.hear("CustomerPlanChanged", plan="pro")


def sign_up_missed(life: LifeLab, key_id: str) -> None:
    life.hear("CustomerSignedUp", "other", plan="free")


# What is done by hand, what is found and how serious it is, and what is on the gateway when it is
# mended.
MENDED: dict[str, tuple[Harm, str, str, dict[str, tuple[bool, list[str]]]]] = {
    "the key is deleted": (deleted, "key_gone", "high", {"acme/2": (True, ["free"])}),
    "enabled": (enabled_by_hand, "key_enabled", "high", {"acme/1": (False, ["free"])}),
    "detached": (detached, "key_without_plan", "high", {"acme/1": (True, ["free"])}),
    "plan deleted": (plan_deleted, "key_without_plan", "high", {"acme/1": (True, ["free"])}),
    "closing missed": (closing_missed, "key_of_closed_customer", "high", {}),
    "suspension missed": (suspension_missed, "key_enabled", "high", {"acme/1": (False, ["free"])}),
    "plan change missed": (
        plan_change_missed,
        "key_in_wrong_plan",
        "high",
        {"acme/1": (True, ["pro"])},
    ),
    "sign-up missed": (
        sign_up_missed,
        "customer_without_key",
        "high",
        {"acme/1": (True, ["free"]), "other/1": (True, ["free"])},
    ),
}


@pytest.mark.parametrize("case", MENDED.values(), ids=MENDED.keys())
def test_a_difference_is_found_mended_by_the_repair_and_not_found_again(
    account: AuditLab, case: tuple[Harm, str, str, dict[str, tuple[bool, list[str]]]]
) -> None:
    harm, kind, severity, mended = case
    life = account.life
    harm(life, life.signed_up())
    life.bench.clock.advance(60)
    [found] = account.findings()
    assert (found["kind"], found["severity"]) == (kind, severity)
    assert found["mended_by"] == MENDED_CUSTOMER
    assert found["actions"]
    account.mend()
    assert life.keys() == mended
    life.bench.clock.advance(60)
    assert account.findings() == []


def test_a_plan_that_somebody_put_a_key_into_is_left_to_them(account: AuditLab) -> None:
    life = account.life
    attached_twice(life, life.signed_up())
    life.bench.clock.advance(60)
    account.mend()
    assert life.keys() == {"acme/1": (True, ["free", "pro"])}


def by_hand(life: LifeLab, name: str = "old", customer_id: str = "", **more: Any) -> str:
    given = {"customerId": customer_id} if customer_id else {}
    return str(life.client.create_api_key(name=name, **(given | {"enabled": True} | more))["id"])


def test_a_key_made_by_hand_is_found_with_what_a_person_is_to_do(account: AuditLab) -> None:
    key_id = by_hand(account.life, description="years old")
    [found] = account.findings()
    assert (found["kind"], found["severity"], found["key_id"]) == ("key_by_hand", "low", key_id)
    assert "adopt" in found["helps"]
    assert "mended_by" not in found
    deleted(account.life, key_id)
    assert account.findings() == []


def test_a_second_key_of_one_name_and_customer_is_found(account: AuditLab) -> None:
    account.life.signed_up()
    second = by_hand(account.life, "acme/1", "acme")
    account.life.bench.clock.advance(60)
    [found] = account.findings()
    assert (found["kind"], found["severity"]) == ("duplicate_key", "high")
    assert (found["key_id"], found["customer_id"]) == (second, "acme")
    assert "Delete the one that nobody uses" in found["helps"]
    account.mend()
    assert len(account.life.client.get_api_keys()["items"]) == 2
    deleted(account.life, second)
    assert account.findings() == []


def test_a_key_made_by_hand_for_a_closed_customer_is_found(account: AuditLab) -> None:
    account.life.signed_up()
    account.life.after("CustomerClosed")
    key_id = by_hand(account.life, "another", "acme")
    [found] = account.findings()
    assert (found["kind"], found["severity"]) == ("key_of_closed_customer", "high")
    assert found["key_id"] == key_id
    deleted(account.life, key_id)
    assert account.findings() == []


def test_a_recorded_key_without_a_customer_is_found(account: AuditLab) -> None:
    key_id = account.life.signed_up()
    table = account.lab.bench.tables["CustomersTable"]
    record = table.scan()["Items"][0]
    table.delete_item(Key={"customer_id": "acme"})
    account.life.bench.clock.advance(60)
    [found] = account.findings()
    assert (found["kind"], found["key_id"]) == ("key_without_customer", key_id)
    assert "Put the customer's record back" in found["helps"]
    table.put_item(Item=record)
    assert account.findings() == []


def test_a_stage_that_lost_its_plan_is_in_it_again(account: AuditLab) -> None:
    api_id = account.lab.attached({"/pets": {"get": ["api_key"]}})
    life = account.life
    lost = [{"op": "remove", "path": "/apiStages", "value": f"{api_id}:prod"}]
    life.client.update_usage_plan(usagePlanId=plan_id(life, "pro"), patchOperations=lost)
    [found] = account.findings()
    assert (found["kind"], found["severity"]) == ("stage_without_plan", "high")
    account.mend()
    assert account.lab.plans_of(api_id) == ["free", "pro"]
    assert account.findings() == []


def test_two_usage_plans_of_one_name_are_found(account: AuditLab) -> None:
    for _ in range(2):
        account.life.client.create_usage_plan(name="free")
    [found] = account.findings()
    assert (found["kind"], found["plan"]) == ("duplicate_plan", "free")


def test_plans_that_are_not_keywards_are_no_difference(account: AuditLab) -> None:
    key_id = account.life.signed_up()
    other = account.life.client.create_usage_plan(name="partners")["id"]
    account.life.client.create_usage_plan_key(usagePlanId=other, keyId=key_id, keyType="API_KEY")
    account.life.bench.clock.advance(60)
    assert account.findings() == []


def test_what_a_run_did_since_the_audit_began_is_not_compared(account: AuditLab) -> None:
    life = account.life
    life.signed_up()
    life.bench.clock.advance(60)

    def meanwhile() -> None:
        life.bench.clock.advance(1)
        life.after("CustomerSignedUp", "other", plan="free")

    account.lab.before("GetUsagePlanKeys", meanwhile)
    assert account.findings() == []
    assert len(life.records("other")) == 1


def test_keys_of_a_plan_that_cannot_be_read_accuse_nobody(account: AuditLab) -> None:
    account.life.signed_up()
    account.life.bench.clock.advance(60)
    faults = [
        {"operation": "GetUsagePlanKeys", "call": call, "fault": "500"} for call in range(1, 6)
    ]
    account.lab.bench.emulator.order_faults(faults)
    assert account.kinds() == ["unreadable"]


def test_an_audit_that_looks_writes_nothing(account: AuditLab) -> None:
    life = account.life
    moved(life, life.signed_up())
    by_hand(life)
    life.bench.clock.advance(60)
    life.forget()
    before = account.items()
    assert len(account.findings()) == 2
    assert account.lab.calls()[1] == []
    assert account.items() == before
    assert life.event_types() == []
