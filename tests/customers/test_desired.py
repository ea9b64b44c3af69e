from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyward.customers.billing import Billing, Subscription, billing_of
from keyward.customers.desired import desired_state
from keyward.customers.model import Customer, apply_event, customer_of
from keyward.errors import InvalidRecordError
from keyward.events.contracts import CustomerEvent
from keyward.policy.model import Policy
from keyward.policy.parse import default_text, parse

DAY = 24 * 3600
NOW = 1_800_000_000
LADDER = [
    {"step": "close", "after_days": 60},
    {"step": "notice", "after_days": 0},
    {"step": "notice", "after_days": 5},
    {"step": "plan", "after_days": 7, "plan": "free"},
    {"step": "suspend", "after_days": 21},
]
ACME = Customer("acme", ("pro",), "active")


def policy(**billing: Any) -> Policy:
    return parse(json.dumps(json.loads(default_text()) | {"billing": {"ladder": LADDER} | billing}))


POLICY = policy()


def owing(*failed: float, paid: int | None = None, **more: Any) -> Customer:
    return replace(ACME, billing=Billing(tuple(int(at) for at in failed), paid), **more)


def subscribed(*ones: Subscription, **more: Any) -> Customer:
    known = {f"s-{number}": one for number, one in enumerate(ones)}
    return replace(ACME, billing=Billing(subscriptions=known), **more)


def in_force(customer: Customer, now: float, rules: Policy = POLICY) -> tuple[Any, ...]:
    found = desired_state(customer, rules, now)
    return found.plan, found.status, found.reason


@pytest.mark.parametrize(
    ("days", "plan", "status", "next_days"),
    [
        (0, "pro", "active", 5),
        (4.9, "pro", "active", 5),
        (5, "pro", "active", 7),
        (7, "free", "active", 21),
        (20.9, "free", "active", 21),
        (21, "free", "suspended", 60),
        (60, "free", "closed", None),
        (900, "free", "closed", None),
    ],
)
def test_the_ladder_leads_down_step_by_step(
    days: float, plan: str, status: str, next_days: float | None
) -> None:
    found = desired_state(owing(NOW), POLICY, NOW + days * DAY)
    assert (found.plan, found.status) == (plan, status)
    assert found.changes_at == (None if next_days is None else NOW + next_days * DAY)


def test_a_lower_plan_and_a_suspension_say_why() -> None:
    assert in_force(owing(NOW), NOW + 7 * DAY)[2] == "payment failed"
    assert in_force(owing(NOW), NOW + 22 * DAY)[2] == "payment failed"
    assert in_force(owing(NOW), NOW + DAY)[2] is None


def test_a_retry_that_fails_as_well_does_not_begin_the_ladder_anew() -> None:
    assert in_force(owing(NOW, NOW + 6 * DAY), NOW + 7 * DAY)[0] == "free"


def test_without_a_ladder_in_the_policy_nobody_is_closed() -> None:
    plain = parse(default_text())
    assert in_force(owing(NOW), NOW + 7 * DAY, plain)[:2] == ("free", "active")
    assert in_force(owing(NOW), NOW + 900 * DAY, plain)[:2] == ("free", "suspended")


def test_the_built_in_ladder_lowers_nobody_into_a_plan_that_is_not_there() -> None:
    body = json.loads(default_text()) | {"usage_plans": {"pro": {}}}
    plain = parse(json.dumps(body))
    assert in_force(owing(NOW), NOW + 8 * DAY, plain)[:2] == ("pro", "active")


FACTS = (
    CustomerEvent("CustomerSignedUp", "acme", NOW, {"plan": "pro"}),
    CustomerEvent("PaymentFailed", "acme", NOW + 10),
    CustomerEvent("PaymentSucceeded", "acme", NOW + 20),
    CustomerEvent("PaymentFailed", "acme", NOW + 30),
    CustomerEvent("PaymentFailed", "acme", NOW + 40),
)


@pytest.mark.parametrize("order", list(permutations(FACTS)))
def test_payments_may_be_told_in_any_order(order: tuple[CustomerEvent, ...]) -> None:
    record = None
    for event in (*order, *order[:2]):
        record = apply_event(record, event, {}).record
    assert record is not None
    found = customer_of(record).billing
    assert found == Billing((NOW + 30, NOW + 40), NOW + 20, settled_at=NOW + 20)


