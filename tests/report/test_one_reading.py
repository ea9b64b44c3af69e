"""The account is read once: the report takes what the audit and the reading of usage have read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

import audit
import audit_part
import write_report
from keyward.audit.pace import TRIES
from keyward.errors import InvalidInputError
from keyward.report.model import ActivityRow
from keyward.report.waiting import closed_since
from keyward.values import JSON, iso
from local.bench import Bench

OPEN: JSON = {"/pets": {"get": None}, "/orders": {"post": None}}


@pytest.fixture
def bench() -> Iterator[Bench]:
    """An observed API that is open on two stages, and customers with keys."""
    with Bench() as made:
        made.api(OPEN, mode="observe", stages=["prod", "test"])
        for number in range(3):
            made.send("CustomerSignedUp", customer_id=f"customer-{number}", plan="free")
        made.advance(60)
        made.invoke("ReadUsage")
        yield made


def report(bench: Bench, **asked: Any) -> JSON:
    """The report as data."""
    answer = bench.invoke("WriteReport", asked)
    text = bench.account.s3.get_object(Bucket=answer["bucket"], Key=answer["data"])["Body"].read()
    return dict(json.loads(text))


def page(bench: Bench) -> str:
    bucket = bench.stack.ref("ReportBucket")
    body = bench.account.s3.get_object(Bucket=bucket, Key="report.html")["Body"].read()
    return str(body.decode())


def reads(bench: Bench) -> int:
    return len(bench.calls)


def test_a_report_minutes_after_an_audit_reads_nothing_again(bench: Bench) -> None:
    began = bench.clock.now()
    bench.audit()
    bench.advance(600)
    before = reads(bench)
    found = report(bench)
    assert reads(bench) == before
    assert found["read_at"] == iso(began)
    assert (found["written_at"], found["keys"], found["customers"]) > (found["read_at"], 3, 2)
    (api,) = found["apis"]
    assert [len(stage["exposed"]) for stage in api["stages"]] == [2, 2]
    assert f'as API Gateway had them <time datetime="{iso(began)}"' in page(bench)


def test_the_report_and_the_audit_say_the_same(bench: Bench) -> None:
    bench.audit()
    of_audit = report(bench)
    of_its_own = report(bench, read=True)
    for name in ("written_at", "read_at"):
        of_audit.pop(name), of_its_own.pop(name)
    assert of_audit == of_its_own


def test_the_report_after_a_repair_tells_what_was_closed_since_and_reads_nothing(
    bench: Bench,
) -> None:
    closed = bench.api(OPEN, mode="enforce", stages=["prod"])
    bench.audit(repair=True)
    before = reads(bench)
    bench.advance(3000)
    assert reads(bench) == before, "the queue had the report written meanwhile"
    found = json.loads(
        bench.account.s3.get_object(Bucket=bench.stack.ref("ReportBucket"), Key="report.json")[
            "Body"
        ].read()
    )
    (stage,) = next(api["stages"] for api in found["apis"] if api["rest_api_id"] == closed)
    assert (stage["exposed"], stage["key"]) == ([], 2)
    assert closed not in {item["rest_api_id"] for item in found["mending"] + found["waiting"]}


@pytest.mark.parametrize(
    ("events", "is_closed"),
    [
        ([("ApiProtected", 60)], True),
        ([("ApiProtected", -60)], False),
        ([("ApiFailed", 120), ("ApiProtected", 60)], False),
        ([("ApiProtected", 120), ("ApiHeld", 60)], True),
        ([("KeyIssued", 60)], False),
    ],
)
def test_only_a_stage_whose_last_word_is_protected_counts_as_closed_since(
    events: list[tuple[str, int]], is_closed: bool
) -> None:
    read_at = 1_795_428_124.0
    done = [ActivityRow(iso(read_at + later), event, None, "a", "s") for event, later in events]
    assert closed_since(done, {"a": read_at, "b": read_at}) == (
        {("a", "s")} if is_closed else set()
    )


def test_without_a_recent_audit_the_report_reads_once_and_the_next_one_takes_it(
    bench: Bench,
) -> None:
    bench.audit()
    bench.advance(2 * 3600)
    before = reads(bench)
    assert report(bench)["read_at"] > iso(bench.clock.now() - 60)
    own = reads(bench) - before
    assert 0 < own <= 10
    report(bench)
    assert reads(bench) == before + own


def test_a_person_can_have_the_account_read_anew(bench: Bench) -> None:
    bench.audit()
    bench.advance(60)
    bench.api(OPEN, mode="observe")
    assert len(report(bench)["apis"]) == 1
    assert len(report(bench, read=True)["apis"]) == 2


def test_a_list_that_could_not_be_read_is_told_and_hides_nothing_else(bench: Bench) -> None:
    for call in range(1, TRIES + 1):
        bench.fault("apigateway", "GetUsagePlanKeys", call, 500)
    bench.audit()
    found = report(bench)
    assert len(found["apis"]) == 1
    assert [item["kind"] for item in found["waiting"]].count("unreadable") == 1


@pytest.mark.parametrize("asked", [[], "x", None, 7, [{}], {"no_such_field": 1}])
@pytest.mark.parametrize("function", [audit, audit_part, write_report])
def test_an_odd_input_is_refused_with_what_to_write(function: Any, asked: Any) -> None:
    with pytest.raises(InvalidInputError) as told:
        function.handler(asked, None)
    assert re.search(r"must be a JSON object|is not a field of this input", str(told.value))
    assert re.search(r"Write an object|Use ", str(told.value))
