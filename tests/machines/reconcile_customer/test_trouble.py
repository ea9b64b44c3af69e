"""The steps of reconcile-customer when what is asked for cannot be, or others were there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import create_key
from keyward.aws.tables.leases import Lease
from keyward.errors import (
    CustomerNotFoundError,
    DuplicatePlanError,
    InvalidInputError,
    InvalidRecordError,
    KeyGoneError,
    KeyInOtherPlanError,
    KeyValueTakenError,
    PassingError,
    UnknownPlanError,
)
from tests.machines.customer_lab import (
    OTHER,
    add_stage,
    apply,
    keys_on_gateway,
    plan_names,
    planned,
    put,
    retried,
    stage,
    whole_run,
)
from tests.support import Bench, workbench


@pytest.fixture
def bench() -> Iterator[Bench]:
    with workbench() as made:
        yield made


def test_an_unknown_plan_makes_nothing_and_says_which_plans_there_are(bench: Bench) -> None:
    put(bench, plan="gold")
    made = planned(bench)
    assert made["problem"]["Error"] == "UnknownPlanError"
    assert "free, pro" in made["problem"]["Cause"]
    assert bench.operations() == []
    with pytest.raises(UnknownPlanError):
        planned(bench, run=OTHER, dry_run=True)


def test_bad_input_names_its_field(bench: Bench) -> None:
    with pytest.raises(InvalidInputError, match="customer_id"):
        planned(bench, customer_id="a b")
    with pytest.raises(InvalidInputError, match="dry_run"):
        planned(bench, dry_run="yes")
    with pytest.raises(CustomerNotFoundError, match="nobody"):
        planned(bench, customer_id="nobody")


def test_a_customer_may_bring_an_own_value_by_reference(bench: Bench) -> None:
    put(bench, key_value_secret="keyward/acme")
    whole_run(bench)
    assert [key["value"] for key in keys_on_gateway(bench)] == ["B" * 40]


def test_an_own_value_that_another_key_has_is_refused_and_nothing_is_left(bench: Bench) -> None:
    bench.client.create_api_key(name="somebody", value="B" * 40, enabled=True)
    put(bench, key_value_secret="keyward/acme")
    run = planned(bench)
    with pytest.raises(KeyValueTakenError) as told:
        apply(bench, run, run["actions"][0])
    assert "B" * 40 not in str(told.value)
    assert bench.registry.customers.load_keys("acme").keys == ()


def test_an_own_value_that_is_too_short_is_refused_before_any_call(bench: Bench) -> None:
    put(bench, key_value_secret="keyward/acme")
    run = planned(bench)
    task = {"customer_id": "acme", "lease": run["lease"], "action": run["actions"][0]}
    value = create_key.value_source(lambda name: "short", "kw")
    with pytest.raises(InvalidRecordError, match="key_value_secret"):
        create_key.create_key(task, bench.context(), value)
    assert bench.operations() == []


def test_a_key_that_is_in_its_plan_already_counts_as_attached(bench: Bench) -> None:
    put(bench)
    run = planned(bench)
    made = apply(bench, run, run["actions"][0])
    stage(bench)
    plan_id = bench.plans().plan_id("free")
    add_stage(bench, plan_id)
    bench.client.create_usage_plan_key(usagePlanId=plan_id, keyId=made["key_id"], keyType="API_KEY")
    apply(bench, run, run["actions"][1])
    assert plan_names(bench, made["key_id"]) == ["free"]
    assert bench.registry.customers.load_keys("acme").keys[0].plan == "free"


def test_a_key_that_is_in_another_plan_of_the_stage_is_told_with_both_plans(bench: Bench) -> None:
    put(bench)
    run = planned(bench)
    made = apply(bench, run, run["actions"][0])
    stage(bench)
    by_hand = bench.client.create_usage_plan(name="by-hand")["id"]
    for plan_id in (by_hand, bench.plans().plan_id("free")):
        add_stage(bench, plan_id)
    bench.client.create_usage_plan_key(usagePlanId=by_hand, keyId=made["key_id"], keyType="API_KEY")
    with pytest.raises(KeyInOtherPlanError, match=by_hand):
        apply(bench, run, run["actions"][1])


def test_a_plan_that_was_deleted_by_hand_is_found_out_and_made_again(bench: Bench) -> None:
    put(bench, "first")
    whole_run(bench, "first")
    [plan] = bench.client.get_usage_plans()["items"]
    bench.client.delete_usage_plan(usagePlanId=plan["id"])
    put(bench)
    whole_run(bench)
    [again] = bench.client.get_usage_plans()["items"]
    assert again["id"] != plan["id"]
    assert plan_names(bench, keys_on_gateway(bench)[0]["id"]) == ["free"]


def test_a_key_that_was_deleted_by_hand_is_told(bench: Bench) -> None:
    put(bench)
    run = planned(bench)
    made = apply(bench, run, run["actions"][0])
    bench.client.delete_api_key(apiKey=made["key_id"])
    with pytest.raises(KeyGoneError, match=made["key_id"]):
        apply(bench, run, run["actions"][1])


def test_a_plan_that_exists_by_name_is_used_and_not_made_again(bench: Bench) -> None:
    by_hand = bench.client.create_usage_plan(name="free")["id"]
    put(bench)
    whole_run(bench)
    assert [plan["id"] for plan in bench.client.get_usage_plans()["items"]] == [by_hand]


def test_two_plans_of_one_name_are_an_error_that_says_so(bench: Bench) -> None:
    for _ in range(2):
        bench.client.create_usage_plan(name="free")
    put(bench)
    run = planned(bench)
    apply(bench, run, run["actions"][0])
    with pytest.raises(DuplicatePlanError, match="Rename or delete"):
        apply(bench, run, run["actions"][1])


def test_two_runs_that_need_the_same_plan_make_it_once(bench: Bench) -> None:
    lease = bench.registry.leases.acquire("plan#free", "somebody", bench.clock.now(), 35)
    assert isinstance(lease, Lease)
    with pytest.raises(PassingError, match="being made by another run"):
        bench.plans().plan_id("free")
    bench.registry.leases.give_back(lease)
    assert bench.plans().plan_id("free") == bench.plans().plan_id("free")
    assert bench.operations().count("CreateUsagePlan") == 1


def test_no_table_ever_holds_a_value(bench: Bench) -> None:
    put(bench)
    whole_run(bench)
    [key] = keys_on_gateway(bench)
    kept = str([table.scan()["Items"] for table in bench.tables.values()])
    assert key["id"] in kept
    assert key["value"] not in kept


def test_an_error_of_the_gateway_never_holds_a_value(bench: Bench) -> None:
    with pytest.raises(Exception, match="CreateApiKey") as told:
        bench.gateway.create_key("acme/1", "tooShortValue", {})
    assert "tooShortValue" not in str(told.value)
    assert told.value.__cause__ is None


def test_an_api_gateway_that_takes_no_connection_is_tried_again(bench: Bench) -> None:
    put(bench)
    run = planned(bench)
    refused = {"operation": "CreateApiKey", "call": 1, "fault": "connection_refused"}
    bench.emulator.order_faults([refused])
    for action in run["actions"]:
        retried(bench, run, action)
    assert len(keys_on_gateway(bench)) == 1
