from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from keyward.errors import InvalidEventError, PolicyRefusedError
from keyward.events.contracts import CustomerEvent, customer_event
from keyward.events.third_party import FOREIGN_EVENTS, customer_in, is_third_party, translate
from keyward.policy.model import Policy
from keyward.policy.parse import default_text, parse
from keyward.values import JSON
from tests.support import load_event

NOW = 1_795_434_400.0  # 2026-11-23T11:46:40Z
TENANT = "f3a1c9d2-5b7e-4c0a-9d57-0f2b6e8a1c34"
STRIPE = (
    "stripe-subscription-created",
    "stripe-subscription-updated",
    "stripe-subscription-deleted",
    "stripe-invoice-payment-failed",
    "stripe-invoice-payment-succeeded",
    "stripe-invoice-paid",
)
SBT = {
    "sbt-onboarding-request": "CustomerSignedUp",
    "sbt-offboarding-request": "CustomerClosed",
    "sbt-activate-request": "CustomerResumed",
    "sbt-deactivate-request": "CustomerSuspended",
    "sbt-billing-failure": "PaymentFailed",
    "sbt-billing-success": "PaymentSucceeded",
}


def policy(**billing: Any) -> Policy:
    return parse(json.dumps(json.loads(default_text()) | {"billing": billing}))


POLICY = policy(sbt={"plans": {"basic": "free"}})


def read(envelope: JSON, rules: Policy = POLICY) -> list[CustomerEvent]:
    return [customer_event(own, NOW) for own in translate(envelope, rules)]


def subscription(name: str = "updated", **changes: Any) -> JSON:
    event = copy.deepcopy(load_event(f"stripe-subscription-{name}"))
    event["detail"]["data"]["object"] |= changes
    return event


def invoice(**changes: Any) -> JSON:
    event = copy.deepcopy(load_event("stripe-invoice-payment-failed"))
    event["detail"]["data"]["object"] |= changes
    return event


@pytest.mark.parametrize("name", [*STRIPE, *SBT])
def test_every_sample_is_one_of_another_system(name: str) -> None:
    assert is_third_party(load_event(name))


@pytest.mark.parametrize("name", ["customer-signed-up", "payment-failed", "deployment-approved"])
def test_our_own_events_are_not(name: str) -> None:
    assert not is_third_party(load_event(name))


def test_stripes_subscription_says_the_plan_by_its_lookup_key_and_its_own_time() -> None:
    envelope = load_event("stripe-subscription-created") | {"time": "2026-11-23T11:00:00Z"}
    (event,) = read(envelope)
    assert (event.detail_type, event.customer_id) == ("SubscriptionChanged", "acme")
    assert event.occurred_at == 1795428000
    said = {"subscription": "sub_1QExampleExample", "state": "active", "plan": "pro"}
    assert event.fields == said
    assert (event.event_id, event.source) == (envelope["id"], envelope["source"])


@pytest.mark.parametrize("name", ["price_1QExamplePro", "prod_QExamplePro", "pro"])
def test_the_policy_maps_prices_products_and_lookup_keys(name: str) -> None:
    (event,) = read(
        load_event("stripe-subscription-created"), policy(stripe={"plans": {name: "free"}})
    )
    assert event.fields["plan"] == "free"


def test_a_plan_in_the_metadata_is_the_plainest_word() -> None:
    (event,) = read(subscription("created", metadata={"customer_id": "acme", "plan": "free"}))
    assert event.fields["plan"] == "free"


def test_stripes_customer_is_ours_by_the_policy_where_no_metadata_says_so() -> None:
    rules = policy(stripe={"customers": {"cus_QExampleAcme": "acme"}, "customer_id": "tenant"})
    assert read(subscription("created"), rules)[0].customer_id == "acme"
    assert read(invoice(), rules)[0].customer_id == "acme"
    expanded = subscription("created", customer={"id": "cus_QExampleAcme", "object": "customer"})
    assert read(expanded, rules)[0].customer_id == "acme"
    named = subscription("created", metadata={"tenant": "other"})
    assert read(named, rules)[0].customer_id == "other"