def test_a_payment_of_the_same_second_settles_what_failed_in_it() -> None:
    assert Billing().failed(NOW).paid(NOW) == Billing().paid(NOW).failed(NOW)
    assert Billing().failed(NOW).paid(NOW).overdue_since is None


def test_many_failures_keep_the_first_and_the_newest() -> None:
    billing = Billing()
    for minute in range(100):
        billing = billing.failed(NOW + minute)
    assert billing.overdue_since == NOW
    assert billing.failed_at[-1] == NOW + 99
    assert len(billing.failed_at) == 20


def test_a_payment_lifts_no_suspension_that_a_person_ordered() -> None:
    customer = owing(paid=NOW, status="suspended", status_reason="abuse")
    assert in_force(customer, NOW + 1) == ("pro", "suspended", "abuse")


def test_a_person_lifts_no_suspension_that_an_unpaid_bill_made() -> None:
    assert in_force(owing(NOW, status="active"), NOW + 22 * DAY)[1] == "suspended"


def test_nothing_reopens_a_customer_that_a_person_closed() -> None:
    live = Subscription("active", NOW)
    customer = subscribed(live, status="closed", status_reason="gone")
    assert desired_state(customer, POLICY, NOW) == desired_state(customer, POLICY, NOW + 999 * DAY)
    assert in_force(customer, NOW) == ("pro", "closed", "gone")


def test_a_date_suspends_by_itself() -> None:
    customer = replace(ACME, expires_at=NOW)
    assert in_force(customer, NOW - 1) == ("pro", "active", None)
    assert in_force(customer, NOW) == ("pro", "suspended", "expired")
    assert desired_state(customer, POLICY, NOW - DAY + 1).changes_at == NOW
    assert desired_state(customer, POLICY, NOW - 8 * DAY).changes_at == NOW - 7 * DAY


@pytest.mark.parametrize(
    ("ones", "status", "reason"),
    [
        ([("active", None)], "active", None),
        ([("trialing", NOW + 1)], "active", None),
        ([("past_due", None)], "active", None),
        ([("active", NOW)], "suspended", "subscription ended"),
        ([("unpaid", None)], "suspended", "subscription unpaid"),
        ([("paused", None), ("ended", None)], "suspended", "subscription unpaid"),
        ([("ended", None)], "closed", "subscription ended"),
        ([("ended", None), ("active", None)], "active", None),
    ],
)
def test_the_last_live_subscription_decides(
    ones: list[tuple[str, int | None]], status: str, reason: str | None
) -> None:
    customer = subscribed(*(Subscription(state, 1, ends_at) for state, ends_at in ones))
    assert in_force(customer, NOW)[1:] == (status, reason)


def test_an_end_suspends_only_where_the_policy_wants_so() -> None:
    customer = subscribed(Subscription("ended", 1))
    assert in_force(customer, NOW, policy(ended="suspend"))[1] == "suspended"


def test_an_older_word_of_a_subscription_changes_nothing() -> None:
    ended = Billing().with_subscription("s", Subscription("ended", 9))
    assert ended.with_subscription("s", Subscription("active", 8)) == ended
    assert ended.with_subscription("s", Subscription("active", 9)) == ended
    assert (
        ended.with_subscription("s", Subscription("active", 10)).subscriptions["s"].state
        == "active"
    )


@pytest.mark.parametrize(
    "billing",
    ["text", {"failed_at": ["x"]}, {"subscriptions": {"s": {"state": "odd", "at": 1}}}, [1]],
)
def test_billing_that_was_put_by_hand_and_cannot_be_is_refused(billing: Any) -> None:
    with pytest.raises(InvalidRecordError, match="billing"):
        billing_of(billing)


def test_what_is_known_of_payments_survives_the_table() -> None:
    made = Billing().failed(5).with_subscription("s", Subscription("active", 4, 9)).paid(3)
    assert billing_of(made.as_json()) == made


