from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from keyward.customers.billing import Billing, Subscription
from keyward.customers.desired import change_times
from keyward.customers.model import Customer
from keyward.customers.notices import notices_due
from keyward.policy.parse import default_text, parse
from tests.support import load_event

DAY = 24 * 3600
NOW = 1_800_000_000
LADDER = [
    {"step": "notice", "after_days": 0},
    {"step": "notice", "after_days": 5},
    {"step": "plan", "after_days": 7, "plan": "free"},
    {"step": "suspend", "after_days": 21},
]
POLICY = parse(json.dumps(json.loads(default_text()) | {"billing": {"ladder": LADDER}}))
ACME = Customer("acme", ("pro",), "active")


def owing(*failed: int, paid: int | None = None, **more: Any) -> Customer:
    return replace(ACME, billing=Billing(failed, paid), **more)


def subscribed(*ones: Subscription) -> Customer:
    known = {f"s-{number}": one for number, one in enumerate(ones)}
    return replace(ACME, billing=Billing(subscriptions=known))


def event_types(customer: Customer, now: float, already: set[str]) -> list[str]:
    found = notices_due(customer, POLICY, now, already)
    already |= {notice.mark for notice in found}
    return [notice.announced["detail_type"] for notice in found if notice.announced]


@pytest.mark.parametrize("customer", [owing(NOW), replace(ACME, expires_at=NOW + 10 * DAY)])
def test_each_notice_is_said_once_though_it_is_asked_for_at_every_moment(
    customer: Customer,
) -> None:
    already: set[str] = set()
    said = [
        event_types(customer, at, already)
        for at in change_times(customer, POLICY)
        for _ in range(2)
    ]
    assert len([word for words in said for word in words]) == 2


def test_of_notices_that_were_missed_only_the_last_is_said() -> None:
    already: set[str] = set()
    assert event_types(owing(NOW), NOW + 6 * DAY, already) == ["PaymentOverdue"]
    assert event_types(owing(NOW), NOW + 6 * DAY, already) == []
    assert event_types(replace(ACME, expires_at=NOW + 3600), NOW, already) == ["CustomerExpiring"]


def test_a_new_time_of_being_overdue_and_a_new_date_are_told_anew() -> None:
    already: set[str] = set()
    assert event_types(owing(NOW), NOW, already) == event_types(
        owing(NOW + 9, paid=NOW + 5), NOW + 9, already
    )
    for date in (NOW + DAY, NOW + 2 * DAY):
        customer = replace(ACME, expires_at=date)
        assert event_types(customer, date - 60, already) == ["CustomerExpiring"]


def test_an_earlier_failure_that_is_heard_of_late_repeats_no_notice() -> None:
    already: set[str] = set()
    assert event_types(owing(NOW), NOW, already) == ["PaymentOverdue"]
    assert event_types(owing(NOW - 60, NOW), NOW, already) == []


T10 = 1_795_428_000  # 2026-11-23T10:00:00Z


@pytest.mark.parametrize(
    ("customer", "sample"),
    [
        (owing(T10), "payment-overdue"),
        (replace(ACME, expires_at=T10 + 7 * DAY), "customer-expiring"),
    ],
)
def test_a_notice_says_what_follows_and_when_as_its_sample_does(
    customer: Customer, sample: str
) -> None:
    event = load_event(sample)
    (notice,) = notices_due(customer, POLICY, T10, ())
    # Who announces it adds what was done, by which run, and what caused it.
    added = ("actions", "execution_arn", "caused_by")
    said = {k: v for k, v in event["detail"].items() if k not in added}
    assert notice.announced == {"detail_type": event["detail-type"], "detail": said}


@pytest.mark.parametrize(
    "customer",
    [
        ACME,
        owing(NOW, status="closed"),
        owing(NOW, plans=()),
        replace(ACME, expires_at=NOW),
        replace(ACME, expires_at=NOW + 60, status="suspended"),
        replace(ACME, expires_at=NOW + 8 * DAY),
    ],
)
def test_who_needs_no_notice_gets_none(customer: Customer) -> None:
    assert notices_due(customer, POLICY, NOW, ()) == ()


def test_the_end_of_a_subscription_is_announced_as_an_expiry() -> None:
    customer = subscribed(Subscription("active", 1, NOW + DAY))
    assert event_types(customer, NOW, set()) == ["CustomerExpiring"]
    both = subscribed(Subscription("active", 1, NOW + DAY), Subscription("active", 1))
    assert event_types(both, NOW, set()) == []
