"""The nightly audit and its troubles: one bad thing is one finding, what passes only delays it."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.audit import read
from keyward.audit.pace import TRIES
from keyward.audit.work import PAUSE_SECONDS
from keyward.errors import ServiceUnavailableError
from keyward.values import JSON
from local.lifetime.scheduler import Died
from tests.machines.audit_lab import AuditLab

CLOSED: JSON = {"/pets": {"get": ["api_key"]}}


def put(account: AuditLab, customer_id: str, **more: Any) -> None:
    record = {"customer_id": customer_id, "plan": "free", "status": "active"} | more
    account.lab.bench.tables["CustomersTable"].put_item(Item=record)


def test_an_api_that_cannot_be_read_stops_no_other(account: AuditLab) -> None:
    bad, good = account.lab.api(mode="on"), account.lab.api(mode="observe")
    found = {(item["kind"], item["rest_api_id"]) for item in account.findings()}
    assert found == {("unreadable", bad), ("exposed_methods", good)}


def fault(account: AuditLab, operation: str, *calls: int, kind: str = "throttle") -> None:
    faults = [{"operation": operation, "call": call, "fault": kind} for call in calls]
    account.lab.bench.emulator.order_faults(faults)


@pytest.mark.parametrize("kind", ["throttle", "500", "timeout_before"])
def test_what_is_refused_for_a_moment_is_read_after_a_pause(account: AuditLab, kind: str) -> None:
    account.lab.api(mode="observe")
    fault(account, "GetStages", 1, 2, kind=kind)
    began = account.lab.bench.clock.now()
    assert account.kinds() == ["exposed_methods"]
    assert account.lab.bench.clock.now() - began >= 2 * PAUSE_SECONDS


def test_what_stays_refused_is_a_finding(account: AuditLab) -> None:
    first, second = account.lab.api(mode="observe"), account.lab.api(mode="observe")
    fault(account, "GetStages", *range(1, TRIES + 1))
    found = {(item["kind"], item["rest_api_id"]) for item in account.findings()}
    assert len(found) == 2
    assert {kind for kind, _ in found} == {"unreadable", "exposed_methods"}
    assert {api for _, api in found} == {first, second}


def test_keys_that_cannot_be_read_are_a_finding_and_stop_nothing(account: AuditLab) -> None:
    account.lab.api(mode="observe")
    fault(account, "GetApiKeys", *range(1, TRIES + 1))
    assert account.kinds() == ["exposed_methods", "unreadable"]


@pytest.mark.parametrize("error", [RuntimeError, KeyError, TypeError, ZeroDivisionError])
def test_an_error_that_nobody_foresaw_is_one_finding(
    account: AuditLab, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    apis = [account.lab.api(CLOSED, mode="observe") for _ in range(3)]
    real = read.read_api

    def broken(gateway: Any, api: JSON, *rest: Any) -> Any:
        if api["id"] == apis[1]:
            raise error("a key value might be quoted here")
        return real(gateway, api, *rest)

    monkeypatch.setattr(read, "read_api", broken)
    (found,) = [item for item in account.findings() if item["kind"] == "unreadable"]
    assert found["rest_api_id"] == apis[1]
    assert "quoted" not in found["says"]


def test_a_process_that_dies_over_an_api_is_one_finding_and_all_else_is_read_once(
    account: AuditLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    apis = [account.lab.api(CLOSED, mode="observe") for _ in range(3)]
    real = read.read_api

    def deadly(gateway: Any, api: JSON, *rest: Any) -> Any:
        if api["id"] == apis[1]:
            raise Died
        return real(gateway, api, *rest)

    monkeypatch.setattr(read, "read_api", deadly)
    account.lab.forget()
    (found,) = [item for item in account.findings() if item["kind"] == "unreadable"]
    assert found["rest_api_id"] == apis[1]
    assert "the function broke down here" in found["says"]
    operations = account.lab.bench.operations()
    assert (operations.count("GetApiKeys"), operations.count("GetStages")) == (1, 2)


SERVICES = ("s3", "dynamodb", "ssm")


@pytest.mark.parametrize("service", SERVICES)
def test_an_error_of_a_service_that_passes_delays_the_audit_and_fails_nothing(
    account: AuditLab, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    put(account, "acme")
    registry = account.lab.bench.registry
    where, name = {
        "s3": (type(account.audits), "save"),
        "dynamodb": (type(registry.customers), "load_all"),
        "ssm": (type(registry.policies), "current"),
    }[service]
    real, left = getattr(where, name), [1]

    def once(self: Any, *given: Any) -> Any:
        if left:
            left.pop()
            raise ServiceUnavailableError(f"{service}: SlowDown")
        return real(self, *given)

    monkeypatch.setattr(where, name, once)
    execution = account.run(repair=True)
    assert (execution.status, execution.retries) == ("SUCCEEDED", 1)
    assert execution.output["findings"] == {"customer_without_key": 1}
    assert execution.output["started"] == 1
