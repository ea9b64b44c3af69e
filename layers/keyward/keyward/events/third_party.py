"""Translate events of other systems, as they come, into Keyward's own. Pure.

Stripe's arrive through its EventBridge partner event source: `detail-type` is the type, `detail`
the whole Event object, whose `created` says when it happened (docs.stripe.com/event-destinations/
eventbridge; docs.stripe.com/api/events/object). It may deliver one twice, late and in any order
(docs.stripe.com/webhooks). Those of the SaaS Builder Toolkit come from its control plane: `detail`
is the tenant, flat (awslabs/sbt-aws: src/utils/event-manager.ts, resources/functions/
tenant-registrations). docs/billing.md has the tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from keyward.errors import InvalidEventError
from keyward.events.fields import CUSTOMER_ID, redacted, shown
from keyward.policy.model import Policy
from keyward.values import JSON, iso

SUBSCRIPTION_EVENTS = tuple(
    f"customer.subscription.{what}"
    for what in ("created", "updated", "deleted", "paused", "resumed")
)
INVOICE_EVENTS = {
    "invoice.payment_failed": "PaymentFailed",
    "invoice.payment_succeeded": "PaymentSucceeded",
    "invoice.paid": "PaymentSucceeded",
}
SBT_EVENTS = {
    "onboardingRequest": "CustomerSignedUp",
    "offboardingRequest": "CustomerClosed",
    "activateRequest": "CustomerResumed",
    "deactivateRequest": "CustomerSuspended",
    "billingSuccess": "PaymentSucceeded",
    "billingFailure": "PaymentFailed",
}
# For a billing system that speaks to the bus itself: `detail` is that of our own events.
PLAIN_EVENTS = {"payment_failed": "PaymentFailed", "payment_succeeded": "PaymentSucceeded"}
PLAIN_MEMBERS = ("customer_id", "occurred_at", "subscription")
FOREIGN_EVENTS = (*SUBSCRIPTION_EVENTS, *INVOICE_EVENTS, *SBT_EVENTS, *PLAIN_EVENTS)

# A subscription whose first payment is awaited, or never came, was never a customer's.
NOT_BEGUN = ("incomplete", "incomplete_expired")
OWED = ("past_due", "unpaid")
STRIPE_ID = re.compile(r"(price|prod|plan)_[A-Za-z0-9]{1,64}")


def is_third_party(envelope: object) -> bool:
    """Whether an EventBridge envelope is one that `translate` knows."""
    return isinstance(envelope, dict) and envelope.get("detail-type") in FOREIGN_EVENTS


def translate(envelope: JSON, policy: Policy) -> list[JSON]:
    """Translate an event into envelopes of ours; none when it means nothing for keys.

    Raises InvalidEventError when it names no customer, or no plan of the policy.
    """
    detail_type, detail = str(envelope["detail-type"]), _object(envelope.get("detail"), "detail")
    if detail_type in PLAIN_EVENTS:
        # A billing system of its own has members of its own.
        members = {name: detail[name] for name in PLAIN_MEMBERS if name in detail}
        return [envelope | {"detail-type": PLAIN_EVENTS[detail_type], "detail": members}]
    if detail_type in SBT_EVENTS:
        return [_from_sbt(envelope, detail_type, detail, policy)]
    at = _created(detail)
    about = _object(_object(detail.get("data"), "detail.data").get("object"), "detail.data.object")
    if detail_type in INVOICE_EVENTS:
        return _from_invoice(envelope, about, at, policy)
    return _from_subscription(envelope, about, at, policy)


def customer_in(envelope: object, policy: Policy) -> str | None:
    """Find the customer that a malformed event of another system is about, if it names one."""
    detail = envelope.get("detail") if isinstance(envelope, dict) else None
    if not isinstance(detail, dict):
        return None
    data = detail.get("data")
    about = data.get("object") if isinstance(data, dict) else None
    found: list[Any] = [*_stripe_names(about, policy)] if isinstance(about, dict) else []
    found += [_sbt_member(detail, policy.billing.sbt.customer_id), detail.get("customer_id")]
    return next((i for i in found if isinstance(i, str) and CUSTOMER_ID.fullmatch(i)), None)


def _from_sbt(envelope: JSON, detail_type: str, detail: JSON, policy: Policy) -> JSON:
    rules, own = policy.billing.sbt, SBT_EVENTS[detail_type]
    members: JSON = {"customer_id": _sbt_member(detail, rules.customer_id)}
    if members["customer_id"] is None:
        raise _nobody(f"detail.{rules.customer_id}", "sbt")
    if own == "CustomerSuspended":
        members["reason"] = "deactivated"
    if own == "CustomerSignedUp":
        tier, name = _sbt_member(detail, rules.tier), _sbt_member(detail, "tenantName")
        members["plan"] = _plan_of([tier], rules.plans, policy)
        if members["plan"] is None:
            raise _no_tier(tier, rules.tier, policy)
        members |= {"name": name} if isinstance(name, str) and name.strip() else {}
    return envelope | {"detail-type": own, "detail": members}


def _sbt_member(detail: JSON, name: str) -> Any:
    """Find a member of the tenant, wherever the versions of sbt-aws have put it."""
    places = [detail, detail.get("tenantData"), detail.get("tenantRegistrationData")]
    return next((p[name] for p in places if isinstance(p, dict) and p.get(name)), None)


def _from_subscription(envelope: JSON, about: JSON, at: int, policy: Policy) -> list[JSON]:
    status, deleted = about.get("status"), envelope["detail-type"].endswith(".deleted")
    if status in NOT_BEGUN:
        return []
    state = "ended" if status == "canceled" or deleted else status
    customer_id = _stripe_customer(about, policy)
    members: JSON = {"subscription": about.get("id"), "state": state}
    stated, *paid_for = _stripe_plans(about, policy)
    plans = policy.billing.stripe.plans
    plan = _plan_of([stated], plans, policy) or _plan_of(paid_for, plans, policy)
    if plan is None and state not in ("ended", "unpaid", "paused"):
        raise _no_plan(paid_for)
    members |= {"plan": plan} if plan else {}
    members |= {"ends_at": about["cancel_at"]} if about.get("cancel_at") else {}
    events = [_event(envelope, "SubscriptionChanged", customer_id, at, **members)]
    bill = {"subscription": about["id"]} if about.get("id") else {}
    before = envelope["detail"]["data"].get("previous_attributes")
    if state in OWED:
        events.append(_event(envelope, "PaymentFailed", customer_id, at, **bill))
    elif state == "active" and isinstance(before, dict) and before.get("status") in OWED:
        events.append(_event(envelope, "PaymentSucceeded", customer_id, at, **bill))
    return events


def _from_invoice(envelope: JSON, about: JSON, at: int, policy: Policy) -> list[JSON]:
    """A bill that was paid, or was not, of the subscription that it is for.

    A first payment that fails begins nothing: what the customer has otherwise is paid for. A
    one-off invoice is about no key, and one of 0 settles nothing.
    """
    detail_type, reason = envelope["detail-type"], about.get("billing_reason")
    own = INVOICE_EVENTS[detail_type]
    is_first = reason == "subscription_create" and own == "PaymentFailed"
    is_empty = own == "PaymentSucceeded" and about.get("amount_paid") == 0
    if is_first or reason == "manual" or (is_empty and not about.get("paid_out_of_band")):
        return []
    subscription = _subscription_of(about)
    more = {"subscription": subscription} if subscription else {}
    return [_event(envelope, own, _stripe_customer(about, policy), at, **more)]


def _subscription_of(invoice: JSON) -> str | None:
    """The subscription of an invoice: in `parent.subscription_details` from API version 2025-03-31
    on, in `subscription` before; its id, or the object where it is expanded."""
    parent = invoice.get("parent")
    details = parent.get("subscription_details") if isinstance(parent, dict) else None
    of_parent = details.get("subscription") if isinstance(details, dict) else None
    for found in (of_parent, invoice.get("subscription")):
        name = found.get("id") if isinstance(found, dict) else found
        if isinstance(name, str) and name:
            return name
    return None


def _event(envelope: JSON, detail_type: str, customer_id: str, at: int, **more: Any) -> JSON:
    detail = {"customer_id": customer_id, "occurred_at": iso(at)} | more
    return envelope | {"detail-type": detail_type, "detail": detail}


def _stripe_customer(about: JSON, policy: Policy) -> str:
    name = next(_stripe_names(about, policy), None)
    if name is None:
        raise _nobody(f"detail.data.object.metadata.{policy.billing.stripe.customer_id}", "stripe")
    return name


def _stripe_names(about: JSON, policy: Policy) -> Iterator[str]:
    """Give the names of our customer that a subscription or an invoice has.

    They stand in the subscription's metadata, which an invoice repeats: in
    `parent.subscription_details` from API version 2025-03-31 on, in `subscription_details` before.
    Last comes Stripe's customer, by the policy.
    """
    rules, parent = policy.billing.stripe, about.get("parent")
    details = [about.get("subscription_details")]
    details += [parent.get("subscription_details")] if isinstance(parent, dict) else []
    for holder in (*reversed(details), about):
        metadata = holder.get("metadata") if isinstance(holder, dict) else None
        found = metadata.get(rules.customer_id) if isinstance(metadata, dict) else None
        if isinstance(found, str) and found:
            yield found
    customer = about.get("customer")
    customer = customer.get("id") if isinstance(customer, dict) else customer
    if isinstance(customer, str) and customer in rules.customers:
        yield rules.customers[customer]


def _stripe_plans(about: JSON, policy: Policy) -> Iterator[Any]:
    """Give the names of a subscription's plan, the plainest first.

    They are its metadata, then each item's price, lookup key and product, then the older `plan`.
    """
    metadata, items = about.get("metadata"), about.get("items")
    yield metadata.get(policy.billing.stripe.plan) if isinstance(metadata, dict) else None
    listed = items.get("data") if isinstance(items, dict) else None
    for item in listed if isinstance(listed, list) else []:
        for name in ("price", "plan"):
            price = item.get(name) if isinstance(item, dict) else None
            if isinstance(price, dict):
                product = price.get("product")
                yield from (price.get("id"), price.get("lookup_key"))
                yield product.get("id") if isinstance(product, dict) else product


def _plan_of(names: list[Any], plans: Mapping[str, str], policy: Policy) -> str | None:
    """Pick the first name that the policy maps, or else that is a usage plan's own."""
    texts = [name for name in names if isinstance(name, str)]
    mapped = (plans[name] for name in texts if name in plans)
    return next(mapped, next((name for name in texts if name in policy.usage_plans), None))


