"""A run that looks first: what somebody changed on API Gateway is seen, and mended."""

from __future__ import annotations

import pytest

from tests.machines.life_lab import LifeLab

IN_ORDER = {"acme/1": (True, ["free"])}


def switch(life: LifeLab, key_id: str, enabled: bool) -> None:
    said = {"op": "replace", "path": "/enabled", "value": str(enabled).lower()}
    life.client.update_api_key(apiKey=key_id, patchOperations=[said])


def looked(life: LifeLab, **more: bool) -> None:
    life.forget()
    assert life.run(look=True, **more).status == "SUCCEEDED"


def test_nothing_is_read_for_a_customer_without_a_key_record(life: LifeLab) -> None:
    life.known_plans("free")
    life.hear("CustomerSignedUp", plan="free")
    looked(life)
    assert life.bench.operations() == ["CreateApiKey", "CreateUsagePlanKey"]


def test_a_look_that_finds_all_in_order_costs_two_reads(life: LifeLab) -> None:
    life.signed_up()
    looked(life)
    assert life.bench.operations() == ["GetUsagePlans", "GetApiKey"]
    assert life.event_types() == []


def test_without_a_look_the_records_are_trusted(life: LifeLab) -> None:
    switch(life, life.signed_up(), False)
    life.forget()
    life.run()
    assert life.bench.operations() == []


def test_a_key_that_was_disabled_by_hand_is_enabled_again(life: LifeLab) -> None:
    switch(life, life.signed_up(), False)
    looked(life)
    assert life.keys() == IN_ORDER
    assert life.event_types() == ["KeyDisabled", "KeyResumed"]


def test_a_suspended_key_that_was_enabled_by_hand_is_disabled_again(life: LifeLab) -> None:
    key_id = life.signed_up()
    life.after("CustomerSuspended", reason="unpaid")
    switch(life, key_id, True)
    looked(life)
    assert life.keys() == {"acme/1": (False, ["free"])}
    assert [told["reason"] for told in life.events("KeySuspended")] == ["unpaid"]


def test_a_key_that_was_taken_out_of_its_plan_is_in_it_again(life: LifeLab) -> None:
    key_id = life.signed_up()
    life.client.delete_usage_plan_key(usagePlanId=life.plan_id("free"), keyId=key_id)
    looked(life)
    assert life.keys() == IN_ORDER
    assert life.event_types() == ["PlanChanged"]


def test_a_key_that_was_moved_to_another_plan_joins_its_own_again(life: LifeLab) -> None:
    key_id = life.signed_up()
    life.known_plans("pro")
    life.client.delete_usage_plan_key(usagePlanId=life.plan_id("free"), keyId=key_id)
    into = life.plan_id("pro")
    life.client.create_usage_plan_key(usagePlanId=into, keyId=key_id, keyType="API_KEY")
    looked(life)
    assert life.keys() == {"acme/1": (True, ["free", "pro"])}


def test_a_key_that_was_put_into_a_second_plan_stays_in_both(life: LifeLab) -> None:
    key_id = life.signed_up()
    life.known_plans("pro")
    into = life.plan_id("pro")
    life.client.create_usage_plan_key(usagePlanId=into, keyId=key_id, keyType="API_KEY")
    looked(life)
    assert life.keys() == {"acme/1": (True, ["free", "pro"])}


def test_a_key_whose_plan_was_deleted_is_in_a_new_one(life: LifeLab) -> None:
    key_id = life.signed_up()
    old = life.plan_id("free")
    life.client.delete_usage_plan_key(usagePlanId=old, keyId=key_id)
    life.client.delete_usage_plan(usagePlanId=old)
    looked(life)
    assert life.keys() == IN_ORDER
    assert life.plan_id("free") != old


def test_a_key_that_is_gone_is_replaced_by_one_with_the_next_number(life: LifeLab) -> None:
    key_id = life.signed_up()
    life.client.delete_api_key(apiKey=key_id)
    looked(life)
    assert life.keys() == {"acme/2": (True, ["free"])}
    assert life.event_types() == ["KeyRevoked", "KeyIssued"]
    assert [told["key_id"] for told in life.events("KeyRevoked")] == [key_id]
    assert [record.number for record in life.records()] == [2]


def test_a_key_that_was_renamed_and_given_away_is_still_there(life: LifeLab) -> None:
    key_id = life.signed_up()
    changes = [
        {"op": "replace", "path": "/name", "value": "mine"},
        {"op": "replace", "path": "/customerId", "value": "someone"},
    ]
    life.client.update_api_key(apiKey=key_id, patchOperations=changes)
    looked(life)
    assert [record.key_id for record in life.records()] == [key_id]
    assert len(life.keys()) == 1


def test_a_dry_run_tells_what_would_be_done_and_writes_nothing(life: LifeLab) -> None:
    life.client.delete_api_key(apiKey=life.signed_up())
    tables = {name: table.scan()["Items"] for name, table in life.bench.tables.items()}
    run = life.run(look=True, dry_run=True)
    told = [(action["action"], action["key"]) for action in run.output["actions"]]
    assert told == [("create_key", "acme/2"), ("attach_key", "acme/2")]
    assert {name: t.scan()["Items"] for name, t in life.bench.tables.items()} == tables


def test_what_was_corrected_is_in_the_ledger(life: LifeLab) -> None:
    switch(life, life.signed_up(), False)
    looked(life)
    lines = life.bench.tables["LedgerTable"].scan()["Items"]
    [line] = [line for line in lines if line["action"] == "correct_record"]
    assert (line["before"], line["after"]) == ({"enabled": True}, {"enabled": False})
    assert "disabled on API Gateway" in line["reason"]


@pytest.mark.parametrize("fault", ["throttle", "500", "timeout_before"])
@pytest.mark.parametrize("operation", ["GetApiKey", "GetUsagePlans"])
def test_a_look_that_is_refused_for_a_moment_is_repeated(
    life: LifeLab, operation: str, fault: str
) -> None:
    switch(life, life.signed_up(), False)
    life.fault(operation, fault)
    looked(life)
    assert life.keys() == IN_ORDER
