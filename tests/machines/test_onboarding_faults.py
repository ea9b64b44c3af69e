"""A file of customers while something else goes wrong: it ends, and nothing happens twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from keyward.errors import PassingError
from keyward.runs import onboarding
from local.bench import Bench
from tests.machines.onboarding_lab import (
    KEY,
    figures,
    lambda_calls,
    put,
    record_of,
    result,
    seconds_of,
)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


def test_two_versions_put_twice_in_a_row_end_as_the_newer_says(bench: Bench) -> None:
    bench.upload(KEY, "customer_id,plan\nacme,free\nbeta,free\n")
    found = put(bench, "customer_id,plan\nacme,pro\n")
    assert figures(found) == (1, 0, 0, 1, 0)
    assert [item["customer_id"] for item in bench.tables["CustomersTable"].scan()["Items"]] == [
        "acme"
    ]


def test_a_file_deleted_before_it_was_read_leaves_nothing(bench: Bench) -> None:
    bucket = bench.stack.ref("ReportBucket")
    bench.upload(KEY, "customer_id,plan\nacme,free\n")
    bench.account.s3.delete_object(bucket, KEY)
    bench.run()
    assert (bucket, f"{KEY}.result.json") not in bench.account.s3.objects
    assert bench.account.queues.by_name["CustomersDlq"].messages == []


def test_a_file_deleted_while_it_is_worked_off_ends_with_a_word(bench: Bench) -> None:
    bench.upload(KEY, "customer_id,plan\nacme,free\n")
    bench.advance(seconds=2)
    bench.account.s3.delete_object(bench.stack.ref("ReportBucket"), KEY)
    bench.run()
    assert result(bench)["error"].startswith("file: must be in the bucket")
    assert result(bench)["finished_at"]


@pytest.mark.parametrize("size", [32 * 2**20 + 1])
def test_a_file_that_is_too_large_is_refused_before_it_is_read(bench: Bench, size: int) -> None:
    found = put(bench, "customer_id,plan\n" + "x" * size)
    assert found["error"].startswith("file: must have at most 33554432 bytes, got")
    assert (found["rows"], bench.tables["CustomersTable"].scan()["Items"]) == (0, [])


def test_a_step_that_dies_is_done_again_without_repeating_rows(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onboarding, "SAVE_SECONDS", 0)
    bench.fault("dynamodb", "PutItem", 4, "death_after")
    found = put(bench, "customer_id,plan\n" + "".join(f"cust-{n},free\n" for n in range(5)))
    assert figures(found) == (5, 0, 0, 5, 0)
    assert lambda_calls(bench) > 2


@pytest.mark.parametrize("client", ["dynamodb", "s3", "sqs", "ssm"])
@pytest.mark.parametrize("error", [500, "timeout_after", "death_after", "death_before"])
@pytest.mark.parametrize("call", [1, 2, 3])
def test_one_fault_of_any_client_changes_no_outcome(
    bench: Bench, client: str, error: str | int, call: int
) -> None:
    operations = {"dynamodb": "PutItem", "s3": "GetObject", "sqs": "SendMessage"}
    bench.fault(client, operations.get(client, "GetParameter"), call, error)
    found = put(bench, "customer_id,plan\nacme,free\nbeta,pro\ngamma,oops\n")
    assert (found["recorded"], len(found["refused"]), found["issued"]) == (2, 1, 2)
    assert len(bench.emulator.state.keys) == 2


def test_a_record_that_nobody_can_read_costs_its_own_row_only(bench: Bench) -> None:
    bench.put(customer_id="acme", plan="free", status="active", recorded="junk")
    found = put(bench, "customer_id,plan\nacme,pro\nbeta,pro\n")
    assert [(item["row"], item["customer_id"]) for item in found["refused"]] == [(2, "acme")]
    assert (found["recorded"], found["issued"], bool(found["finished_at"])) == (1, 1, True)


def test_a_row_whose_record_has_no_date_yet_is_recorded_later(bench: Bench) -> None:
    bench.fault("lambda", "StartCustomerReconcile", 1, "Lambda.ServiceException")
    bench.put(customer_id="acme", plan="free", status="active")
    bench.clock.advance(1)
    bench.upload(KEY, "customer_id,plan\nacme,pro\nbeta,pro\n")
    bench.run(until=bench.clock.now())
    assert result(bench)["again"] == [2]
    bench.run()
    assert figures(result(bench)) == (2, 0, 0, 2, 0)
    assert record_of(bench, "acme")["plan"] == "pro"


def test_a_row_that_could_not_be_recorded_for_hours_is_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def always_busy(*_: object) -> None:
        raise PassingError("the record keeps changing")

    monkeypatch.setattr(onboarding, "record", always_busy)
    found = put(bench, "customer_id,plan\nacme,pro\n")
    assert (found["refused"][0]["row"], found["again"]) == (2, [])
    assert 5 * 3600 < seconds_of(found) < 7 * 3600


def test_a_suspended_customer_without_a_key_is_not_waited_for(bench: Bench) -> None:
    bench.put(customer_id="acme", plan="free", status="suspended")
    bench.run()
    found = put(bench, "customer_id,plan\nacme,free\n")
    assert figures(found) == (0, 1, 0, 0, 1)
    assert found["failures"][0]["error"].startswith("customer_id: must be an active customer")
    assert seconds_of(found) < 60


def test_a_customer_without_a_key_is_looked_at_with_growing_distance(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onboarding, "FAILED", "an action that nobody takes")
    for _ in range(2):
        bench.gateway.create_usage_plan(name="free")
    found = put(bench, "customer_id,plan\nacme,free\n")
    assert (found["pending"], found["looks"]) == (1, onboarding.MAX_LOOKS)
    assert 5 * 3600 < seconds_of(found) < 7 * 3600


def test_two_steps_of_a_file_do_not_run_beside_each_other(bench: Bench) -> None:
    bench.upload(KEY, "customer_id,plan\nacme,free\n")
    lease = {"lease": f"onboarding#{KEY}", "owner": "another", "token": 1}
    bench.tables["LeasesTable"].put_item(Item=lease | {"expires_at": int(bench.clock.now()) + 60})
    bench.advance(seconds=30)
    assert bench.tables["CustomersTable"].scan()["Items"] == []
    bench.run()
    assert figures(result(bench)) == (1, 0, 0, 1, 0)


@pytest.mark.parametrize("seconds", [0, 2, 60])
def test_an_event_that_comes_twice_does_nothing_twice(bench: Bench, seconds: float) -> None:
    bench.upload(KEY, "customer_id,plan\nacme,free\nbeta,nope\n")
    bench.advance(seconds=seconds)
    bench.account._stored(bench.stack.ref("ReportBucket"), KEY)
    bench.run()
    assert figures(result(bench)) == (1, 0, 1, 1, 0)
    assert [event["detail-type"] for event in bench.announced] == ["KeyIssued"]


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidObjectState"])
def test_a_file_that_s3_does_not_hand_out_is_refused(bench: Bench, code: str) -> None:
    bench.fault("s3", "GetObject", 2, code)
    found = put(bench, "customer_id,plan\nacme,free\n")
    assert found["error"].startswith(f"file: must be readable, got GetObject: {code}")
    assert found["finished_at"]
