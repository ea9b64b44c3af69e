"""The functions behind the report, on the bench's services and the emulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

import write_report
from emulator.model import Usage
from keyward.aws.bucket import Audits, Reports
from keyward.customers.key import CREATED, KeyRecord
from keyward.errors import ServiceRefusedError
from keyward.events.contracts import announcement
from keyward.runs import runtime
from keyward.runs.ledger import failed_line
from keyward.values import JSON, iso
from local.lifetime.services import S3, refusal
from tests.support import Bench, load_event, workbench

PLACE = "account 123456789012, us-east-1"
BUCKET = "reports"
QUEUES = {f"{name}_URL": f"the-{name}" for name in write_report.DEAD_LETTERS}


@dataclass
class Lab:
    """A bench with the report's function on it; `rested` is how long it waited."""

    bench: Bench
    s3: S3
    rested: list[float] = field(default_factory=list)

    def rest(self, seconds: float) -> None:
        self.rested.append(seconds)
        self.bench.clock.advance(seconds)

    def write(self, **asked: Any) -> JSON:
        """The report as data, through the handler."""
        told = write_report.handler(load_event("write-report") | asked, None)
        assert told["bucket"] == BUCKET
        return dict(json.loads(self.read(told["data"])))

    def read(self, name: str) -> str:
        return str(self.s3.get_object(Bucket=BUCKET, Key=name)["Body"].read().decode())

    def api(self, mode: str, stages: int = 1, *, key: bool = False, methods: int = 1) -> str:
        client = self.bench.client
        made: str = client.create_rest_api(name="shop", tags={"keyward": mode})["id"]
        root = client.get_resources(restApiId=made)["items"][0]["id"]
        for number in range(methods):
            path = client.create_resource(restApiId=made, parentId=root, pathPart=f"p{number}")
            where = {"restApiId": made, "resourceId": path["id"]}
            for verb, asks in (("GET", key), ("OPTIONS", False)):
                client.put_method(
                    **where, httpMethod=verb, authorizationType="NONE", apiKeyRequired=asks
                )
                client.put_integration(**where, httpMethod=verb, type="MOCK")
        for number in range(stages):
            client.create_deployment(restApiId=made, stageName=f"s{number}")
        return made

    def customer(self, customer_id: str, plan_id: str, used: int = 0, **more: Any) -> str:
        """A customer with a key in the plan `free`, that was called today."""
        bench = self.bench
        record = {"customer_id": customer_id, "plan": "free", "status": "active"} | more
        bench.tables["CustomersTable"].put_item(Item=record)
        key: str = bench.client.create_api_key(name=f"{customer_id}/1", enabled=True)["id"]
        bench.client.create_usage_plan_key(usagePlanId=plan_id, keyId=key, keyType="API_KEY")
        bench.save_key(KeyRecord(customer_id, 1, CREATED, key_id=key, plans=("free",)))
        day = iso(bench.clock.now())[:10]
        bench.emulator.state.usage[(plan_id, key)] = Usage(used={day: used})
        return key

    def plan(self, name: str = "free") -> str:
        made = self.bench.client.create_usage_plan(
            name=name,
            throttle={"rateLimit": 5, "burstLimit": 10},
            quota={"limit": 1000, "period": "DAY"},
        )
        return str(made["id"])


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    with workbench() as bench:
        s3 = S3(bench.clock, lambda bucket, key: None)
        made = Lab(bench, s3)
        for name, value in (QUEUES | {"DEFAULT_MODE": "observe", "REPORT_PLACE": PLACE}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(runtime, "now", bench.clock.now)
        monkeypatch.setattr(runtime, "patient_gateway", lambda: bench.gateway)
        monkeypatch.setattr(runtime, "_registry", lambda: bench.registry)
        monkeypatch.setattr(runtime, "_bus", lambda: bench.bus)
        monkeypatch.setattr(runtime, "reports", lambda: Reports(s3, BUCKET))
        monkeypatch.setattr(runtime, "audits", lambda: Audits(s3, BUCKET))
        monkeypatch.setattr(runtime, "pause", made.rest)
        yield made


def test_an_empty_account_has_a_report(lab: Lab) -> None:
    told = lab.write()
    assert (told["apis"], told["waiting"], told["keys"]) == ([], [], 0)
    assert told["place"] == PLACE
    assert "The account has no REST API" in lab.read("report.html")


def test_the_report_tells_what_is_live_exempt_open_and_who_uses_how_much(lab: Lab) -> None:
    closed, opened = lab.api("enforce", key=True), lab.api("observe", stages=2)
    key = lab.customer("acme", lab.plan(), used=810)
    told = lab.write()
    by_id = {api["rest_api_id"]: api for api in told["apis"]}
    (stage,) = by_id[closed]["stages"]
    assert (stage["key"], stage["exposed"]) == (1, [])
    assert stage["exempt"] == [{"exemption": 0, "methods": ["OPTIONS /p0"]}]
    assert [len(stage["exposed"]) for stage in by_id[opened]["stages"]] == [1, 1]
    assert told["exemptions"][0]["methods"] == 3
    free = next(plan for plan in told["plans"] if plan["plan"] == "free")
    assert free["keys"] == {"enabled": 1}
    (usage,) = told["usage"]
    assert usage["customers"][0] | {"used": usage["customers"][0]["used"][-1]} == {
        "customer_id": "acme",
        "used": 810,
        "share": 0.81,
    }
    assert key not in lab.read("report.html"), "a customer is told, not the id of the key"
    assert opened in lab.read("report.html")


def test_no_key_value_is_in_the_report(lab: Lab) -> None:
    plan = lab.plan()
    for number in range(3):
        lab.customer(f"customer-{number}", plan, used=5)
    keys = lab.bench.client.get_api_keys(includeValues=True)["items"]
    lab.write()
    text = lab.read("report.html") + lab.read("report.json")
    assert len(keys) == 3
    assert [key["name"] for key in keys if key["value"] in text] == []


@pytest.mark.parametrize(("apis", "stages", "methods"), [(1, 1, 1), (3, 2, 5), (4, 3, 1)])
def test_reading_costs_what_is_stated_whatever_the_number_of_methods(
    lab: Lab, apis: int, stages: int, methods: int
) -> None:
    for _ in range(apis):
        lab.api("enforce", stages, methods=methods)
    lab.api("off", 2)
    for name in ("free", "pro"):
        lab.plan(name)
    lab.bench.emulator.ledger.clear()
    lab.write()
    calls = lab.bench.operations()
    assert all(operation.startswith("Get") for operation in calls)
    assert len(calls) == apis * (stages + 1) + 2 + 2 + 3
    assert calls.count("GetUsage") == 2


def test_a_reading_by_hand_leaves_half_of_the_accounts_quota_to_others(lab: Lab) -> None:
    for _ in range(20):
        lab.api("enforce", 2)
    lab.bench.emulator.ledger.clear()
    lab.write()
    calls = len(lab.bench.operations())
    assert (calls - 20) / 5 - 1 <= sum(lab.rested) <= calls / 5


def test_usage_of_many_keys_is_one_paged_call_a_plan(lab: Lab) -> None:
    plan = lab.plan()
    keys = [lab.bench.client.create_api_key(name=f"k{n}", enabled=True)["id"] for n in range(501)]
    for key in keys:
        lab.bench.client.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
        lab.bench.emulator.state.usage[(plan, key)] = Usage(used={"2026-11-20": 1})
    lab.bench.emulator.ledger.clear()
    rows = lab.bench.gateway.usage(plan, "2026-11-19", "2026-11-20")
    assert {key: [day.used for day in days] for key, days in rows.items()} == {
        key: [0, 1] for key in keys
    }
    assert lab.bench.operations() == ["GetUsage", "GetUsage"]


def test_when_time_runs_out_the_rest_is_said_to_be_missing(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_report, "READ_SECONDS", 0)
    for _ in range(30):
        lab.api("enforce")
    told = lab.write()
    assert told["unread"] > 0
    assert len(told["apis"]) + told["unread"] == 30


def test_a_plan_that_cannot_be_read_stops_nothing_else(lab: Lab) -> None:
    lab.plan()
    lab.plan()
    lab.api("enforce", key=True)
    told = lab.write()
    assert "DuplicatePlanError" in told["usage"][0]["problem"]
    assert "DuplicatePlanError" in told["apis"][0]["problem"]


def test_holds_failures_dead_letters_and_a_bad_policy_wait_for_a_person(lab: Lab) -> None:
    lab.bench.tables["ApisTable"].put_item(
        Item={
            "rest_api_id": "a1b2c3",
            "record": "hold#prod",
            "stage": "prod",
            "fingerprint": "0" * 16,
            "decision": "pending",
            "kind": "deployment",
            "held_at": 1,
        }
    )
    lab.bench.bus.send("the-CUSTOMERS_DLQ", "{}", reason="x")
    lab.bench.ssm.put_parameter(Name="policy", Value="{}", Overwrite=True)
    lab.bench.clock.advance(10)
    failed = announcement("CustomerFailed", customer_id="gold", reason="no")
    line = failed_line("customer#gold", lab.bench.clock.now(), None, failed)
    lab.bench.registry.ledger.append([line])
    kinds = [item["kind"] for item in lab.write()["waiting"]]
    assert kinds[0] == "held"
    assert {"held", "failed", "dead_letters", "policy_refused"} <= set(kinds)


def test_a_customer_with_an_evil_name_is_harmless(lab: Lab) -> None:
    evil = "<script>alert(1)</script>"
    lab.bench.tables["CustomersTable"].put_item(
        Item={"customer_id": evil, "plan": evil, "status": "active"}
    )
    (told,) = lab.write()["waiting"]
    assert (told["kind"], told["customer_id"]) == ("invalid_record", evil)
    assert evil not in lab.read("report.html")


def test_a_bucket_that_refuses_fails_the_run_so_that_the_queue_tries_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(**_: Any) -> None:
        raise refusal("PutObject", "NoSuchBucket")

    monkeypatch.setattr(lab.s3, "put_object", refused)
    with pytest.raises(ServiceRefusedError, match="NoSuchBucket"):
        lab.write()
