"""The steps of reconcile-customer when all goes well, and when calls go wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import conclude_customer
import create_key
import plan_customer
from keyward.aws.tables.leases import FUNCTION_SECONDS
from keyward.errors import GatewayUnavailableError, LeaseLostError, PassingError
from keyward.events.key_value import is_value
from keyward.runs import run
from tests.machines.customer_lab import (
    OTHER,
    apply,
    finish,
    keys_on_gateway,
    plan_names,
    planned,
    put,
    whole_run,
)
from tests.support import MACHINE, Bench, load_event, workbench


@pytest.fixture
def bench() -> Iterator[Bench]:
    with workbench() as made:
        yield made


def test_a_record_becomes_an_enabled_key_in_its_plan(bench: Bench) -> None:
    put(bench)
    [event] = whole_run(bench)
    [key] = keys_on_gateway(bench)
    assert (key["name"], key["enabled"]) == ("acme/1", True)
    # AWS Marketplace's identifier, which is not Keyward's to set.
    assert "customerId" not in key
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
    left = sorted((key["name"], key.get("customerId", "")) for key in keys_on_gateway(bench))
    assert left == [("acme/1", ""), ("acme/1", "other"), ("acme/10", "acme")]


def test_a_crash_before_the_announcement_is_announced_by_the_next_run(bench: Bench) -> None:
    put(bench)
    run = planned(bench)
    for action in run["actions"]:
        apply(bench, run, action)
    bench.bus.stopped.add(MACHINE)
    bench.clock.advance(FUNCTION_SECONDS)
    again = planned(bench, run=OTHER)
    assert again["actions"] == []
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
    bench.clock.advance(FUNCTION_SECONDS)
    assert planned(bench, run=OTHER)["busy"] is False


def test_a_run_that_lost_its_lease_writes_no_more(bench: Bench) -> None:
    put(bench)
    old = planned(bench)
    bench.bus.stopped.add(MACHINE)
    bench.clock.advance(FUNCTION_SECONDS)
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


def test_the_steps_take_the_inputs_that_their_samples_show(bench: Bench) -> None:
    for sample in ("create-key", "attach-key"):
        assert {"customer_id", "lease", "execution_arn"} <= set(load_event(sample))
    put(bench)
    dry = load_event("reconcile-customer-dry-run")
    made = planned(bench, **dry)
    assert [action["action"] for action in made["actions"]] == ["create_key", "attach_key"]
    sample = load_event("conclude-customer")
    assert set(sample) == set(made)
    with pytest.raises(LeaseLostError):
        conclude_customer.conclude(sample, bench.context())


def test_the_planner_takes_its_sample_and_names_who_asked(bench: Bench) -> None:
    sample = load_event("plan-customer")
    run.only_fields(sample, plan_customer.FIELDS)
    put(bench)
    made = planned(bench, **sample)
    assert made["lease"]["owner"] == sample["execution_arn"]
    assert [action["asked"]["by"] for action in made["actions"]] == [sample["asked"]["by"]] * 2


def test_the_time_of_a_try_is_that_of_its_call(bench: Bench) -> None:
    put(bench, key_value_secret="keyward/acme")
    run = planned(bench)

    def slow_secret(name: str) -> str:
        bench.clock.advance(30)
        return "B" * 40

    value = create_key.value_source(slow_secret, "kw")
    task = {"customer_id": "acme", "lease": run["lease"], "action": run["actions"][0]}
    task["execution_arn"] = MACHINE
    lost = {"operation": "CreateApiKey", "call": 1, "fault": "timeout_after"}
    bench.emulator.order_faults([lost])
    with pytest.raises(PassingError):
        create_key.create_key(task, bench.context(), value)
    [tried] = bench.registry.customers.load_keys("acme").keys
    assert tried.journal.started_at == int(bench.clock.now())