def test_a_live_subscription_begins_a_customer_and_overrules_no_person() -> None:
    live = CustomerEvent(
        "SubscriptionChanged", "acme", NOW, {"subscription": "s", "state": "active", "plan": "pro"}
    )
    suspended = CustomerEvent("CustomerSuspended", "acme", NOW - 900)
    for order in ((live, suspended), (suspended, live)):
        record = None
        for event in order:
            record = apply_event(record, event, {}).record
        assert record is not None
        assert (record["plan"], record["status"]) == ("pro", "suspended")
    assert customer_of(apply_event(None, live, {}).record).complete


@pytest.mark.parametrize(
    ("event", "more"),
    [
        ("CustomerSignedUp", {"plan": "pro"}),
        ("CustomerPlanChanged", {"plan": "pro"}),
        ("CustomerResumed", {}),
        ("CustomerExpiryChanged", {}),
    ],
)
@pytest.mark.parametrize(("date", "read"), [("2027-01-15T08:00:00Z", NOW), ("never", None)])
def test_a_date_comes_with_an_event_and_the_newest_one_counts(
    event: str, more: dict[str, str], date: str, read: int | None
) -> None:
    first = {"plan": "pro", "expires_at": "2026-12-01T00:00:00Z"}
    record = apply_event(None, CustomerEvent("CustomerSignedUp", "acme", 5, first), {}).record
    for at, kind, said in (
        (9, event, more | {"expires_at": date}),
        (7, "CustomerExpiryChanged", {"expires_at": "2028-01-01T00:00:00Z"}),
    ):
        record = apply_event(record, CustomerEvent(kind, "acme", at, said), {}).record
    assert customer_of(record).expires_at == read


def test_an_event_without_a_date_leaves_it() -> None:
    first = {"plan": "pro", "expires_at": "2026-12-01T00:00:00Z"}
    record = apply_event(None, CustomerEvent("CustomerSignedUp", "acme", 5, first), {}).record
    resumed = apply_event(record, CustomerEvent("CustomerResumed", "acme", 9), {}).record
    assert customer_of(resumed).expires_at is not None


@pytest.mark.parametrize("value", ["2027-01-15T08:00:00+00:00", "2027-01-15 08:00", NOW])
def test_a_date_put_by_hand_is_read_as_people_write_it(value: Any) -> None:
    record = {"customer_id": "acme", "plan": "pro", "status": "active", "expires_at": value}
    assert customer_of(record).expires_at == NOW
    with pytest.raises(InvalidRecordError, match="expires_at"):
        customer_of(record | {"expires_at": "next week"})


def test_a_bill_is_settled_by_the_subscription_that_owes_it() -> None:
    owed = Billing().failed(NOW, "sub_1")
    assert owed.paid(NOW + 9, "sub_2").overdue_since == NOW
    assert owed.paid(NOW + 9, "sub_1").overdue_since is None
    assert owed.paid(NOW + 9).overdue_since is None


def test_a_failure_that_names_no_subscription_is_settled_by_any_payment() -> None:
    assert Billing().failed(NOW).paid(NOW + 9, "sub_2").overdue_since is None


def test_a_failure_told_after_the_end_of_its_subscription_is_nobodys_debt() -> None:
    ended = Billing().with_subscription("sub_1", Subscription("ended", NOW))
    assert ended.failed(NOW + 1, "sub_1").overdue_since is None
    assert ended.failed(NOW - 1, "sub_1").overdue_since == NOW - 1
    late = Billing().failed(NOW + 1, "sub_1").with_subscription("sub_1", Subscription("ended", NOW))
    assert late.overdue_since is None


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(1, 9), st.sampled_from([None, "a", "b"])), max_size=8
    ),
    st.randoms(use_true_random=False),
)
def test_bills_may_be_told_in_any_order(
    facts: list[tuple[bool, int, str | None]], chance: Any
) -> None:
    def owed(told: list[tuple[bool, int, str | None]]) -> tuple[int | None, int]:
        billing = Billing()
        for is_paid, at, name in told:
            billing = billing.paid(at, name) if is_paid else billing.failed(at, name)
        assert billing_of(billing.as_json()) == billing
        return billing.overdue_since, billing.cycle

    shuffled = chance.sample(facts, len(facts))
    assert owed(facts) == owed(shuffled)