@pytest.mark.parametrize(
    ("status", "before", "told"),
    [
        ("active", {}, [("SubscriptionChanged", "active")]),
        (
            "active",
            {"status": "past_due"},
            [("SubscriptionChanged", "active"), ("PaymentSucceeded", None)],
        ),
        ("active", {"status": "incomplete"}, [("SubscriptionChanged", "active")]),
        ("trialing", {}, [("SubscriptionChanged", "trialing")]),
        ("past_due", {}, [("SubscriptionChanged", "past_due"), ("PaymentFailed", None)]),
        ("unpaid", {}, [("SubscriptionChanged", "unpaid"), ("PaymentFailed", None)]),
        ("paused", {}, [("SubscriptionChanged", "paused")]),
        ("canceled", {}, [("SubscriptionChanged", "ended")]),
        ("incomplete", {}, []),
        ("incomplete_expired", {}, []),
    ],
)
def test_each_status_of_a_subscription_has_its_meaning(
    status: str, before: JSON, told: list[tuple[str, str | None]]
) -> None:
    envelope = subscription(status=status)
    envelope["detail"]["data"]["previous_attributes"] = before
    assert [(e.detail_type, e.fields.get("state")) for e in read(envelope)] == told


def test_an_end_that_is_set_is_taken_along() -> None:
    (event,) = read(subscription("created", cancel_at=1798020000))
    assert event.fields["ends_at"] == 1798020000


def test_a_deleted_subscription_needs_no_plan() -> None:
    (event,) = read(subscription("deleted", items={"data": []}))
    assert event.fields == {"subscription": "sub_1QExampleExample", "state": "ended"}


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("stripe-invoice-payment-failed", "PaymentFailed"),
        ("stripe-invoice-paid", "PaymentSucceeded"),
        ("stripe-invoice-payment-succeeded", "PaymentSucceeded"),
    ],
)
def test_an_invoice_is_a_payment_at_stripes_time(name: str, own: str) -> None:
    (event,) = read(load_event(name))
    assert (event.detail_type, event.customer_id, event.occurred_at) == (own, "acme", 1795428000)


def test_an_invoice_of_an_older_api_version_is_read_as_well() -> None:
    older = invoice(parent=None, subscription_details={"metadata": {"customer_id": "older"}})
    assert read(older)[0].customer_id == "older"
    assert read(invoice(parent=None, metadata={"customer_id": "plain"}))[0].customer_id == "plain"


def test_a_first_payment_that_fails_is_nobodys_debt() -> None:
    assert read(invoice(billing_reason="subscription_create")) == []


def test_an_invoice_is_about_its_subscription_by_either_api_version() -> None:
    assert read(invoice())[0].fields == {"subscription": "sub_1QExampleExample"}
    older = {"metadata": {"customer_id": "acme"}, "parent": None}
    assert read(invoice(subscription="sub_2", **older))[0].fields == {"subscription": "sub_2"}
    assert read(invoice(subscription={"id": "sub_3"}, **older))[0].fields["subscription"] == "sub_3"
    assert read(invoice(**older))[0].fields == {}


@pytest.mark.parametrize("name", ["stripe-invoice-paid", "stripe-invoice-payment-failed"])
def test_a_one_off_invoice_is_about_no_key(name: str) -> None:
    event = load_event(name)
    event["detail"]["data"]["object"] |= {"billing_reason": "manual"}
    assert read(event) == []


@pytest.mark.parametrize(("more", "payments"), [({}, 0), ({"paid_out_of_band": True}, 1)])
def test_an_invoice_of_nothing_settles_nothing(more: JSON, payments: int) -> None:
    event = load_event("stripe-invoice-paid")
    event["detail"]["data"]["object"] |= {"amount_paid": 0} | more
    assert len(read(event)) == payments


def test_a_tier_that_nobody_mapped_is_named_with_those_that_are() -> None:
    event = load_event("sbt-onboarding-request") | {"detail": {"tenantId": "a", "tier": "PREMIUM"}}
    with pytest.raises(InvalidEventError) as told:
        read(event, policy(sbt={"plans": {"basic": "free", "premium": "pro"}}))
    assert "PREMIUM" in str(told.value)
    assert "basic -> free, premium -> pro" in str(told.value)


@pytest.mark.parametrize(("name", "own"), SBT.items())
def test_each_request_of_the_toolkit_has_its_meaning(name: str, own: str) -> None:
    (event,) = read(load_event(name))
    assert (event.detail_type, event.customer_id) == (own, TENANT)


def test_a_tenant_that_is_onboarded_brings_its_plan_and_name() -> None:
    (event,) = read(load_event("sbt-onboarding-request"))
    assert event.fields == {"plan": "free", "name": "Acme Inc."}


def test_other_names_of_members_are_set_in_the_policy() -> None:
    event = load_event("sbt-onboarding-request") | {"detail": {"id": "acme", "level": "pro"}}
    rules = policy(sbt={"customer_id": "id", "tier": "level"})
    assert read(event, rules)[0].fields == {"plan": "pro"}
    nested = load_event("sbt-onboarding-request") | {
        "detail": {"tenantId": "acme", "tenantData": {"tier": "pro"}}
    }
    assert read(nested)[0].fields == {"plan": "pro"}


