"""What stops a key always works: of a removed record, of one that nobody can read, in any order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from keyward.values import JSON, iso
from local.bench import Bench

MINUTE = 60
LEAK = ("KeyRotationRequested", {"leaked": True})
STOPS = [LEAK, ("CustomerSuspended", {}), ("CustomerClosed", {})]
RECORD: JSON = {"customer_id": "acme", "plan": "free", "status": "active"}
BROKEN: list[JSON] = [
    {"tags": "x"},
    {"status": 7},
    {"plan": None, "plans": 7},
    {"rotation": "x"},
    {"recorded": 7},
    {"asked": 7},
    {"keys": 99, "rotation": {"requested_at": 7, "reason": 7}},
]


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        made.send("CustomerSignedUp", customer_id="acme", plan="free")
        made.advance(MINUTE)
        yield made


def working(bench: Bench) -> list[str]:
    keys = bench.emulator.state.keys.values()
    return sorted(key.settings["name"] for key in keys if key.enabled)


def told(bench: Bench, detail_type: str) -> list[JSON]:
    return [e["detail"] for e in bench.announced if e["detail-type"] == detail_type]


def send(bench: Bench, event: tuple[str, JSON], **more: Any) -> None:
    bench.send(event[0], customer_id="acme", **event[1], **more)
    bench.advance(MINUTE)


def remove(bench: Bench) -> None:
    bench.remove("acme")
    bench.advance(MINUTE)


def suspend(bench: Bench) -> None:
    send(bench, ("CustomerSuspended", {}))


def put(bench: Bench) -> None:
    bench.put(**RECORD)
    bench.advance(MINUTE)


def sign_up(bench: Bench) -> None:
    send(bench, ("CustomerSignedUp", {"plan": "free"}))


@pytest.mark.parametrize("away", [remove, suspend])
@pytest.mark.parametrize("back", [put, sign_up])
def test_a_key_that_leaked_while_its_customer_was_away_never_works_again(
    bench: Bench, away: Any, back: Any
) -> None:
    leaked = bench.value("acme")
    away(bench)
    send(bench, LEAK)
    [disabled] = told(bench, "KeyDisabled")
    assert (disabled["reason"], disabled["caused_by"]["detail_type"]) == ("leaked", LEAK[0])
    back(bench)
    assert working(bench) == ["acme/2"]
    assert bench.value("acme") != leaked
    remove(bench)
    back(bench)
    assert (working(bench), told(bench, "CustomerFailed")) == (["acme/2"], [])


@pytest.mark.parametrize("order", ["leak first", "removal first"])
def test_a_leak_and_a_removal_of_one_moment_both_count(bench: Bench, order: str) -> None:
    at = iso(bench.clock.now())
    if order == "leak first":
        bench.send(LEAK[0], customer_id="acme", leaked=True, occurred_at=at)
    bench.remove("acme")
    bench.advance(MINUTE)
    if order == "removal first":
        send(bench, LEAK, occurred_at=at)
    put(bench)
    assert working(bench) == ["acme/2"]


def test_a_leak_of_before_that_comes_after_the_record_is_back_counts(bench: Bench) -> None:
    at = iso(bench.clock.now())
    remove(bench)
    put(bench)
    send(bench, LEAK, occurred_at=at)
    assert working(bench) == ["acme/2"]


@pytest.mark.parametrize("age", [0, 5, 50], ids="{} s before the rotation".format)
@pytest.mark.parametrize("between", ["nothing", "suspended", "undone"])
def test_a_leak_counts_beside_a_plain_request_of_its_moment_or_later(
    bench: Bench, age: int, between: str
) -> None:
    at = iso(bench.clock.now() - age)
    bench.send(LEAK[0], customer_id="acme", reason="quarterly")
    bench.run()
    assert working(bench) == ["acme/1", "acme/2"]
    if between == "suspended":
        suspend(bench)
    if between == "undone":
        send(bench, ("UndoRequested", {"what": "rotation"}))
    send(bench, LEAK, occurred_at=at)
    sign_up(bench)
    assert "acme/1" not in working(bench)
    assert len(working(bench)) == 1
    last = [*told(bench, "KeyDisabled"), *told(bench, "KeyRetired")][-1]
    assert (last["reason"], last["caused_by"]["detail_type"]) == ("leaked", LEAK[0])


def test_a_plain_request_takes_nothing_back_of_a_leak_that_is_not_worked_off(bench: Bench) -> None:
    suspend(bench)
    leaked = bench.value("acme")
    bench.fault("apigateway", "UpdateApiKey", 1, 500)
    for about in ({"leaked": True}, {"reason": "quarterly"}):
        send(bench, (LEAK[0], about))
    sign_up(bench)
    assert (working(bench), bench.value("acme") == leaked) == (["acme/2"], False)


def broken(bench: Bench, change: JSON) -> None:
    record = bench.tables["CustomersTable"].get_item(Key={"customer_id": "acme"})["Item"]
    changed = {name: value for name, value in (record | change).items() if value is not None}
    bench.put(**changed)
    bench.advance(MINUTE)


@pytest.mark.parametrize("change", BROKEN, ids=lambda change: next(iter(change)))
@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: stop[0])
def test_what_stops_a_key_reaches_it_through_a_record_that_nobody_can_read(
    bench: Bench, change: JSON, stop: tuple[str, JSON]
) -> None:
    broken(bench, change)
    assert working(bench) == ["acme/1"]
    at = iso(bench.clock.now())
    for _ in range(2):
        send(bench, stop, occurred_at=at)
    assert "acme/1" not in working(bench)
    stopped = [e for e in bench.announced if e["detail-type"] in ("KeyDisabled", "KeySuspended")]
    if not {"asked", "recorded"} & {*change}:
        assert {e["detail"]["caused_by"]["detail_type"] for e in stopped} <= {stop[0]}
    put(bench)
    assert working(bench) == (["acme/1"] if stop[0] == "CustomerSuspended" else ["acme/2"])


@pytest.mark.parametrize("status", ["suspended", "closed"])
def test_a_status_put_by_hand_counts_beside_what_cannot_be_read(bench: Bench, status: str) -> None:
    bench.put(**RECORD | {"status": status, "tags": "x"})
    bench.advance(MINUTE)
    assert working(bench) == []
    [failed] = told(bench, "CustomerFailed")
    assert failed["error"] == "InvalidRecordError"


def test_an_order_in_an_unreadable_record_stands_when_only_its_fault_is_mended(
    bench: Bench,
) -> None:
    broken(bench, {"tags": "x"})
    suspend(bench)
    broken(bench, {"tags": {}})
    assert working(bench) == []
    send(bench, ("CustomerResumed", {}))
    assert working(bench) == ["acme/1"]
