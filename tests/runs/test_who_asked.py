"""Who asked: a line of the ledger and its event name what caused them, whatever came before."""

from __future__ import annotations

import random

import pytest

from keyward.customers.actions import ACTIONS, ANSWERED
from keyward.customers.updates import updates_from
from keyward.events.contracts import customer_event
from keyward.events.requester import OTHER_CAUSES, caused_by, requester_in, with_cause
from keyward.values import JSON
from local.bench import Bench

# A life in which every kind of event once changed something before the one that is looked at.
LIFE: tuple[tuple[str, JSON], ...] = (
    ("CustomerSignedUp", {"plan": "free"}),
    ("CustomerSuspended", {}),
    ("CustomerResumed", {}),
    ("CustomerPlanChanged", {"plan": "pro", "key": "in_place"}),
    ("KeyRotationRequested", {"overlap_hours": 0}),
    ("QuotaExtensionRequested", {"by": 10}),
    ("CustomerExpiryChanged", {"expires_at": "2027-01-01"}),
    ("PaymentFailed", {}),
    ("PaymentSucceeded", {}),
)
LAST: tuple[tuple[str, JSON], ...] = (
    ("CustomerSuspended", {"reason": "fraud"}),
    ("CustomerPlanChanged", {"plan": "free", "key": "in_place"}),
    ("CustomerPlanChanged", {"plan": "free", "key": "successor"}),
    ("KeyRotationRequested", {"leaked": True}),
    ("QuotaExtensionRequested", {"by": 500}),
    ("CustomerClosed", {}),
)
THROTTLE = {"rateLimit": 5, "burstLimit": 10}
PLAN = {"throttle": THROTTLE, "quota": {"limit": 1000, "period": "MONTH"}}
POLICY = {"usage_plans": {"free": PLAN, "pro": PLAN}, "propagation_seconds": 0}
CLOSED_BY_HAND = {"customer_id": "acme", "plan": "pro", "status": "closed"}


def lines(bench: Bench) -> list[JSON]:
    return [dict(item) for item in bench.tables["LedgerTable"].scan()["Items"]]


# Each last event after one order of the life; after the two others among the large tests.
ORDERS = [
    pytest.param(last, seed, marks=[pytest.mark.sizes] if seed != number % 3 else [])
    for number, last in enumerate(LAST)
    for seed in range(3)
]


@pytest.mark.parametrize(("last", "seed"), ORDERS, ids=str)
def test_what_is_done_names_the_event_that_asked_for_it(last: tuple[str, JSON], seed: int) -> None:
    first, *others = LIFE
    random.Random(seed).shuffle(others)
    with Bench(policy=POLICY) as bench:
        for kind, detail in (first, *others, ("CustomerResumed", {})):
            bench.send(kind, customer_id="acme", **detail)
            bench.advance(60)
        before, told = {line["line"] for line in lines(bench)}, len(bench.announced)
        bench.send(last[0], customer_id="acme", **last[1])
        bench.run()
        new = [line for line in lines(bench) if line["line"] not in before]
        assert {line["asked"].get("detail_type") for line in new} == {last[0]}, new
        events = bench.announced[told:]
        assert events
        for event in events:
            cause = event["detail"]["caused_by"]
            assert (cause["detail_type"], cause["source"]) == (last[0], "bench")
            assert cause["event_id"] in {line["asked"]["event_id"] for line in new}


def test_what_the_clock_a_record_or_the_team_does_is_no_events_doing() -> None:
    with Bench() as bench:
        bench.send("CustomerSignedUp", customer_id="acme", plan="pro")
        bench.run()
        rest_api_id = bench.api({"/pets": {"get": None}})
        bench.run()
        bench.put(**CLOSED_BY_HAND)
        bench.run()
        sources = {
            event["detail-type"]: event["detail"]["caused_by"]["source"]
            for event in bench.announced
            if event["detail"].get("rest_api_id") in (None, rest_api_id)
        }
    assert sources == {
        "KeyIssued": "bench",
        "ApiProtected": "aws.apigateway",
        "KeyRevoked": "aws.dynamodb",
    }


def test_the_record_keeps_who_set_each_field_that_an_action_answers() -> None:
    settable = {"quota_extension"}
    full = {"plan": "free", "name": "Acme", "description": "ours", "tags": {}}
    full |= {"keys": 2, "key_id": "k1a2b3c4d5"}
    for kind, detail in (*LIFE, *LAST, ("CustomerSignedUp", full)):
        envelope = {"id": "1", "detail-type": kind, "source": "s", "time": "2026-01-01T00:00:00Z"}
        event = customer_event(envelope | {"detail": {"customer_id": "acme"} | detail}, 2e9)
        settable |= {*updates_from(event, {})}
    assert settable >= ANSWERED
    assert all(kind.answers for kind in ACTIONS.values())


@pytest.mark.parametrize("by", OTHER_CAUSES)
def test_a_cause_tells_its_requester_again(by: str) -> None:
    event = with_cause({"detail_type": "KeyUnused", "detail": {}}, {"by": by})
    assert requester_in(event) == {"by": by}


def test_a_requester_that_nobody_knows_causes_nothing() -> None:
    assert caused_by({"by": "event"}) is None
    assert caused_by(None) is None
