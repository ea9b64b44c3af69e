"""Events of a customer whose sign-up never came, or comes after them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from keyward.events.incoming import CUSTOMER_EVENTS
from keyward.values import DAY, HOUR, JSON, iso
from local.bench import Bench

MINUTE = 60


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


def failures(bench: Bench) -> list[JSON]:
    return [e["detail"] for e in bench.announced if e["detail-type"] == "CustomerFailed"]


UNKNOWN: list[tuple[str, JSON]] = [
    ("CustomerSuspended", {}),
    ("CustomerClosed", {}),
    ("KeyRotationRequested", {}),
    ("CustomerPlanChanged", {"plan": "pro"}),
    ("PaymentFailed", {}),
    ("QuotaExtensionRequested", {"by": 5}),
    ("PlanAdded", {"plan": "free"}),
    ("PlanRemoved", {"plan": "free"}),
    ("CustomerResumed", {}),
    ("CustomerExpiryChanged", {"expires_at": None}),
    ("PaymentSucceeded", {}),
    ("SubscriptionChanged", {"subscription": "one", "state": "ended"}),
]


def test_every_event_that_may_come_before_a_sign_up_is_tried() -> None:
    assert {*CUSTOMER_EVENTS} - {name for name, _ in UNKNOWN} == {
        "CustomerSignedUp",
        "UndoRequested",  # refused at once: there is nothing to undo
    }


@pytest.mark.parametrize(("detail_type", "detail"), UNKNOWN)
def test_an_event_without_a_sign_up_is_answered_after_a_quarter_of_an_hour_and_once(
    bench: Bench, detail_type: str, detail: JSON
) -> None:
    bench.send(detail_type, customer_id="nobody", **detail)
    bench.advance(14 * MINUTE)
    assert failures(bench) == []
    bench.advance(3 * MINUTE)
    [failed] = failures(bench)
    assert (failed["error"], failed["remedy"]) == ("NoSignUpError", "keyward history nobody")
    assert "no sign-up is known" in failed["reason"]
    assert [(f["kind"], f["severity"]) for f in bench.audit()["findings"]] == [
        ("customer_incomplete", "high")
    ]
    runs = len(bench.runs)
    bench.advance(10 * DAY)
    assert len(failures(bench)) == 1
    assert len([r for r in bench.runs[runs:] if r.machine == "reconcile_customer"]) < 20


def test_a_sign_up_that_comes_late_makes_a_key(bench: Bench) -> None:
    bench.send("CustomerPlanChanged", customer_id="acme", plan="pro")
    bench.advance(10 * MINUTE)
    bench.send("CustomerSignedUp", customer_id="acme", plan="free")
    bench.advance(HOUR)
    keys = bench.gateway.get_api_keys()["items"]
    assert [(key["name"], key["enabled"]) for key in keys] == [("acme/1", True)]
    assert failures(bench) == []


@pytest.mark.parametrize(
    ("detail_type", "detail", "found"),
    [
        ("CustomerSuspended", {}, ("suspended", "free")),
        ("CustomerPlanChanged", {"plan": "pro"}, ("active", "pro")),
        ("PlanAdded", {"plan": "pro"}, ("active", ["free", "pro"])),
    ],
)
def test_an_event_that_overtakes_the_sign_up_which_brings_a_customer_back_counts(
    bench: Bench, detail_type: str, detail: JSON, found: tuple[str, object]
) -> None:
    bench.send("CustomerSignedUp", customer_id="acme", plan="free")
    bench.advance(MINUTE)
    bench.remove("acme")
    bench.advance(MINUTE)
    later = iso(bench.clock.now() + 2)
    bench.send(detail_type, customer_id="acme", **detail, occurred_at=later)
    bench.advance(60)
    early = iso(bench.clock.now() - 59)
    bench.send("CustomerSignedUp", customer_id="acme", plan="free", occurred_at=early)
    bench.advance(HOUR)
    [record] = bench.tables["CustomersTable"].scan()["Items"]
    assert (record.get("status", "active"), record.get("plans", record.get("plan"))) == found
    assert failures(bench) == []


def test_an_event_from_before_the_sign_up_that_brings_a_customer_back_is_answered(
    bench: Bench,
) -> None:
    bench.send("CustomerSignedUp", customer_id="acme", plan="free")
    bench.advance(MINUTE)
    bench.remove("acme")
    bench.advance(MINUTE)
    ends = iso(bench.clock.now() + HOUR)
    bench.send("CustomerExpiryChanged", customer_id="acme", expires_at=ends)
    bench.advance(MINUTE)
    bench.send("CustomerSignedUp", customer_id="acme", plan="free")
    bench.advance(2 * HOUR)
    [failed] = failures(bench)
    assert failed["caused_by"]["detail_type"] == "CustomerExpiryChanged"
    assert failed["reason"].endswith(
        "was deleted when this occurred, and is back since. Send it again"
    )
    [record] = bench.tables["CustomersTable"].scan()["Items"]
    assert "expires_at" not in record
    assert [key.enabled for key in bench.emulator.state.keys.values()] == [True]
