"""A sign-up whose end is past brings no key, and is answered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from keyward.values import JSON
from local.bench import Bench

PAST, AHEAD = "2020-01-01", "2040-01-01"
DAY = 86_400


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


def told(bench: Bench, *kinds: str) -> list[JSON]:
    return [e["detail"] for e in bench.announced if e["detail-type"] in kinds]


def sign_up(bench: Bench, way: str, expires_at: str) -> None:
    about = {"customer_id": "acme", "plan": "free", "expires_at": expires_at}
    if way == "record":
        bench.put(**about, status="active")
    else:
        bench.send("CustomerSignedUp", **about)
    bench.advance(seconds=120)


@pytest.mark.parametrize("way", ["record", "event"])
def test_it_is_answered_once_and_mended_by_another_one(bench: Bench, way: str) -> None:
    sign_up(bench, way, PAST)
    for _ in range(3):
        bench.advance(seconds=DAY)
        bench.audit(repair=True)
        bench.advance(seconds=600)
    [failed] = told(bench, "CustomerFailed")
    assert failed["error"] == "InvalidRecordError"
    assert failed["reason"].startswith("expires_at: must lie ahead, got 2020-01-01")
    [found] = bench.audit()["findings"]
    assert (found["kind"], found["customer_id"]) == ("not_possible", "acme")
    sign_up(bench, way, AHEAD)
    assert len(told(bench, "KeyIssued")) == 1
    assert len(told(bench, "CustomerFailed")) == 1
    assert bench.audit()["findings"] == []


def test_an_end_that_comes_by_itself_is_no_failure(bench: Bench) -> None:
    bench.put(customer_id="acme", plan="free", status="active", expires_at=AHEAD)
    bench.advance(seconds=120)
    bench.put(customer_id="acme", plan="free", status="active", expires_at=PAST)
    bench.advance(seconds=120)
    assert len(told(bench, "KeySuspended")) == 1
    assert told(bench, "CustomerFailed") == []
