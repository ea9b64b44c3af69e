"""What others do to keys, memberships and tags is reconciled at once, for just that customer or
API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emulator import cloudtrail
from local.bench import Bench
from local.lifetime.executions import Execution

JSON = dict[str, Any]
CLOSED: JSON = {"/pets": {"get": ["api_key"]}}
ADA = "arn:aws:iam::123456789012:user/developer"


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Customers with a key each, and a stage that it opens."""
    with Bench() as made:
        made.api(CLOSED)
        for customer_id in ("acme", "bolt"):
            made.send("CustomerSignedUp", customer_id=customer_id, plan="free")
        made.run()
        made.advance(seconds=60)
        yield made


def key_of(bench: Bench, customer_id: str = "acme") -> str:
    names = {key["name"]: key["id"] for key in bench.gateway.get_api_keys()["items"]}
    return str(max((name, id_) for name, id_ in names.items() if name.startswith(customer_id))[1])


def plan(bench: Bench, name: str = "free") -> str:
    plans = bench.gateway.get_usage_plans()["items"]
    return str(next(plan["id"] for plan in plans if plan["name"] == name))


def status(bench: Bench, customer_id: str = "acme") -> int:
    (api,) = bench.emulator.state.rest_apis
    return bench.call(api, "prod", "GET", "/pets", key=bench.value(customer_id))


def made_by(bench: Bench, before: int, caller: str | None = None) -> list[str]:
    """The calls since, of others than `caller`."""
    return [call["operation"] for call in bench.calls[before:] if call.get("caller") != caller]


def runs_since(bench: Bench, before: int) -> list[Execution]:
    return bench.runs[before:]


def detach(bench: Bench) -> None:
    bench.gateway.delete_usage_plan_key(usagePlanId=plan(bench), keyId=key_of(bench))


def move(bench: Bench) -> None:
    bench.gateway.delete_usage_plan_key(usagePlanId=plan(bench), keyId=key_of(bench))
    bench.gateway.create_usage_plan_key(
        usagePlanId=plan(bench, "pro"), keyId=key_of(bench), keyType="API_KEY"
    )


def delete(bench: Bench) -> None:
    bench.gateway.delete_api_key(apiKey=key_of(bench))


def switch(bench: Bench, on: bool = False, customer_id: str = "acme") -> None:
    change = {"op": "replace", "path": "/enabled", "value": str(on).lower()}
    bench.gateway.update_api_key(apiKey=key_of(bench, customer_id), patchOperations=[change])


@pytest.mark.parametrize("change", [detach, move, delete], ids=["detach", "move", "delete"])
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
    assert {line["action"] for line in mine} == {"correct_record", "move_key"}
    for line in mine:
        assert line["asked"]["who"].startswith(f"{ADA} (DeleteUsagePlanKey at 2026-01-01T")
        assert {"event_id", "detail_type", "source"} <= {*line["asked"]}


def test_a_storm_of_edits_is_one_run(bench: Bench) -> None:
    runs, calls = len(bench.runs), len(bench.calls)
    for number in range(1000):
        change = {"op": "replace", "path": "/description", "value": str(number)}
        bench.gateway.update_api_key(apiKey=key_of_cached(bench), patchOperations=[change])
    bench.run()
    assert len(runs_since(bench, runs)) == 1
    assert len(bench.calls) - calls <= 1000 + 3


def key_of_cached(bench: Bench) -> str:
    keys = bench.emulator.state.keys.values()
    return next(key.id for key in keys if key.settings["name"] == "acme/1")


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


def told(bench: Bench, detail_type: str) -> list[JSON]:
    return [event["detail"] for event in bench.announced if event["detail-type"] == detail_type]


def test_a_key_that_a_person_disabled_stays_so_and_is_told_once(bench: Bench) -> None:
    switch(bench, on=False)
    bench.run()
    bench.audit(repair=True)
    bench.advance(seconds=2 * 86_400)
    assert status(bench) == 403
    (event,) = told(bench, "KeyDisabled")
    assert event["by_hand"] is True
    assert ADA in event["reason"]
    assert event["caused_by"]["source"] == "aws.apigateway"
    (finding,) = [f for f in bench.audit()["findings"] if f["kind"] == "key_disabled"]
    assert (finding["severity"], finding["customer_id"]) == ("high", "acme")
    assert finding["remedy"] == event["remedy"]
    assert "CustomerResumed" in event["remedy"]


def resumed(bench: Bench) -> None:
    bench.send("CustomerResumed", customer_id="acme")


def run_by_hand(bench: Bench) -> None:
    bench.account.executions.begin("reconcile_customer", "console", {"customer_id": "acme"})


def suspended_and_undone(bench: Bench) -> None:
    bench.send("CustomerSuspended", customer_id="acme")
    bench.advance(seconds=60)
    bench.send("UndoRequested", customer_id="acme")


@pytest.mark.parametrize("change", [resumed, run_by_hand, suspended_and_undone])
def test_a_person_lets_a_key_work_again_that_somebody_disabled(bench: Bench, change: Any) -> None:
    switch(bench, on=False)
    bench.run()
    bench.advance(seconds=60)
    change(bench)
    bench.run()
    assert status(bench) == 200
    assert [f for f in bench.audit()["findings"] if f["kind"] == "key_disabled"] == []


@pytest.mark.parametrize(
    "event",
    [
        {"detail_type": "CustomerPlanChanged", "plan": "pro"},
        {"detail_type": "CustomerPlanChanged", "plan": "pro", "key": "successor"},
        {"detail_type": "PaymentSucceeded"},
        {"detail_type": "CustomerExpiryChanged", "expires_at": "never"},
    ],
)
def test_no_other_event_lets_it_work_again(bench: Bench, event: JSON) -> None:
    switch(bench, on=False)
    bench.run()
    bench.send(**{"customer_id": "acme"} | event)
    bench.advance(seconds=3600)
    keys = [key for key in bench.emulator.state.keys.values() if "acme/" in key.settings["name"]]
    assert [key.enabled for key in keys] == [False]


def test_a_key_that_the_audit_finds_disabled_is_told_and_left(bench: Bench) -> None:
    bench.account.emulator.on_event = None
    switch(bench, on=False)
    bench.audit(repair=True)
    assert status(bench) == 403
    assert len(told(bench, "KeyDisabled")) == 1


def test_a_key_that_a_person_enabled_again_is_as_recorded(bench: Bench) -> None:
    switch(bench, on=False)
    bench.run()
    switch(bench, on=True)
    bench.run()
    assert status(bench) == 200
    assert [f for f in bench.audit()["findings"] if f["kind"].startswith("key_")] == []


def test_a_suspended_customers_key_that_somebody_enables_is_disabled(bench: Bench) -> None:
    bench.send("CustomerSuspended", customer_id="acme")
    bench.run()
    switch(bench, on=True)
    bench.run()
    assert status(bench) == 403
