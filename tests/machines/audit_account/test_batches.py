"""The nightly audit mends one thing after the other: what fails stops nothing else."""

from __future__ import annotations

from typing import Any

import pytest

import repair
from keyward.values import JSON
from tests.machines.audit_lab import AuditLab

ACTIVE = {"plan": "free", "status": "active"}


def breaks(patch: pytest.MonkeyPatch, *names: str) -> None:
    """Whatever is done for these customers fails, however often it is tried."""
    real = repair.Mender.mend

    def broken(self: repair.Mender, item: JSON) -> Any:
        about = item.get("task") or item["adoption"]
        if about["customer_id"] in names:
            raise RuntimeError("cannot be done")
        return real(self, item)

    patch.setattr(repair.Mender, "mend", broken)


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


def test_a_repair_that_fails_stops_no_other_and_not_the_report(
    account: AuditLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(25):
        put(account, f"customer-{number:02d}")
    breaks(monkeypatch, "customer-03", "customer-17")
    execution = account.run(repair=True)
    assert len(account.lab.bench.bus.started) == 23
    assert asked_for_the_report(account)
    assert (execution.status, execution.error) == ("FAILED", "RepairsFailedError")
    assert "2 could not be started or adopted; started 23 runs" in execution.cause


def test_adoptions_that_fail_stop_no_other_adoption_and_no_repair(
    account: AuditLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_keys(account, "ant", "bee", "cat")
    put(account, "ant")
    put(account, "new")
    breaks(monkeypatch, "ant")
    execution = account.run(repair=True, adopt=True)
    started = [task["customer_id"] for _, _, task in account.lab.bench.bus.started]
    assert "new" in started
    assert "ant" not in started, "its key is there and is adopted by the next audit"
    assert asked_for_the_report(account)
    assert execution.error == "RepairsFailedError"
    assert "1 could not be started or adopted" in execution.cause
    assert "adopted 2 keys" in execution.cause


def test_what_failed_is_done_by_the_next_audit(
    account: AuditLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_keys(account, "ant")
    with monkeypatch.context() as patch:
        breaks(patch, "ant")
        assert account.run(repair=True, adopt=True).status == "FAILED"
    execution = account.run(repair=True, adopt=True)
    assert (execution.status, execution.output["adopted"]) == ("SUCCEEDED", 1)
