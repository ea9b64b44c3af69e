"""A CSV of new customers in the bucket: keys, a result, and nothing twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from keyward.events.key_value import new_value
from keyward.runs import runtime
from keyward.values import JSON, iso
from local.bench import Bench
from tests.machines.onboarding_lab import (
    KEY,
    csv_of,
    figures,
    lambda_calls,
    put,
    record_of,
    result,
)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


def test_each_row_becomes_a_customer_with_a_key(bench: Bench) -> None:
    text = "customer_id,plan,name,expires_at,tag:team\nacme,free,Acme,never,a\nbeta,pro,,,\n"
    found = put(bench, text)
    assert figures(found) == (2, 0, 0, 2, 0)
    assert found["finished_at"]
    assert [event["detail-type"] for event in bench.announced] == ["KeyIssued"] * 2
    acme = record_of(bench, "acme")
    assert (acme["plan"], acme["name"], acme["tags"]) == ("free", "Acme", {"team": "a"})
    assert acme["expires_at"] == "never"
    assert {"name", "tags", "expires_at"} & set(record_of(bench, "beta")) == set()


def test_a_row_says_what_the_same_sign_up_by_event_says(bench: Bench) -> None:
    put(bench, "customer_id,plan,name\nacme,free,Acme\n")
    bench.send("CustomerSignedUp", customer_id="beta", plan="free", name="Acme")
    bench.run()
    told = ("by", "event_id", "source", "recorded_at")

    def said(customer_id: str) -> JSON:
        record = record_of(bench, customer_id) | {"customer_id": "x"}
        recorded, asked = record.pop("recorded"), record.pop("asked")
        values = {n: item["value"] for n, item in recorded.items() if n != "changes"}
        who = {n: {k: v for k, v in a.items() if k not in told} for n, a in asked.items()}
        return record | {"values": values, "who": who}

    assert said("acme") == said("beta")


def test_the_ledger_says_which_row_of_which_file_asked(bench: Bench) -> None:
    put(bench, "customer_id,plan\n\nacme,free\n")
    lines = bench.tables["LedgerTable"].scan()["Items"]
    asked = [line["asked"] for line in lines if line["action"] == "create_key"]
    assert [(a["source"], a["event_id"]) for a in asked] == [(KEY, "row 3")]


def test_a_bad_row_is_named_and_stops_no_other(bench: Bench) -> None:
    found = put(bench, "customer_id,plan\nacme,free\na b,free\nbeta,platinum\ngamma,pro\n")
    assert figures(found) == (2, 0, 2, 2, 0)
    assert [(item["row"], item["column"]) for item in found["refused"]] == [
        (3, "customer_id"),
        (4, "plan"),
    ]
    for item in found["refused"]:
        assert item["error"].startswith(f"{item['column']}: must ")


def test_the_same_file_again_writes_nothing_and_asks_for_nothing(bench: Bench) -> None:
    text = "customer_id,plan,name\nacme,free,Acme\nbeta,pro,Beta\n"
    put(bench, text)
    before = [record_of(bench, name) for name in ("acme", "beta")]
    runs, calls = len(bench.runs), len(bench.calls)
    found = put(bench, text)
    assert figures(found) == (0, 2, 0, 2, 0)
    assert [record_of(bench, name) for name in ("acme", "beta")] == before
    assert (len(bench.runs), len(bench.calls)) == (runs, calls)


def test_a_changed_row_of_a_file_put_again_is_the_only_one_that_is_recorded(bench: Bench) -> None:
    put(bench, "customer_id,plan\nacme,free\nbeta,pro\n")
    bench.advance(seconds=60)
    found = put(bench, "customer_id,plan\nacme,pro\nbeta,pro\ngamma,free\n")
    assert figures(found) == (2, 1, 0, 3, 0)
    types = [event["detail-type"] for event in bench.announced]
    assert types == ["KeyIssued", "KeyIssued", "PlanChanged", "KeyIssued"]


@pytest.mark.parametrize(
    ("event", "status", "row", "refused"),
    [
        ("CustomerSuspended", "suspended", "acme,free", 0),
        ("CustomerSuspended", "suspended", "acme,pro", 1),
        ("CustomerClosed", "closed", "acme,free", 1),
    ],
)
def test_a_file_put_again_resumes_nobody_and_opens_nothing_again(
    bench: Bench, event: str, status: str, row: str, refused: int
) -> None:
    put(bench, "customer_id,plan\nacme,free\n")
    bench.advance(seconds=60)
    bench.send(event, customer_id="acme")
    bench.advance(seconds=60)
    found = put(bench, f"customer_id,plan\n{row}\n")
    assert len(found["refused"]) == refused
    acme = record_of(bench, "acme")
    assert (acme["status"], acme["plan"]) == (status, "free")


def test_a_file_that_was_put_before_a_change_does_not_undo_it(bench: Bench) -> None:
    put(bench, "customer_id,plan\nacme,free\n")
    later = iso(bench.clock.now() + 60)
    bench.send("CustomerPlanChanged", customer_id="acme", plan="pro", occurred_at=later)
    bench.run()
    put(bench, "customer_id,plan\nacme,free\n")
    assert record_of(bench, "acme")["plan"] == "pro"


def test_the_result_starts_nothing(bench: Bench) -> None:
    put(bench, "customer_id,plan\nacme,free\n")
    calls = lambda_calls(bench)
    bench.upload(f"{KEY}.result.json", "{}")
    bench.upload("onboarding/notes.txt", "customer_id,plan\nbeta,free\n")
    bench.run()
    assert lambda_calls(bench) == calls


def test_a_customer_whose_run_fails_is_told_with_the_reason(bench: Bench) -> None:
    for _ in range(2):
        bench.gateway.create_usage_plan(name="free")
    found = put(bench, "customer_id,plan\nacme,free\nbeta,pro\n")
    assert figures(found) == (2, 0, 0, 1, 1)
    assert found["finished_at"] < "2026-01-01T00:05"
    [failure] = found["failures"]
    assert (failure["row"], failure["customer_id"]) == (2, "acme")
    assert failure["error"]


def test_no_key_value_of_a_cell_reaches_the_result_or_the_records(bench: Bench) -> None:
    value = new_value("kw")
    text = f"customer_id,plan,name\nacme,free,the key {value}\n{value},free,\nbeta,{value},\n"
    found = put(bench, text)
    assert figures(found) == (0, 0, 3, 0, 0)
    assert {item["column"] for item in found["refused"]} == {"name", "customer_id", "plan"}
    assert value not in json.dumps(found)
    assert bench.tables["CustomersTable"].scan()["Items"] == []
    assert value not in json.dumps(put(bench, f"customer_id,plan,{value}\nacme,free,\n"))


def test_a_person_may_start_a_file_again_by_its_key(bench: Bench) -> None:
    put(bench, "customer_id,plan\nacme,free\n")
    assert bench.invoke("ReadOnboarding", {"key": KEY})["issued"] == 1
    assert len(bench.announced) == 1


@pytest.mark.parametrize("key", ["report.json", "onboarding/x.txt", "", None, 5, {"a": 1}])
def test_another_key_than_a_csv_for_onboarding_is_refused(bench: Bench, key: Any) -> None:
    with pytest.raises(Exception, match=r"key: must be an object onboarding/NAME\.csv"):
        bench.invoke("ReadOnboarding", {"key": key})


@pytest.mark.parametrize("rows", [200, pytest.param(1000, marks=pytest.mark.sizes)])
def test_a_file_takes_one_lambda_call_and_three_calls_a_row(bench: Bench, rows: int) -> None:
    # From the first look on, the policy in force stands in a table.
    assert runtime.context().policy
    made: Counter[str] = Counter()
    bench.account.watch = lambda _, operation: made.update([operation] * is_reading(bench))
    bench.upload(KEY, csv_of(rows))
    bench.run(until=bench.clock.now())
    assert lambda_calls(bench) == 1
    assert result(bench)["recorded"] == rows
    # Its record, and whether it was removed.
    assert (made["GetItem"], made["PutItem"], made["PutObject"]) == (2 * rows, rows, 1)


def test_a_slow_table_takes_more_lambda_calls_and_progress_can_be_seen(bench: Bench) -> None:
    def slowly(client: str, _: str) -> None:
        if client == "dynamodb" and is_reading(bench):
            bench.account.scheduler.sleep(2)

    bench.account.watch = slowly
    bench.upload(KEY, csv_of(150))
    read = []
    for _ in range(6):
        bench.advance(seconds=60)
        read.append(result(bench)["read"])
    assert read == sorted({*read})
    assert 0 < read[0] < read[-1] < 150
    bench.run()
    assert figures(result(bench)) == (150, 0, 0, 150, 0)
    assert lambda_calls(bench) > 2


def is_reading(bench: Bench) -> bool:
    """Whether it is Read onboarding that makes the call of this moment."""
    worker = bench.account.scheduler.worker
    return bool(worker and worker.invocation and worker.invocation.function == "ReadOnboarding")


def test_a_row_that_changes_a_plan_is_pending_until_the_key_has_moved(bench: Bench) -> None:
    put(bench, "customer_id,plan\nacme,free\n")
    for _ in range(2):
        bench.gateway.create_usage_plan(name="pro")
    found = put(bench, "customer_id,plan\nacme,pro\n")
    assert figures(found) == (1, 0, 0, 0, 1)
    assert "pro" in found["failures"][0]["error"]
