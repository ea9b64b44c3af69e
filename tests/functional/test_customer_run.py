"""The steps of reconcile-customer, one after the other, on moto and the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

import attach_key
import confirm_customer
import create_key
import plan_customer
import release_customer
from keyward.errors import (
    CustomerNotFoundError,
    DuplicatePlanError,
    GatewayUnavailableError,
    InvalidInputError,
    InvalidRecordError,
    KeyGoneError,
    KeyInOtherPlanError,
    KeyValueTakenError,
    PassingError,
    UnknownPlanError,
)
from keyward.key import is_value
from keyward.policy import default_text, parse
from keyward.registry import Lease
from tests.support import MACHINE, Bench, workbench

POLICY = parse(default_text())
OTHER = MACHINE.replace("run-1", "run-2")


@pytest.fixture
def bench() -> Iterator[Bench]:
    with workbench() as made:
        yield made


def put(bench: Bench, customer_id: str = "acme", **more: Any) -> None:
    record = {"customer_id": customer_id, "plan": "free", "status": "active"} | more
    bench.tables["CustomersTable"].put_item(Item=record)


def planned(
    bench: Bench, customer_id: str = "acme", run: str = MACHINE, **more: Any
) -> dict[str, Any]:
    task = {"customer_id": customer_id, "execution_arn": run} | more
    return plan_customer.plan(task, bench.registry, bench.bus, POLICY, bench.clock.now())


def apply(bench: Bench, run: dict[str, Any], action: dict[str, Any]) -> dict[str, Any]:
    task = {**{name: run[name] for name in ("customer_id", "lease")}, "action": action}
    task["execution_arn"] = run["lease"]["owner"]
    if action["action"] == "create_key":
        value = create_key.value_source(lambda name: "B" * 40, "kw")
        return create_key.create_key(task, bench.gateway, bench.registry, value, bench.clock.now())
    return attach_key.attach_key(
        task, bench.gateway, bench.registry, bench.plans(), POLICY, bench.clock.now()
    )


def finish(bench: Bench, run: dict[str, Any]) -> tuple[list[dict[str, Any]], bool]:
    """Confirm and release: the announcements, and whether to start over."""
    task = {"customer_id": run["customer_id"], "lease": run["lease"]}
    outcome = confirm_customer.confirm(task, bench.registry, "the-bus", bench.clock.now())
    done = release_customer.release(task | {"records": outcome["records"]}, bench.registry)
    return outcome["events"], done["again"]


def retried(bench: Bench, run: dict[str, Any], action: dict[str, Any]) -> dict[str, Any]:
    """The action as the state machine retries it: bounded, time passing in between."""
    for _ in range(6):
        try:
            return apply(bench, run, action)
        except PassingError:
            bench.clock.advance(9)
    raise AssertionError(f"{action} never came through")


def whole_run(bench: Bench, customer_id: str = "acme", run: str = MACHINE) -> list[dict[str, Any]]:
    made = planned(bench, customer_id, run)
    for action in made["actions"]:
        retried(bench, made, action)
    return finish(bench, made)[0]


def keys_on_gateway(bench: Bench) -> list[dict[str, Any]]:
    return [dict(item) for item in bench.client.get_api_keys(includeValues=True)["items"]]


def plan_names(bench: Bench, key_id: str) -> list[str]:
    return [plan["name"] for plan in bench.client.get_usage_plans(keyId=key_id)["items"]]


def test_a_record_becomes_an_enabled_key_in_its_plan(bench: Bench) -> None:
    put(bench)
    [event] = whole_run(bench)
    [key] = keys_on_gateway(bench)
    assert (key["name"], key["customerId"], key["enabled"]) == ("acme/1", "acme", True)
    assert is_value(key["value"])
    assert plan_names(bench, key["id"]) == ["free"]
    assert event["DetailType"] == "KeyIssued"
    assert event["Detail"]["key_id"] == key["id"]
    assert event["Detail"]["plan"] == "free"
    assert "effective_by" in event["Detail"]


def test_a_sign_up_costs_two_writes_and_no_read_once_the_plan_is_known(bench: Bench) -> None:
    put(bench, "first")
    whole_run(bench, "first")
    known = len(bench.operations())
    put(bench)
    whole_run(bench)
    assert bench.operations()[known:] == ["CreateApiKey", "CreateUsagePlanKey"]


def test_the_plan_is_made_at_first_need_as_the_policy_says(bench: Bench) -> None:
    put(bench)
    whole_run(bench)
    [plan] = bench.client.get_usage_plans()["items"]
    assert plan["name"] == "free"
    assert plan["throttle"] == {"rateLimit": 5.0, "burstLimit": 10}
    assert plan["quota"] == {"limit": 1000, "offset": 0, "period": "DAY"}


def test_a_second_run_writes_nothing_and_announces_nothing(bench: Bench) -> None:
    put(bench)
    whole_run(bench)
    known = len(bench.operations())
    assert whole_run(bench) == []
    assert bench.operations()[known:] == []


def test_customers_whose_ids_are_prefixes_of_each_other_have_a_key_each(bench: Bench) -> None:
    for customer_id in ("acme", "acme1", "acme-1", "acm"):
        put(bench, customer_id)
        whole_run(bench, customer_id)
    assert sorted(key["name"] for key in keys_on_gateway(bench)) == [
        "acm/1",
        "acme-1/1",
        "acme/1",
        "acme1/1",
    ]


@pytest.mark.parametrize(
    "operation", ["GetUsagePlans", "CreateUsagePlan", "CreateApiKey", "CreateUsagePlanKey"]
)
@pytest.mark.parametrize("fault", ["throttle", "500", "503", "timeout_before", "timeout_after"])
def test_after_any_single_fault_there_is_one_key_in_one_plan(
    bench: Bench, operation: str, fault: str
) -> None:
    put(bench)
    bench.emulator.order_faults([{"operation": operation, "call": 1, "fault": fault}])
    [event] = whole_run(bench)
    [key] = keys_on_gateway(bench)
    assert event["Detail"]["key_id"] == key["id"]
    assert plan_names(bench, key["id"]) == ["free"]
    assert [plan["name"] for plan in bench.client.get_usage_plans()["items"]] == ["free"]


def test_a_try_that_certainly_had_no_effect_is_repeated_without_a_look(bench: Bench) -> None:
    put(bench)
    bench.emulator.order_faults([{"operation": "CreateApiKey", "call": 1, "fault": "throttle"}])
    whole_run(bench)
    assert "GetApiKeys" not in bench.operations()


def test_a_doubtful_try_is_waited_for_and_its_key_adopted(bench: Bench) -> None:
    put(bench)
    run = planned(bench)
    bench.emulator.order_faults(
        [{"operation": "CreateApiKey", "call": 1, "fault": "timeout_after"}]
    )
    with pytest.raises(GatewayUnavailableError):
        apply(bench, run, run["actions"][0])
    [made] = keys_on_gateway(bench)
    with pytest.raises(PassingError, match="under way"):
        apply(bench, run, run["actions"][0])
    bench.clock.advance(9)
    assert apply(bench, run, run["actions"][0]) == {"key_id": made["id"]}


def test_duplicates_of_a_doubtful_try_are_deleted_and_others_left_alone(bench: Bench) -> None:
    put(bench)
    put(bench, "acme10")
    run = planned(bench)
    bench.emulator.order_faults(
        [{"operation": "CreateApiKey", "call": 1, "fault": "timeout_after"}]
    )
    with pytest.raises(GatewayUnavailableError):
        apply(bench, run, run["actions"][0])
    bench.clock.advance(9)
    bench.client.create_api_key(name="acme/1", customerId="acme", enabled=True)
    bench.client.create_api_key(name="acme/10", customerId="acme", enabled=True)
    bench.client.create_api_key(name="acme/1", customerId="other", enabled=True)
    apply(bench, run, run["actions"][0])
    left = sorted((key["name"], key["customerId"]) for key in keys_on_gateway(bench))
    assert left == [("acme/1", "acme"), ("acme/1", "other"), ("acme/10", "acme")]


def test_a_crash_before_the_announcement_is_announced_by_the_next_run(bench: Bench) -> None:
    put(bench)
    run = planned(bench)
    for action in run["actions"]:
        apply(bench, run, action)
    bench.bus.stopped.add(MACHINE)
    again = planned(bench, run=OTHER)
    assert (again["actions"], again["unannounced"]) == ([], True)
    events, _ = finish(bench, again)
    assert [event["DetailType"] for event in events] == ["KeyIssued"]
    assert finish(bench, planned(bench, run=OTHER))[0] == []


def test_a_run_that_finds_the_customer_taken_leaves_word_and_the_other_starts_over(
    bench: Bench,
) -> None:
    put(bench)
    first = planned(bench)
    second = planned(bench, run=OTHER)
    assert second["busy"]
    assert second["actions"] == []
    for action in first["actions"]:
        apply(bench, first, action)
    assert finish(bench, first)[1] is True
    assert finish(bench, planned(bench))[1] is False


def test_a_run_that_was_stopped_is_taken_over_at_once(bench: Bench) -> None:
    put(bench)
    planned(bench)
    bench.bus.stopped.add(MACHINE)
    assert planned(bench, run=OTHER)["busy"] is False


def test_a_run_that_lost_its_lease_writes_no_more(bench: Bench) -> None:
    put(bench)
    old = planned(bench)
    bench.bus.stopped.add(MACHINE)
    planned(bench, run=OTHER)
    with pytest.raises(Exception, match="held by another run"):
        apply(bench, old, old["actions"][0])
    assert keys_on_gateway(bench) == []


def test_a_lease_that_ran_out_is_free(bench: Bench) -> None:
    put(bench)
    planned(bench)
    bench.clock.advance(301)
    assert planned(bench, run=OTHER)["busy"] is False


def test_a_dry_run_returns_the_actions_and_changes_nothing(bench: Bench) -> None:
    put(bench)
    made = planned(bench, dry_run=True)
    assert [action["action"] for action in made["actions"]] == ["create_key", "attach_key"]
    assert bench.operations() == []
    assert bench.tables["LeasesTable"].scan()["Items"] == []


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
    assert bench.registry.customers.known("acme").keys == ()


def test_an_own_value_that_is_too_short_is_refused_before_any_call(bench: Bench) -> None:
    put(bench, key_value_secret="keyward/acme")
    run = planned(bench)
    task = {"customer_id": "acme", "lease": run["lease"], "action": run["actions"][0]}
    value = create_key.value_source(lambda name: "short", "kw")
    with pytest.raises(InvalidRecordError, match="key_value_secret"):
        create_key.create_key(task, bench.gateway, bench.registry, value, bench.clock.now())
    assert bench.operations() == []


def test_a_key_that_is_in_its_plan_already_counts_as_attached(bench: Bench) -> None:
    put(bench)
    run = planned(bench)
    made = apply(bench, run, run["actions"][0])
    stage(bench)
    plan_id = bench.plans().id_of("free")
    add_stage(bench, plan_id)
    bench.client.create_usage_plan_key(usagePlanId=plan_id, keyId=made["key_id"], keyType="API_KEY")
    apply(bench, run, run["actions"][1])
    assert plan_names(bench, made["key_id"]) == ["free"]
    assert bench.registry.customers.known("acme").keys[0].plan == "free"


def test_a_key_that_is_in_another_plan_of_the_stage_is_told_with_both_plans(bench: Bench) -> None:
    put(bench)
    run = planned(bench)
    made = apply(bench, run, run["actions"][0])
    stage(bench)
    by_hand = bench.client.create_usage_plan(name="by-hand")["id"]
    for plan_id in (by_hand, bench.plans().id_of("free")):
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
        bench.plans().id_of("free")
    while not bench.registry.leases.release(lease):
        continue
    assert bench.plans().id_of("free") == bench.plans().id_of("free")
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
        bench.gateway.create_key("acme/1", "tooShortValue", "acme", {})
    assert "tooShortValue" not in str(told.value)
    assert told.value.__cause__ is None


def stage(bench: Bench) -> None:
    api = bench.client.create_rest_api(name="shop")["id"]
    root = bench.client.get_resources(restApiId=api)["items"][0]["id"]
    method = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    bench.client.put_method(**method, authorizationType="NONE", apiKeyRequired=True)
    bench.client.put_integration(**method, type="MOCK")
    bench.client.create_deployment(restApiId=api, stageName="prod")


def add_stage(bench: Bench, plan_id: str) -> None:
    [api] = bench.client.get_rest_apis()["items"]
    added = {"op": "add", "path": "/apiStages", "value": f"{api['id']}:prod"}
    try:
        bench.client.update_usage_plan(usagePlanId=plan_id, patchOperations=[added])
    except ClientError as error:
        raise AssertionError("the stage could not be added") from error
