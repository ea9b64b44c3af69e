"""The nightly audit mends in batches: one that fails to the end stops none of the others."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.audit import parts
from tests.machines.audit_lab import AuditLab

JSON = dict[str, Any]
ACTIVE = {"plan": "free", "status": "active"}

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")


def breaks(account: AuditLab, patch: pytest.MonkeyPatch, function: str, batch: int) -> None:
    """A function fails for one batch, however often it is tried."""
    real = account.machine.functions[function]

    def broken(task: JSON, context: object) -> Any:
        if task["batch"] == batch:
            raise RuntimeError("cannot be done")
        return real(task, context)

    patch.setitem(account.machine.functions, function, broken)


def put(account: AuditLab, customer_id: str) -> None:
    table = account.lab.bench.tables["CustomersTable"]
    table.put_item(Item={"customer_id": customer_id} | ACTIVE)


def old_keys(account: AuditLab, *customer_ids: str) -> None:
    """Customers' keys that somebody made by hand, in plan free."""
    life = account.life
    life.known_plans("free")
    (plan,) = life.client.get_usage_plans()["items"]
    for name in customer_ids:
        key = life.client.create_api_key(name=name, customerId=name, enabled=True)["id"]
        life.client.create_usage_plan_key(usagePlanId=plan["id"], keyId=key, keyType="API_KEY")


def asked_for_the_report(account: AuditLab) -> bool:
    return [url for url, _, _ in account.lab.bench.bus.sent] == ["${ReportQueueUrl}"]


def test_a_batch_of_repairs_that_fails_stops_no_other_and_not_the_report(
    account: AuditLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(25):
        put(account, f"customer-{number:02d}")
    breaks(account, monkeypatch, "StartRepairs", 1)
    execution = account.run(repair=True)
    assert len(account.lab.bench.bus.started) == 15
    assert asked_for_the_report(account)
    assert (execution.status, execution.error) == ("FAILED", "BatchesFailedError")
    assert "batches that failed: 1 of 3; started 15 runs" in execution.cause


def test_adoptions_that_fail_stop_no_other_adoption_and_no_repair(
    account: AuditLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "ADOPTIONS_A_BATCH", 1)
    old_keys(account, "ant", "bee", "cat")
    put(account, "ant")
    put(account, "new")
    breaks(account, monkeypatch, "AdoptKeys", 1)
    execution = account.run(repair=True, adopt=True)
    started = [task["customer_id"] for _, _, task in account.lab.bench.bus.started]
    assert "new" in started
    assert "ant" not in started, "its key is there and is adopted by the next audit"
    assert asked_for_the_report(account)
    assert execution.error == "BatchesFailedError"
    assert "batches that failed: 1 of 4" in execution.cause
    assert "adopted 2 keys" in execution.cause


def test_failures_of_both_kinds_are_added_up(
    account: AuditLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_keys(account, "ant")
    put(account, "new")
    for function in ("AdoptKeys", "StartRepairs"):
        breaks(account, monkeypatch, function, 1)
    execution = account.run(repair=True, adopt=True)
    assert "batches that failed: 2 of 2; started 0 runs and adopted 0 keys" in execution.cause
    assert asked_for_the_report(account)


def test_what_failed_is_done_by_the_next_audit(
    account: AuditLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_keys(account, "ant")
    with monkeypatch.context() as patch:
        breaks(account, patch, "AdoptKeys", 1)
        assert account.run(repair=True, adopt=True).status == "FAILED"
    execution = account.run(repair=True, adopt=True)
    assert (execution.status, execution.output["adopted"]) == ("SUCCEEDED", 1)
