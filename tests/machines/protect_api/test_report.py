"""What observe and warn tell: who would get a 403 on the day of enforce."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from keyward.apis.exposure import log_query
from keyward.aws.logs import AccessLogs
from keyward.customers.key import CREATED, KeyRecord
from keyward.errors import LogsUnreadableError
from keyward.runs import runtime
from keyward.values import JSON
from local.lifetime import services
from tests.apis.test_task_samples import shape
from tests.machines.api_lab import Lab
from tests.support import load_event

FORMAT = (
    '{"ip":"$context.identity.sourceIp","keyId":"$context.identity.apiKeyId",'
    '"verb":"$context.httpMethod","api":"$context.apiId","status":$context.status}'
)
GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:pet-shop-access"


class Logs:
    """Stands in for CloudWatch Logs: a query is complete after `rounds` looks."""

    def __init__(
        self, rows: list[tuple[str, int]], rounds: int = 1, ended: str = "Complete"
    ) -> None:
        self.rows = rows
        self.rounds = rounds
        self.ended = ended
        self.asked: list[JSON] = []

    def start_query(self, **asked: Any) -> JSON:
        self.asked.append(asked)
        return {"queryId": f"q{len(self.asked)}"}

    def get_query_results(self, queryId: str) -> JSON:
        self.rounds -= 1
        if self.rounds > 0:
            return {"status": "Running", "results": []}
        cells = [
            [{"field": "source", "value": ip}, {"field": "requests", "value": str(number)}]
            for ip, number in self.rows
        ]
        return {"status": self.ended, "results": cells}


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Logs]:
    def made(*rows: tuple[str, int], **more: Any) -> Logs:
        fake = Logs(list(rows), **more)
        monkeypatch.setattr(runtime, "access_logs", lambda: AccessLogs(fake))
        return fake

    return made


def logged(lab: Lab, api_id: str, format_: str = FORMAT, group: str = GROUP) -> None:
    """The team switches access logging on."""
    operations = [
        {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": group},
        {"op": "replace", "path": "/accessLogSettings/format", "value": format_},
    ]
    lab.client.update_stage(restApiId=api_id, stageName="prod", patchOperations=operations)


def customer(lab: Lab, customer_id: str, plan: str, status: str = "active") -> None:
    record = {"customer_id": customer_id, "plan": plan, "status": status}
    lab.bench.tables["CustomersTable"].put_item(Item=record)
    lease = lab.bench.registry.leases.acquire(f"customer#{customer_id}", "x", 0)
    assert lease is not None
    key = KeyRecord(customer_id, 1, CREATED, key_id=f"k-{customer_id}", plans=(plan,))
    lab.bench.registry.customers.save_keys([key], lease)
    lab.bench.registry.leases.release(lease)


def reported(lab: Lab, api_id: str) -> JSON:
    run = lab.run(api_id)
    assert run.status == "SUCCEEDED", run.cause
    (event,) = lab.events("ApiExposed")
    report: JSON = event["report"]
    return report


def test_it_lists_what_is_exposed_and_which_plans_would_be_attached(lab: Lab) -> None:
    report = reported(lab, lab.api(mode="observe"))
    assert report["exposed_methods"] == ["GET /pets"]
    assert report["plans_to_attach"] == ["free", "pro"]
    assert lab.plans_of(lab.events()[0]["rest_api_id"]) == []


def test_it_names_customers_whose_plan_does_not_cover_the_stage(lab: Lab) -> None:
    lab.policy(usage_plans={"free": {}, "inner": {"stages": ["dev"]}, "other": {"apis": ["no"]}})
    for name, plan in (("acme", "free"), ("beta", "inner"), ("gone", "other"), ("late", "unknown")):
        customer(lab, name, plan, "closed" if name == "gone" else "active")
    found = reported(lab, lab.api(mode="observe"))["customers_without_plan"]
    assert found["customers"] == 2
    assert [one["customer_id"] for one in found["listed"]] == ["beta", "late"]


def test_it_counts_callers_without_a_key_by_their_source(
    lab: Lab, logs: Callable[..., Logs]
) -> None:
    fake = logs(("192.0.2.1", 3), ("192.0.2.7", 12), rounds=3)
    api_id = lab.api(mode="observe")
    logged(lab, api_id)
    found = reported(lab, api_id)["callers_without_key"]
    assert (found["days"], found["sources"]) == (7, 2)
    assert found["most"][0] == {"source": "192.0.2.7", "requests": 12}
    (asked,) = fake.asked
    assert asked["logGroupName"] == "pet-shop-access"
    assert asked["endTime"] - asked["startTime"] == 7 * 24 * 3600
    assert f'api = "{api_id}"' in asked["queryString"]
    assert 'verb != "OPTIONS"' in asked["queryString"]


def test_a_query_that_takes_too_long_stops_no_announcement(
    lab: Lab, logs: Callable[..., Logs]
) -> None:
    logs(rounds=1000)
    api_id = lab.api(mode="observe")
    logged(lab, api_id)
    assert "in time" in reported(lab, api_id)["callers_without_key"]["not_known"]


@pytest.mark.parametrize("ended", ["Failed", "Cancelled", "Timeout"])
def test_a_query_that_fails_is_said(lab: Lab, logs: Callable[..., Logs], ended: str) -> None:
    logs(ended=ended)
    api_id = lab.api(mode="observe")
    logged(lab, api_id)
    assert ended in reported(lab, api_id)["callers_without_key"]["not_known"]


def test_a_log_group_that_is_not_there_is_said(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    client = services.Logs()
    monkeypatch.setattr(runtime, "access_logs", lambda: AccessLogs(client))
    api_id = lab.api(mode="observe")
    logged(lab, api_id)
    assert "pet-shop-access" in reported(lab, api_id)["callers_without_key"]["not_known"]


UNTOLD = {
    "off": ("", "", "access logging is off"),
    "Firehose": ("arn:aws:firehose:us-east-1:1:deliverystream/x", FORMAT, "CloudWatch Logs"),
    "no key id": (GROUP, '{"ip":"$context.identity.sourceIp"}', "apiKeyId"),
    "the value instead": (
        GROUP,
        '{"ip":"$context.identity.sourceIp","key":"$context.identity.apiKey"}',
        "never $context.identity.apiKey",
    ),
    "no JSON": (GROUP, "$context.identity.sourceIp $context.identity.apiKeyId", "Log JSON"),
}


@pytest.mark.parametrize("kind", UNTOLD)
def test_a_log_that_cannot_tell_says_what_is_needed(kind: str) -> None:
    destination, format_, words = UNTOLD[kind]
    with pytest.raises(LogsUnreadableError, match=words.replace("$", r"\$")):
        log_query(destination, format_, "a1b2c3", "prod")


def test_the_value_of_a_key_is_never_asked_for() -> None:
    both = FORMAT.replace("{", '{"secret":"$context.identity.apiKey",', 1)
    assert "secret" not in log_query(GROUP, both, "a1b2c3", "prod").query


def test_without_access_logging_the_rest_is_reported(lab: Lab) -> None:
    report = reported(lab, lab.api(mode="observe"))
    assert "access logging is off" in report["callers_without_key"]["not_known"]


@pytest.mark.parametrize("fault", ["throttle", "500", "503", "timeout_before", "timeout_after"])
@pytest.mark.parametrize("operation", ["GetRestApi", "GetStages", "GetDeployment", "GetUsagePlans"])
def test_a_single_fault_changes_nothing(lab: Lab, operation: str, fault: str) -> None:
    api_id = lab.api(mode="observe")
    lab.bench.emulator.order_faults([{"operation": operation, "call": 1, "fault": fault}])
    assert reported(lab, api_id)["exposed_methods"] == ["GET /pets"]


def test_the_report_costs_no_call_of_api_gateway(lab: Lab, logs: Callable[..., Logs]) -> None:
    logs(("192.0.2.1", 3))
    api_id = lab.api(mode="observe")
    logged(lab, api_id)
    lab.forget()
    reported(lab, api_id)
    assert (len(lab.calls()[0]), lab.calls()[1]) == (4, [])


def test_it_is_told_once_and_asked_once(lab: Lab, logs: Callable[..., Logs]) -> None:
    fake = logs(("192.0.2.1", 3))
    api_id = lab.api(mode="observe")
    logged(lab, api_id)
    reported(lab, api_id)
    lab.run(api_id)
    assert lab.event_types() == ["ApiExposed"]
    assert len(fake.asked) == 1


def test_the_sample_has_the_shape_of_what_the_machine_sends(lab: Lab) -> None:
    api_id = lab.api(mode="observe")
    with lab.machine.recorded("ReportExposure") as sent:
        lab.run(api_id)
    assert shape(load_event("report-exposure")) == shape(sent[0])
