from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from keyward.apis.model import Hold
from keyward.audit.conclude import repairs_of
from keyward.aws.tables.outbox import record_name
from keyward.customers.key import CREATED, KeyRecord
from keyward.events.caller import Editor
from keyward.events.contracts import flag_of
from tests.support import Bench, audited, load_event, workbench


@pytest.fixture
def bench() -> Iterator[Bench]:
    with workbench() as made:
        yield made


def hold(bench: Bench, rest_api_id: str, **more: Any) -> None:
    event = {"detail_type": "ApiHeld", "detail": {"stage": "prod"}}
    made = Hold("prod", "0f1e2d3c4b5a6978", **more)
    bench.registry.apis.hold(rest_api_id, made, event, bench.clock.now())
    # As if it was announced.
    bench.registry.apis.forget(rest_api_id, [record_name("ApiHeld", "prod")])


def found(bench: Bench) -> list[tuple[str, str]]:
    told = audited(bench)["findings"]
    return [(item["kind"], item.get("customer_id") or item.get("rest_api_id")) for item in told]


def put(bench: Bench, customer_id: str, **more: Any) -> None:
    record = {"customer_id": customer_id, "plan": "free", "status": "active"} | more
    bench.tables["CustomersTable"].put_item(Item=record)


def issued(bench: Bench, customer_id: str, key_id: str | None = None) -> None:
    made = key_id or bench.client.create_api_key(name=f"{customer_id}/1", enabled=True)["id"]
    if key_id is None:
        into = bench.plans().plan_id("free")
        bench.client.create_usage_plan_key(usagePlanId=into, keyId=made, keyType="API_KEY")
    bench.save_key(KeyRecord(customer_id, 1, CREATED, key_id=made, plans=("free",)))


def api(bench: Bench, mode: str | None, *, key: bool = False) -> str:
    tags = {"tags": {"keyward": mode}} if mode else {}
    made: str = bench.client.create_rest_api(name="shop", **tags)["id"]
    root = bench.client.get_resources(restApiId=made)["items"][0]["id"]
    method = {"restApiId": made, "resourceId": root, "httpMethod": "GET"}
    bench.client.put_method(**method, authorizationType="NONE", apiKeyRequired=key)
    bench.client.put_integration(**method, type="MOCK")
    bench.client.create_deployment(restApiId=made, stageName="prod")
    return made


def open_to_keys(bench: Bench, rest_api_id: str) -> None:
    """Its team puts the stage into the plan by hand."""
    [plan] = [p["id"] for p in bench.client.get_usage_plans()["items"] if p["name"] == "free"]
    add = {"op": "add", "path": "/apiStages", "value": f"{rest_api_id}:prod"}
    bench.client.update_usage_plan(usagePlanId=plan, patchOperations=[add])


def test_an_account_in_order_has_no_findings(bench: Bench) -> None:
    put(bench, "acme")
    issued(bench, "acme")
    open_to_keys(bench, api(bench, "observe", key=True))
    api(bench, "off")
    told = audited(bench)
    assert told == {"findings": [], "exempt": [], "apis": 2, "customers": 1, "keys": 1}


def test_a_customer_without_a_key_is_found(bench: Bench) -> None:
    put(bench, "acme")
    assert found(bench) == [("customer_without_key", "acme")]


def test_records_that_nobody_can_act_on_are_found(bench: Bench) -> None:
    put(bench, "acme", plan="gold")
    put(bench, "other", status="asleep")
    assert sorted(found(bench)) == [("invalid_record", "other"), ("not_possible", "acme")]


def test_a_recorded_key_that_the_gateway_lost_is_found(bench: Bench) -> None:
    put(bench, "acme")
    issued(bench, "acme", key_id="nosuchkey0")
    assert found(bench) == [("key_gone", "acme")]


def test_a_key_of_nobody_is_found(bench: Bench) -> None:
    issued(bench, "acme")
    assert found(bench) == [("key_without_customer", "acme")]


