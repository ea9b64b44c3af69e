"""What others do to keys, memberships and tags is reconciled at once, for just that customer or
API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emulator import cloudtrail
from keyward.values import JSON
from local.bench import Bench
from tests.machines.drift_lab import (
    ADA,
    bench_with_customers,
    delete,
    detach,
    key_of,
    key_of_cached,
    plan,
    run_by_hand,
    runs_since,
    status,
    told,
)
from tests.machines.guard_lab import before


@pytest.fixture
def bench() -> Iterator[Bench]:
    with bench_with_customers() as made:
        yield made


@pytest.mark.parametrize("change", [detach, delete], ids=["detach", "delete"])
def test_what_somebody_does_to_a_key_is_mended_in_seconds(bench: Bench, change: Any) -> None:
    calls, runs, at = len(bench.calls), len(bench.runs), bench.clock.now()
    change(bench)
    theirs = len(bench.calls) - calls
    bench.run()
    assert status(bench) == 200
    assert bench.clock.now() - at < 5
    assert [run.input["customer_id"] for run in runs_since(bench, runs)] == ["acme"]
    assert len(bench.calls) - calls - theirs <= 6
    plans = bench.gateway.get_usage_plans(keyId=key_of(bench))["items"]
    assert [one["name"] for one in plans] == ["free"]


def test_who_did_it_is_in_the_ledger(bench: Bench) -> None:
    detach(bench)
    bench.run()
    lines = bench.account.tables.by_name["LedgerTable"].scan()["Items"]
    mine = [line for line in lines if line["asked"]["by"] == "drift"]
    assert {line["action"] for line in mine} == {"correct_record", "attach_key"}
    for line in mine:
        assert line["asked"]["who"].startswith(f"{ADA} (DeleteUsagePlanKey at 2026-01-01T")
        assert {"event_id", "detail_type", "source"} <= {*line["asked"]}


def test_a_key_that_is_put_back_is_told_with_who_took_it_away(bench: Bench) -> None:
    before = len(bench.announced)
    detach(bench)
    bench.run()
    [event] = bench.announced[before:]
    assert event["detail-type"] == "PlanChanged"
    detail = event["detail"]
    assert (detail["plan"], detail["opens"][0]["stage"]) == ("free", "prod")
    assert detail["actions"] == [{"action": "attach_key", "key": "acme/1", "plan": "free"}]
    assert "somebody else took the key" in detail["reason"]
    assert detail["caused_by"]["detail_type"] == "AWS API Call via CloudTrail"


def test_a_storm_of_edits_is_one_run(bench: Bench) -> None:
    runs, calls = len(bench.runs), len(bench.calls)
    for number in range(1000):
        change = {"op": "replace", "path": "/description", "value": str(number)}
        bench.gateway.update_api_key(apiKey=key_of_cached(bench), patchOperations=[change])
    bench.run()
    assert len(runs_since(bench, runs)) == 1
    assert len(bench.calls) - calls <= 1000 + 3


def test_an_edit_during_the_look_is_looked_at_too(bench: Bench) -> None:
    key_id, free = key_of(bench), plan(bench)
    detached: list[str] = []

    def watch(service: str, operation: str) -> None:
        if operation == "GetUsagePlans" and len(detached) == 1:
            detached.append("again")
            bench.emulator.call("DeleteUsagePlanKey", {"usagePlanId": free, "keyId": key_id})

    change = {"op": "replace", "path": "/description", "value": "x"}
    bench.gateway.update_api_key(apiKey=key_id, patchOperations=[change])
    detached.append("first")
    bench.account.watch = watch
    bench.run()
    assert status(bench) == 200


def test_keys_that_are_nobodys_start_nothing(bench: Bench) -> None:
    made = bench.gateway.create_api_key(name="by hand", enabled=True)
    runs, calls = len(bench.runs), len(bench.calls)
    bench.gateway.delete_api_key(apiKey=made["id"])
    bench.run()
    assert (len(bench.runs), len(bench.calls)) == (runs, calls + 1)


def test_our_own_calls_start_nothing(bench: Bench) -> None:
    bench.send("CustomerPlanChanged", customer_id="acme", plan="pro")
    bench.run()
    runs, calls = len(bench.runs), len(bench.calls)
    bench.advance(seconds=120)
    assert (len(bench.runs), len(bench.calls)) == (runs, calls)


@pytest.mark.parametrize("where", [{"account": "210987654321"}, {"region": "eu-west-1"}])
def test_calls_elsewhere_are_dropped_without_an_alarm(bench: Bench, where: JSON) -> None:
    runs = len(bench.runs)
    (api,) = bench.emulator.state.rest_apis
    for operation, params in (
        ("CreateDeployment", {"restApiId": api, "stageName": "prod"}),
        ("DeleteApiKey", {"apiKey": key_of(bench)}),
    ):
        event = cloudtrail.event_for(
            operation, params, {"id": "d1"}, None, 0.0, "us-east-1", "123456789012"
        )
        bench.account.deliver("default", event | where)
    bench.run()
    assert len(bench.runs) == runs
    assert [queue for queue in bench.account.queues.by_name.values() if queue.messages] == []


def test_a_changed_tag_has_its_effect_at_once(bench: Bench) -> None:
    api = bench.api({"/toys": {"get": None}}, mode=None)
    bench.run()
    assert bench.call(api, "prod", "GET", "/toys") == 200
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{api}"
    bench.gateway.tag_resource(resourceArn=arn, tags={"keyward": "enforce"})
    bench.run()
    assert bench.call(api, "prod", "GET", "/toys") == 403
    runs = len(bench.runs)
    bench.gateway.tag_resource(resourceArn=arn, tags={"team": "pets"})
    bench.run()
    assert len(bench.runs) == runs
    bench.gateway.untag_resource(resourceArn=arn, tagKeys=["keyward"])
    bench.run()
    assert [run.input["rest_api_id"] for run in runs_since(bench, runs)] == [api]


def test_a_persons_console_run_looks_at_api_gateway(bench: Bench) -> None:
    bench.account.emulator.on_event = None
    detach(bench)
    bench.account.executions.begin("reconcile_customer", "console", {"customer_id": "acme"})
    bench.run()
    assert status(bench) == 200


def test_a_stage_that_somebody_takes_out_of_a_plan_is_put_back(bench: Bench) -> None:
    (api,) = bench.emulator.state.rest_apis
    runs = len(bench.runs)
    taken = {"op": "remove", "path": "/apiStages", "value": f"{api}:prod"}
    bench.gateway.update_usage_plan(usagePlanId=plan(bench), patchOperations=[taken])
    assert status(bench) == 403
    bench.run()
    assert status(bench) == 200
    asked = [run.input.get("rest_api_id") for run in runs_since(bench, runs)]
    assert [one for one in asked if one] == [api]


def test_a_fight_is_broken_off_and_told_and_ends_when_the_other_stops(bench: Bench) -> None:
    key_id, free = key_of(bench), plan(bench)
    theirs: list[float] = []

    def undo(event: JSON) -> None:
        """Another automation, which keeps the key out of the plan."""
        deliver(event)
        detail = event["detail"]
        if detail["eventName"] == "CreateUsagePlanKey" and len(theirs) < 100:
            theirs.append(bench.clock.now())
            params = {"usagePlanId": free, "keyId": key_id}
            later = bench.account.scheduler.after
            later(30, lambda: bench.emulator.call("DeleteUsagePlanKey", params))

    deliver = bench.emulator.on_event
    assert deliver is not None
    bench.emulator.on_event = undo
    detach(bench)
    bench.advance(seconds=3000)
    assert len(theirs) == 5
    (event,) = [e for e in told(bench, "CustomerFailed") if e["error"] == "ChangedAgainError"]
    assert ADA in event["reason"]
    assert event["remedy"] == "keyward start --customer acme"
    found = [f["kind"] for f in bench.audit()["findings"] if f.get("customer_id") == "acme"]
    assert found == ["key_without_plan"]
    bench.emulator.on_event = deliver
    bench.advance(seconds=4000)
    run_by_hand(bench)
    bench.run()
    assert status(bench) == 200
    detach(bench)
    bench.run()
    assert status(bench) == 200


def test_limits_that_somebody_changed_are_as_the_policy_says_again(bench: Bench) -> None:
    limit = {"op": "replace", "path": "/throttle/rateLimit", "value": "9000"}
    bench.gateway.update_usage_plan(usagePlanId=plan(bench), patchOperations=[limit])
    bench.advance(seconds=30)
    assert bench.gateway.get_usage_plan(usagePlanId=plan(bench))["throttle"]["rateLimit"] == 5


def test_the_tag_that_somebody_takes_off_our_plan_comes_back_in_seconds(bench: Bench) -> None:
    arn = f"arn:aws:apigateway:us-east-1::/usageplans/{plan(bench)}"
    bench.gateway.untag_resource(resourceArn=arn, tagKeys=["keyward"])
    bench.advance(30)
    assert bench.gateway.get_tags(resourceArn=arn)["tags"] == {"keyward": "keyward"}
    [applied] = told(bench, "PolicyApplied")
    assert [change["field"] for change in applied["changes"]] == ["usage_plans.free.tag"]
    assert applied["caused_by"]["detail_type"] == "AWS API Call via CloudTrail"
    calls = len(bench.calls)
    bench.advance(60)
    assert len(bench.calls) == calls


def test_a_plan_without_its_tag_stays_ours_when_a_new_key_of_it_is_gone(bench: Bench) -> None:
    arn = f"arn:aws:apigateway:us-east-1::/usageplans/{plan(bench)}"

    def act() -> None:
        *_, newest = bench.gateway.get_api_keys()["items"]
        bench.gateway.untag_resource(resourceArn=arn, tagKeys=["keyward"])
        bench.gateway.delete_api_key(apiKey=newest["id"])

    before(bench, "CreateUsagePlanKey", act)
    bench.send("CustomerSignedUp", customer_id="late", plan="free")
    bench.run()
    assert bench.gateway.get_tags(resourceArn=arn)["tags"] == {"keyward": "keyward"}


def test_a_plan_that_somebody_deletes_comes_back_with_its_keys_and_stages(bench: Bench) -> None:
    (api,) = bench.emulator.state.rest_apis
    deleted = plan(bench)
    taken = {"op": "remove", "path": "/apiStages", "value": f"{api}:prod"}
    bench.gateway.update_usage_plan(usagePlanId=deleted, patchOperations=[taken])
    bench.gateway.delete_usage_plan(usagePlanId=deleted)
    bench.advance(seconds=120)
    assert plan(bench) != deleted
    assert {status(bench, customer_id) for customer_id in ("acme", "bolt")} == {200}
