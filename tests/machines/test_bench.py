"""The bench as DESIGN section 6 has it: every member, AWS's limits, and faults of every client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from keyward.policy.parse import default_text
from keyward.values import JSON
from local.bench import PARAMETER, Bench
from local.lifetime.faults import CLIENTS
from tests.support import load_event

OPEN: JSON = {"/pets": {"get": None}}
DAY = 86_400


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


def types(bench: Bench) -> list[str]:
    return [event["detail-type"] for event in bench.announced]


def signed_up(bench: Bench, customer_id: str = "acme", plan: str = "free") -> None:
    bench.send("CustomerSignedUp", customer_id=customer_id, plan=plan)
    bench.run()


def test_an_event_becomes_a_key_that_opens_a_method_that_asks_for_one(bench: Bench) -> None:
    api = bench.api(OPEN, mode="enforce", stages=["prod"])
    assert bench.call(api, "prod", "GET", "/pets") == 200
    bench.run()
    signed_up(bench)
    assert bench.call(api, "prod", "GET", "/pets") == 403
    assert bench.call(api, "prod", "GET", "/pets", key=bench.value("acme")) == 200
    assert sorted(types(bench)) == ["ApiProtected", "KeyIssued"]


def test_a_record_becomes_a_key_and_its_plan_follows(bench: Bench) -> None:
    bench.put(customer_id="acme", plan="free", status="active")
    bench.run()
    bench.put(customer_id="acme", plan="pro", status="active")
    bench.run()
    assert types(bench) == ["KeyIssued", "PlanChanged"]


def test_a_removed_record_is_out_of_the_table(bench: Bench) -> None:
    bench.put(customer_id="acme", plan="free", status="active")
    bench.remove("acme")
    bench.run()
    assert bench.tables["CustomersTable"].scan()["Items"] == []


def test_a_deployment_is_heard_and_its_open_method_closed(bench: Bench) -> None:
    api = bench.api({"/pets": {"get": ["api_key"]}})
    bench.run()
    body = json.dumps({"openapi": "3.0.1", "info": {"title": "x", "version": "1"}, "paths": {}})
    bench.gateway.put_rest_api(restApiId=api, mode="merge", body=body.encode())
    bench.deploy(api, "prod")
    begun = len(bench.runs)
    bench.run()
    assert [run.machine for run in bench.runs[begun:]] == ["protect_api"]


def test_our_own_deployment_starts_no_run(bench: Bench) -> None:
    bench.api(OPEN)
    bench.run()
    assert [run.machine for run in bench.runs] == ["protect_api"]


def test_time_brings_due_work_and_the_audit(bench: Bench) -> None:
    signed_up(bench)
    bench.send("KeyRotationRequested", customer_id="acme", overlap_hours=1)
    bench.run()
    bench.advance(seconds=3 * DAY)
    assert types(bench) == ["KeyIssued", "KeyRotated", "KeyDisabled"]
    nights = [run for run in bench.runs if run.machine == "audit_account"]
    assert [run.status for run in nights] == ["SUCCEEDED"] * 3


def test_run_goes_on_to_a_time(bench: Bench) -> None:
    bench.run(until="2026-01-02T00:00:00Z")
    assert bench.clock.now() == bench.runs[0].started + (24 - 3) * 3600 - 17 * 60


def test_while_nothing_happens_no_call_is_made(bench: Bench) -> None:
    bench.run(until="2026-01-01T00:05:00Z")
    assert bench.calls == []


def test_the_audit_answers_with_findings_and_repairs_on_request(bench: Bench) -> None:
    bench.api(OPEN, mode="observe")
    assert [finding["kind"] for finding in bench.audit()["findings"]] == ["exposed_methods"]
    bench.audit(repair=True)
    assert any(run.machine == "audit_account" for run in bench.runs)


def test_a_changed_policy_holds(bench: Bench) -> None:
    signed_up(bench, plan="free")
    policy = json.loads(default_text())
    policy["usage_plans"]["gold"] = {"throttle": {"rateLimit": 7, "burstLimit": 14}}
    bench.put_policy(policy)
    bench.run()
    signed_up(bench, "zap", plan="gold")
    assert types(bench) == ["KeyIssued", "PolicyApplied", "KeyIssued"]


def test_a_policy_is_the_one_that_was_given() -> None:
    policy = {"usage_plans": {"only": {"throttle": {"rateLimit": 1, "burstLimit": 1}}}}
    with Bench(policy=policy) as bench:
        signed_up(bench, plan="only")
        assert [plan["name"] for plan in bench.gateway.get_usage_plans()["items"]] == ["only"]


def test_a_customers_own_value_comes_from_a_secret(bench: Bench) -> None:
    own = "AnOwnValueOfThirtyCharacters01"
    bench.secretsmanager.create_secret(Name="keyward/acme", SecretString=own)
    bench.put(customer_id="acme", plan="free", status="active", key_value_secret="keyward/acme")
    bench.run()
    assert bench.value("acme") == own


def test_an_upload_lies_in_the_bucket_of_the_stack(bench: Bench) -> None:
    bench.upload("adopt/customers.csv", "key_id,customer_id\n")
    assert list(bench.account.s3.objects.values()) == [b"key_id,customer_id\n"]


def test_changes_take_as_long_as_propagation_says() -> None:
    with Bench(propagation=80) as bench:
        api = bench.api({"/pets": {"get": ["api_key"]}})
        bench.run()
        signed_up(bench)
        value = bench.value("acme")
        assert bench.call(api, "prod", "GET", "/pets", key=value) == 403
        bench.advance(seconds=80)
        assert bench.call(api, "prod", "GET", "/pets", key=value) == 200


def test_quotas_are_those_of_the_account() -> None:
    with Bench(quotas=True) as bench:
        calls = [bench.gateway.get_rest_apis() for _ in range(40)]
        assert len(calls) == 40
        with pytest.raises(ClientError, match="TooManyRequestsException"):
            bench.gateway.get_rest_apis()
        bench.advance(seconds=60)
        begun = bench.clock.now()
        for number in range(19):
            bench.send("CustomerSignedUp", customer_id=f"customer-{number}", plan="free")
        bench.run()
        # CreateApiKey: at half the account's quota 2.5 a second.
        assert bench.clock.now() - begun >= 6
        assert types(bench).count("KeyIssued") == 19


def test_the_bench_is_there_again_as_if_it_had_never_been() -> None:
    calls = []
    for _ in range(2):
        with Bench() as bench:
            bench.api(OPEN)
            signed_up(bench)
            calls.append([(call["operation"], call["at"]) for call in bench.calls])
    assert calls[0] == calls[1]


# Where a fault of each client meets a sign-up: the operation, and an error that passes.
MET = [
    ("apigateway", "CreateApiKey", 503),
    ("dynamodb", "PutItem", "ThrottlingException"),
    ("ssm", "GetParameter", "timeout_before"),
    ("stepfunctions", "StartExecution", 500),
    ("lambda", "CreateKey", "Runtime.ExitError"),
    ("lambda", "CreateKey", "timeout_after"),
    ("apigateway", "CreateApiKey", "death_after"),
    ("dynamodb", "UpdateItem", "repeated"),
]


@pytest.mark.parametrize(("client", "operation", "error"), MET)
def test_a_fault_of_any_client_meets_the_call_that_it_is_ordered_for(
    bench: Bench, client: str, operation: str, error: str | int
) -> None:
    bench.fault(client, operation, 1, error)
    bench.send("CustomerSignedUp", customer_id="acme", plan="free")
    bench.run()
    bench.advance(seconds=DAY)
    assert len(bench.account.faults.met) == 1
    assert bench.value("acme")


def test_a_cleared_fault_meets_nothing(bench: Bench) -> None:
    bench.fault("apigateway", "CreateApiKey", 1, 500)
    bench.clear_faults()
    signed_up(bench)
    assert [run.retries for run in bench.runs] == [0]


def test_every_client_can_be_given_a_fault(bench: Bench) -> None:
    for client in CLIENTS:
        bench.fault(client, "Anything", 1, 500)
    with pytest.raises(ValueError, match="client: must be one of"):
        bench.fault("iam", "CreateRole", 1, 500)


def test_a_put_of_more_than_an_item_may_hold_is_refused(bench: Bench) -> None:
    with pytest.raises(Exception, match="ValidationException"):
        bench.put(customer_id="acme", plan="free", status="active", note="x" * 410_000)


def test_more_than_forty_reads_of_parameters_a_second_are_refused(bench: Bench) -> None:
    name, ssm = PARAMETER, bench.account.ssm
    bench.advance(seconds=2)
    for _ in range(40):
        ssm.get_parameter(name)
    with pytest.raises(Exception, match="ThrottlingException"):
        ssm.get_parameter(name)
    bench.advance(seconds=1)
    assert ssm.get_parameter(name)["Parameter"]["Version"] == 1


def test_a_state_carries_no_more_than_256_kib_and_no_catch_takes_that(bench: Bench) -> None:
    given = {"customer_id": "acme", "note": "x" * 262_144}
    run = bench.account.executions.begin("reconcile_customer", "large", given)
    bench.run()
    assert (run.status, run.error) == ("FAILED", "States.DataLimitExceeded")


def test_more_than_256_kib_of_events_are_refused(bench: Bench) -> None:
    events = bench.account.session().client("events")
    entry = {"Source": "x", "DetailType": "x", "Detail": json.dumps({"text": "x" * 262_144})}
    with pytest.raises(Exception, match="ValidationException"):
        events.put_events(Entries=[entry])


def test_a_write_that_meets_a_transaction_is_in_conflict(bench: Bench) -> None:
    tables = bench.account.tables
    place = {"customer_id": "acme", "record": "due"}
    tables.held.add(("KeysTable", ("acme", "due")))
    with pytest.raises(Exception, match="TransactionConflictException"):
        bench.tables["KeysTable"].put_item(Item=place)
    put = {"Put": {"TableName": "KeysTable", "Item": place}}
    with pytest.raises(Exception, match="TransactionCanceledException"):
        tables.transact_write_items([put])


def test_a_function_that_runs_too_long_is_stopped(bench: Bench) -> None:
    slept: list[str] = []

    def sleep(service: str, operation: str) -> None:
        if operation == "CreateApiKey" and not slept:
            slept.append(operation)
            bench.account.scheduler.sleep(100)

    bench.account.watch = sleep
    signed_up(bench)
    bench.advance(seconds=2 * 3600)
    assert slept
    assert bench.value("acme")


def test_a_stopped_run_is_over_and_its_end_is_heard(bench: Bench) -> None:
    bench.send("CustomerSignedUp", customer_id="acme", plan="free")
    bench.run(until=bench.clock.now() + 0.02)
    [run] = bench.runs
    bench.account.executions.stop_execution(run.arn)
    bench.run()
    assert run.status == "ABORTED"
    assert bench.account.invoked["PlanCustomer"] == 1


def test_records_of_queues_and_streams_have_the_shape_of_the_samples(bench: Bench) -> None:
    seen: dict[str, JSON] = {}
    begin = bench.account.invoke

    def heard(function: str, payload: JSON, then: Any) -> None:
        seen[function] = payload
        begin(function, payload, then)

    bench.account.queues._invoke = bench.account.streams._invoke = heard
    signed_up(bench)
    for function, sample in (
        ("RecordCustomer", "record-customer"),
        ("StartCustomerReconcile", "start-customer-reconcile"),
    ):
        [record], [wanted] = seen[function]["Records"], load_event(sample)["Records"]
        assert {*record} <= {*wanted}
        assert {*record} >= {*wanted} - {"md5OfBody", "eventSourceARN", "awsRegion", "eventVersion"}