def test_an_exposed_method_is_found_whatever_the_mode(bench: Bench) -> None:
    observed, enforced = api(bench, None), api(bench, "enforce")
    kinds = found(bench)
    assert ("exposed_methods", observed) in kinds
    assert ("exposed_methods", enforced) in kinds


def test_a_stage_that_lost_its_plans_is_found(bench: Bench) -> None:
    enforced = api(bench, "enforce", key=True)
    assert found(bench) == [("stage_without_plan", enforced)] * 2


def test_a_bad_mode_stops_no_other_api(bench: Bench) -> None:
    bad, enforced = api(bench, "on"), api(bench, "enforce")
    kinds = found(bench)
    assert ("unreadable", bad) in kinds
    assert ("exposed_methods", enforced) in kinds


def test_the_audit_changes_nothing_and_reads_little(bench: Bench) -> None:
    for _ in range(3):
        api(bench, "enforce")
    before = len(bench.operations())
    audited(bench)
    calls = bench.operations()[before:]
    assert all(operation.startswith("Get") for operation in calls)
    assert len(calls) <= 3 * (1 + 1) + 3


def test_one_run_is_started_for_each_that_can_be_mended(bench: Bench) -> None:
    put(bench, "acme")
    put(bench, "gold", plan="gold")
    enforced = api(bench, "enforce")
    repairs = repairs_of(audited(bench)["findings"], [], "nightly-1")
    asked = {"asked": {"by": "audit"}}
    assert [(repair["machine"], repair["task"]) for repair in repairs] == [
        ("protect-api", {"rest_api_id": enforced} | asked),
        ("reconcile-customer", {"customer_id": "acme", "look": True} | asked),
    ]


def test_the_samples_ask_for_an_audit_with_and_without_repair() -> None:
    assert load_event("audit") == {}
    assert flag_of(load_event("audit-repair"), "repair")


def test_customers_whose_ids_begin_alike_are_each_repaired(bench: Bench) -> None:
    for end in ("a", "b"):
        put(bench, "x" * 60 + end)
    found = audited(bench)["findings"]
    names = [repair["name"] for audit in "12" for repair in repairs_of(found, [], audit)]
    assert len(set(names)) == 4
    assert max(map(len, names)) <= 80


def findings_of(bench: Bench, kind: str) -> list[dict[str, Any]]:
    return [item for item in audited(bench)["findings"] if item["kind"] == kind]


def test_a_stage_that_is_held_is_found_with_the_last_editor(bench: Bench) -> None:
    enforced = api(bench, "enforce")
    hold(bench, enforced)
    bench.registry.apis.note_editor(enforced, Editor("ada", "PutMethod", "2026-11-23T10:00:00Z"))
    (found,) = findings_of(bench, "held")
    assert (found["rest_api_id"], found["stage"], found["severity"]) == (enforced, "prod", "high")
    assert "ada (PutMethod, 2026-11-23T10:00:00Z)" in found["says"]
    assert found["actions"][0]["fingerprint"] == "0f1e2d3c4b5a6978"
    assert "mended_by" not in found


def test_a_rejected_deployment_is_found_as_nothing_urgent(bench: Bench) -> None:
    hold(bench, api(bench, "enforce"), decision="rejected")
    (found,) = findings_of(bench, "held")
    assert found["severity"] == "low"
    assert "rejected" in found["says"]


def test_a_hold_that_is_over_is_ended_by_the_repair(bench: Bench) -> None:
    enforced = api(bench, "enforce", key=True)
    hold(bench, enforced)
    assert findings_of(bench, "held") == []
    (found,) = findings_of(bench, "hold_over")
    assert found["mended_by"] == "protect-api"


def test_an_api_that_is_only_observed_holds_nothing(bench: Bench) -> None:
    hold(bench, api(bench, "observe"))
    assert findings_of(bench, "held") == []
