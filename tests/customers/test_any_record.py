"""A record of any shape: the worst outcome is InvalidRecordError for that customer alone.

Each shape is put into each attribute, then all readers come by: the stream, the run, an event, the
audit with its repair, and a CSV row. None of them raises, and a good customer beside gets its key.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from keyward.values import JSON
from local.bench import Bench

SHAPES: tuple[Any, ...] = (
    *("", "x", " ", "9999-99-99", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    *(7, -1, Decimal(10) ** 30, Decimal("1.5"), True, None, b"x", {"s"}, [], ["x"], [7], [["x"]]),
    *({}, {"x": 1}, {"x": {"x": []}}, {"x": b"x"}, [{"by": "x"}], {"plan": 7}, {"plan": "x"}),
    *({"value": 7, "at": "x"}, {"changes": 7}, {"changes": [7]}, {"plan": {"event_id": 7}}),
    {"changes": [{"field": 7, "at": "x", "set": 7}]},
    {"plan": {"value": "free", "at": []}},
    {"status": {"value": "active", "at": Decimal("1e30")}},
    {"plan": {"recorded_at": "x"}},
)
ATTRIBUTES = (
    *("plan", "plans", "status", "name", "description", "tags", "keys", "key_id", "expires_at"),
    *("key_value_secret", "plan_key", "status_reason", "rotation", "quota_extension", "billing"),
    *("recorded", "asked", "keyward", "note"),
)
# What a record may be refused for: itself, a plan or a secret that is not there.
REFUSALS = {"InvalidRecordError", "UnknownPlanError", "KeyGoneError", "ServiceRefusedError"}


# Each shape and each attribute comes by; `sizes` tries all pairs.
SOME = [(ATTRIBUTES[n % len(ATTRIBUTES)], shape) for n, shape in enumerate((*SHAPES, *SHAPES[:5]))]
ALL = [(name, shape) for name in ATTRIBUTES for shape in SHAPES]


def test_any_shape_of_an_attribute_harms_its_customer_only() -> None:
    assert_nobody_else_is_harmed(SOME)


def test_a_text_that_no_state_or_event_can_carry_harms_its_customer_only() -> None:
    text = "x " * 135_000
    odd: dict[str, Any] = dict.fromkeys(ATTRIBUTES, text)
    odd["rotation"] = {"requested_at": 4_000_000_000, "reason": text}
    with Bench() as bench:
        for name in odd:
            record = {"customer_id": name, "plan": "free", "status": "active"} | {name: odd[name]}
            bench.put(**record)
        bench.run()
        assert {event["detail"]["customer_id"] for event in bench.announced} == {*odd}
        assert {run.status for run in bench.runs} == {"SUCCEEDED"}
        assert {f["customer_id"] for f in bench.audit()["findings"]} < {*odd}


@pytest.mark.sizes
def test_every_shape_of_every_attribute_harms_its_customer_only() -> None:
    assert_nobody_else_is_harmed(ALL)


def test_every_shape_and_attribute_is_tried_at_once() -> None:
    assert {name for name, _ in SOME} == {*ATTRIBUTES}
    assert len({repr(shape) for _, shape in SOME}) == len(SHAPES)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "0999-12-31"])
def test_an_early_time_that_an_event_brings_can_be_read_again(at: str) -> None:
    with Bench() as bench:
        bench.send("CustomerSignedUp", customer_id="acme", plan="free")
        bench.advance(60)
        bench.send("CustomerExpiryChanged", customer_id="acme", expires_at=at)
        bench.run()
        assert [event["reason"] for event in told(bench, "KeySuspended")] == ["expired"]
        assert told(bench, "CustomerFailed") == []


def assert_nobody_else_is_harmed(odd: list[tuple[str, Any]]) -> None:
    with Bench() as bench:
        record = {"plan": "free", "status": "active"}
        for number, (name, shape) in enumerate(odd):
            bench.put(**{"customer_id": f"odd-{number}"} | record | {name: shape})
        bench.put(customer_id="good", **record)
        bench.run()
        for number in range(len(odd)):
            bench.send("CustomerResumed", customer_id=f"odd-{number}")
            bench.send("KeyRotationRequested", customer_id=f"odd-{number}")
        rows = "\n".join(f"odd-{number},free" for number in range(len(odd)))
        bench.upload("onboarding/all.csv", f"customer_id,plan\n{rows}\nbetter,free\n")
        bench.run()
        bench.audit()
        bench.audit(repair=True)
        bench.advance(600)
        assert {"good", "better"} <= {detail["customer_id"] for detail in told(bench, "KeyIssued")}
        errors = {detail["error"] for detail in told(bench, "CustomerFailed")}
        assert errors <= REFUSALS | {"InvalidEventError"}
        assert {run.error for run in bench.runs} <= REFUSALS | {""}
        for queue in bench.account.queues.by_name.values():
            assert [m.body for m in queue.messages if "reason" not in m.attributes] == []


def told(bench: Bench, detail_type: str) -> list[JSON]:
    return [event["detail"] for event in bench.announced if event["detail-type"] == detail_type]