def _created(detail: JSON) -> int:
    created = detail.get("created")
    if isinstance(created, bool) or not isinstance(created, int) or not 0 <= created < 2**36:
        raise InvalidEventError(
            "detail.created",
            "must be a time in epoch seconds",
            "Send Stripe's Event object as it comes",
        )
    return created


def _object(value: object, name: str) -> JSON:
    if not isinstance(value, dict):
        raise InvalidEventError(name, "must be a JSON object", "Send the event as it comes")
    return value


def _nobody(name: str, source: str) -> InvalidEventError:
    where = f"billing.{source}.customer_id of the policy"
    return InvalidEventError(
        name, "must name a customer", f"Set it, or name another member in {where}"
    )


def _no_tier(tier: object, name: str, policy: Policy) -> InvalidEventError:
    mapped = ", ".join(f"{one} -> {plan}" for one, plan in policy.billing.sbt.plans.items())
    plans = ", ".join(policy.usage_plans)
    got = shown(tier) if isinstance(tier, str) else redacted(tier)
    return InvalidEventError(
        f"detail.{name}",
        f"must be mapped ({mapped or 'no tier is'}) or a usage plan ({plans}), got {got}",
        "Map the tier to a plan in billing.sbt.plans of the policy",
    )


def _no_plan(names: list[Any]) -> InvalidEventError:
    prices = [name for name in names if isinstance(name, str) and STRIPE_ID.fullmatch(name)]
    which = ", ".join(dict.fromkeys(prices)) or "a price of the subscription"
    return InvalidEventError(
        "detail.data.object.items",
        "must name a usage plan of the policy",
        f"Map {which} to a plan in billing.stripe.plans of the policy",
    )