@pytest.mark.parametrize("own", ["payment_failed", "payment_succeeded"])
def test_a_plain_name_of_a_payment_is_understood(own: str) -> None:
    (event,) = read(load_event("payment-failed") | {"detail-type": own})
    assert event.detail_type == {"payment_failed": "PaymentFailed"}.get(own, "PaymentSucceeded")


@pytest.mark.parametrize(
    ("envelope", "field"),
    [
        (subscription(metadata={}), "detail.data.object.metadata.customer_id"),
        (subscription(metadata=None), "detail.data.object.metadata.customer_id"),
        (subscription(metadata={"customer_id": "a b"}), "detail.customer_id"),
        (
            subscription(items={"data": [{"price": {"id": "price_new"}}]}),
            "detail.data.object.items",
        ),
        (subscription(items=[]), "detail.data.object.items"),
        (subscription(status="odd"), "detail.state"),
        (subscription(id=None), "detail.subscription"),
        (subscription(cancel_at="soon"), "detail.ends_at"),
        (invoice(parent={}, customer=None), "detail.data.object.metadata.customer_id"),
        (load_event("stripe-invoice-paid") | {"detail": {}}, "detail.created"),
        (load_event("stripe-invoice-paid") | {"detail": {"created": 1}}, "detail.data"),
        (load_event("stripe-invoice-paid") | {"detail": {"created": 2**60}}, "detail.created"),
        (load_event("stripe-invoice-paid") | {"detail": None}, "detail"),
        (load_event("sbt-deactivate-request") | {"detail": {}}, "detail.tenantId"),
        (load_event("sbt-deactivate-request") | {"detail": {"tenantId": 7}}, "detail.customer_id"),
        (load_event("sbt-onboarding-request") | {"detail": {"tenantId": TENANT}}, "detail.tier"),
    ],
)
def test_what_names_no_customer_or_no_plan_is_refused_by_its_field(
    envelope: JSON, field: str
) -> None:
    with pytest.raises(InvalidEventError) as told:
        read(envelope)
    assert told.value.field == field


def test_a_price_that_nobody_mapped_is_named_with_the_place_to_map_it() -> None:
    priced = {"data": [{"price": {"id": "price_New", "product": "prod_New"}}]}
    with pytest.raises(InvalidEventError, match=r"price_New, prod_New .*billing\.stripe\.plans"):
        read(subscription(items=priced))


@pytest.mark.parametrize(
    ("envelope", "customer"),
    [
        (subscription(items=[]), "acme"),
        (invoice(), "acme"),
        (load_event("sbt-billing-failure"), TENANT),
        (load_event("payment-failed") | {"detail-type": "payment_failed"}, "acme"),
        (load_event("sbt-billing-failure") | {"detail": {"tenantId": ["x"]}}, None),
        ({"detail-type": "invoice.paid", "detail": 5}, None),
        ({"detail-type": "invoice.paid", "detail": {"data": {"object": []}}}, None),
    ],
)
def test_a_malformed_event_still_names_its_customer(envelope: JSON, customer: str | None) -> None:
    assert customer_in(envelope, POLICY) == customer


@pytest.mark.parametrize("kind", FOREIGN_EVENTS)
@pytest.mark.parametrize("detail", [{}, {"data": []}, {"data": {"object": None}, "created": 1}, []])
def test_what_is_torn_is_refused_and_nothing_worse(kind: str, detail: object) -> None:
    with pytest.raises(InvalidEventError):
        read({"detail-type": kind, "detail": detail, "time": "2026-11-23T10:00:00Z"})


@pytest.mark.parametrize(
    ("billing", "place"),
    [
        ({"ladder": [{"step": "plan", "after_days": 1}]}, r"billing\.ladder\[0\]"),
        ({"ladder": [{"step": "close", "after_days": 1, "plan": "free"}]}, r"ladder\[0\]"),
        ({"ladder": [{"step": "plan", "after_days": 1, "plan": "gold"}]}, r"ladder\[0\]\.plan"),
        ({"ladder": [{"step": "shout", "after_days": 1}]}, "ladder"),
        ({"stripe": {"plans": {"price_1": "gold"}}}, r"billing\.stripe\.plans\.price_1"),
        ({"sbt": {"plans": {"basic": "gold"}}}, r"billing\.sbt\.plans\.basic"),
        ({"expiry_notice_days": [0]}, "expiry_notice_days"),
        ({"ended": "shred"}, "ended"),
    ],
)
def test_a_bad_part_about_money_is_refused_by_its_place(billing: JSON, place: str) -> None:
    with pytest.raises(PolicyRefusedError, match=place):
        policy(**billing)
