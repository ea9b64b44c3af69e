"""One failure, one event: a function that dies after its work, and does it again, tells nothing
twice; one that dies before it tells it all the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from keyward.values import JSON
from local.bench import Bench

DAY = 86_400


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


def told(bench: Bench, detail_type: str = "CustomerFailed") -> list[JSON]:
    return [e["detail"] for e in bench.announced if e["detail-type"] == detail_type]


def unknown_plan(bench: Bench) -> None:
    bench.send("CustomerSignedUp", customer_id="acme", plan="no-such-plan")


def malformed(bench: Bench) -> None:
    bench.send("CustomerSignedUp", customer_id="acme", plan=7)


def unreadable(bench: Bench) -> None:
    bench.put(customer_id="acme", plan="free", status="active", tags="x")


FAILURES = [
    (unknown_plan, "ReportFailure"),
    (unreadable, "ReportFailure"),
    (malformed, "RecordCustomer"),
]


@pytest.mark.parametrize(("fail", "function"), FAILURES)
@pytest.mark.parametrize("death", ["death_after", "death_before"])
def test_a_failure_is_told_once_whenever_its_teller_dies(
    bench: Bench, fail: Any, function: str, death: str
) -> None:
    for call in (1, 2):
        bench.fault("lambda", function, call, death)
    fail(bench)
    bench.advance(2 * DAY)
    assert len(told(bench)) == 1


def test_a_failure_that_is_told_late_is_told_before_what_mends_it(bench: Bench) -> None:
    for call in (1, 2, 3):
        bench.fault("lambda", "ReportFailure", call, "death_before")
    unknown_plan(bench)
    bench.advance(0.2)
    bench.send("CustomerPlanChanged", customer_id="acme", plan="free")
    bench.advance(DAY)
    kinds = [event["detail-type"] for event in bench.announced]
    assert kinds == ["CustomerFailed", "KeyIssued"]


def test_a_failure_whose_announcement_was_refused_is_told(bench: Bench) -> None:
    bench.send("CustomerSignedUp", customer_id="first", plan="free")
    bench.advance(60)
    bench.fault("events", "PutEvents", 1, 503)
    unknown_plan(bench)
    bench.advance(2 * DAY)
    assert len(told(bench)) == 1


def test_what_nobody_asked_for_is_told_once_when_its_teller_dies(bench: Bench) -> None:
    bench.send("CustomerSignedUp", customer_id="acme", plan="free")
    bench.advance(60)
    bench.send("CustomerPlanChanged", customer_id="acme", plan="no-such-plan")
    bench.fault("lambda", "ReportFailure", 1, "death_after")
    bench.advance(DAY)
    bench.fault("lambda", "ReportFailure", 2, "death_after")
    bench.advance(2 * DAY)
    assert len(told(bench)) == 1


def test_two_refusals_of_one_moment_are_both_told(bench: Bench) -> None:
    for _ in range(2):
        malformed(bench)
    bench.advance(60)
    assert len(told(bench)) == 2
