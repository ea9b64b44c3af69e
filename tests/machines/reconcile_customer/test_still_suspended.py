"""Who asks for working keys that a bill, a subscription or a date forbids is answered, once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from keyward.values import JSON
from local.bench import Bench

DAY = 86_400
ORDERS: tuple[tuple[str, JSON, str, str, JSON], ...] = (
    (
        "CustomerExpiryChanged",
        {"expires_at": "2025-01-01"},
        "expires_at: must lie ahead",
        "CustomerExpiryChanged",
        {"expires_at": None},
    ),
    ("PaymentFailed", {}, "billing: must be settled", "PaymentSucceeded", {}),
    (
        "SubscriptionChanged",
        {"subscription": "s", "state": "paused"},
        "billing: must have a live subscription",
        "SubscriptionChanged",
        {"subscription": "s", "state": "active"},
    ),
    (
        "SubscriptionChanged",
        {"subscription": "s", "state": "ended"},
        "billing: must have a live subscription",
        "SubscriptionChanged",
        {"subscription": "s", "state": "active"},
    ),
)


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A customer with a key."""
    with Bench() as made:
        made.send("CustomerSignedUp", customer_id="acme", plan="free")
        made.advance(seconds=60)
        yield made


def hear(bench: Bench, detail_type: str, **detail: object) -> None:
    bench.send(detail_type, customer_id="acme", **detail)
    bench.advance(seconds=60)


def failures(bench: Bench) -> list[JSON]:
    return [e["detail"] for e in bench.announced if e["detail-type"] == "CustomerFailed"]


def is_on(bench: Bench) -> bool:
    return any(key["enabled"] for key in bench.gateway.get_api_keys()["items"])


@pytest.mark.parametrize(("order", "given", "reason", "mends", "mended"), ORDERS, ids=str)
@pytest.mark.parametrize("word", ["CustomerResumed", "CustomerSignedUp"])
def test_each_word_for_working_keys_is_answered_once(
    bench: Bench, word: str, order: str, given: JSON, reason: str, mends: str, mended: JSON
) -> None:
    hear(bench, order, **given)
    bench.advance(seconds=25 * DAY)
    assert not is_on(bench)
    assert failures(bench) == []
    plan = {"plan": "free"} if word == "CustomerSignedUp" else {}
    for times in (1, 2):
        hear(bench, word, **plan)
        # Neither what comes else, nor an audit, nor time tells it again.
        hear(bench, "PlanAdded", plan="pro")
        bench.audit(repair=True)
        bench.advance(seconds=3 * DAY)
        assert len(failures(bench)) == times
    failed = failures(bench)[-1]
    assert failed["error"] == "StillSuspendedError"
    assert failed["reason"].startswith(reason)
    assert f"Send {mends}" in failed["reason"]
    assert bench.audit()["findings"] == []
    assert not is_on(bench)
    hear(bench, mends, **mended)
    assert is_on(bench)
    assert len(failures(bench)) == 2


@pytest.mark.parametrize(("order", "given"), [one[:2] for one in ORDERS], ids=str)
def test_the_order_itself_and_a_persons_suspension_are_no_failure(
    bench: Bench, order: str, given: JSON
) -> None:
    hear(bench, order, **given)
    bench.advance(seconds=25 * DAY)
    hear(bench, "CustomerSuspended")
    assert failures(bench) == []
