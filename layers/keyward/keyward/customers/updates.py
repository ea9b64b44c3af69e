"""Turn an event into updates of a customer's record. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from keyward.customers.billing import Subscription, billing_of
from keyward.customers.changes import Changes, InForce
from keyward.customers.plans import (
    ADDED,
    MAX_PLANS,
    REMOVED,
    is_complete,
    one_field,
    value_of,
)
from keyward.errors import InvalidEventError
from keyward.events.contracts import CustomerEvent
from keyward.events.fields import WHAT, nearest_hint, shown
from keyward.values import JSON, stated

FieldUpdates = dict[str, tuple[int, JSON]]

# Before all that ever happened (epoch seconds).
NEVER = -(10**12)
_STATUS = {
    "CustomerSignedUp": "active",
    "CustomerSuspended": "suspended",
    "CustomerResumed": "active",
    "CustomerClosed": "closed",
}
_ONE_PLAN = {"PlanAdded": ADDED, "PlanRemoved": REMOVED}


def updates_from(event: CustomerEvent, before: JSON) -> FieldUpdates:
    """The updates of an event by dated field: since when, and the attributes to set."""
    fields, at = event.fields, event.occurred_at
    updates: FieldUpdates = {
        name: (at, {name: fields[name]})
        for name in ("plan", "name", "description", "tags", "expires_at", "keys", "key_id")
        if name in fields
    }
    if "plans" in fields:
        updates["plan"] = (at, {"plan": value_of(fields["plans"])})
    if event.detail_type == "CustomerPlanChanged" and "key" in fields:
        updates["plan"] = (at, updates["plan"][1] | {"plan_key": fields["key"]})
    if event.detail_type in _ONE_PLAN:
        updates["plan"] = (at, {_ONE_PLAN[event.detail_type]: fields["plan"]})
    if event.detail_type in _STATUS:
        why = {"status_reason": fields["reason"]} if "reason" in fields else {}
        updates["status"] = (at, {"status": _STATUS[event.detail_type]} | why)
    if event.detail_type == "KeyRotationRequested":
        names = ("overlap_hours", "reason", "leaked")
        request = {name: fields[name] for name in names if name in fields}
        updates["rotation"] = (at, {"rotation": request | {"requested_at": at}})
    if event.detail_type in ("PaymentFailed", "PaymentSucceeded", "SubscriptionChanged"):
        updates |= _paid_for(event, before)
    return updates


def requester_in(event: CustomerEvent) -> JSON:
    """The event as who asked for a change, for the attribute `asked`."""
    members: JSON = {"by": "event", "event_id": event.event_id, "detail_type": event.detail_type}
    return stated(members | {"source": event.source, "recorded_at": event.recorded_at})


def check_plans(event: CustomerEvent, before: JSON, in_force: Mapping[str, InForce]) -> None:
    """Raise InvalidEventError for a plan too many, and for a removal of the last plan."""
    plan = event.fields.get("plan")
    if event.detail_type == "PlanRemoved" and before.get("plan") == plan:
        raise InvalidEventError(
            "detail.plan",
            "must not be the customer's last plan",
            "Send CustomerPlanChanged with another plan, or CustomerClosed",
        )
    plans = in_force["plan"].values.get("plan") if "plan" in in_force else None
    if isinstance(plans, list) and len(plans) > MAX_PLANS:
        raise InvalidEventError(
            "detail.plan",
            f"must be at most plan {MAX_PLANS} of the customer",
            "Send PlanRemoved first",
        )


def check_removed(event: CustomerEvent, before: JSON, named: Collection[str]) -> None:
    """Raise InvalidEventError for a removal of a plan that the customer has never had and that is
    not `named` by the policy: nobody else would tell that the name is wrong. A repeat is none."""
    plan, record = str(event.fields.get("plan")), one_field(before)
    if event.detail_type != "PlanRemoved" or plan in named or not is_complete(record):
        return
    changes = (record.get("recorded") or {}).get("changes") or ()
    values = [record.get("plan"), *(value for one in changes for value in _set_by(one))]
    if not any(plan == value or (isinstance(value, list) and plan in value) for value in values):
        problem = f"must be a plan of the customer or of the policy, got {shown(plan)}"
        near = nearest_hint(plan, named)
        raise InvalidEventError("detail.plan", problem, f"{near}Correct it and send it again")


def _set_by(change: JSON) -> Iterable[Any]:
    """What a recorded change set, or what an undo took back."""
    return ((change.get("of") or change).get("set") or {}).values()


def _paid_for(event: CustomerEvent, before: JSON) -> FieldUpdates:
    """What a fact about money changes. It never lifts what a person ordered: a live subscription
    makes a customer active only when no event ever set a status."""
    billing, at = billing_of(before.get("billing")), event.occurred_at
    updates: FieldUpdates = {}
    if event.detail_type == "PaymentFailed":
        billing = billing.failed(at, event.fields.get("subscription"))
    elif event.detail_type == "PaymentSucceeded":
        billing = billing.paid(at, event.fields.get("subscription"))
    else:
        fields = event.fields
        new = Subscription(fields["state"], at, fields.get("ends_at"))
        billing = billing.with_subscription(fields["subscription"], new)
        if new.live(at) and "plan" in fields:
            updates["plan"] = (at, {"plan": fields["plan"]})
            updates["status"] = (NEVER + 1, {"status": "active"})
    return updates | {"billing": (at, {"billing": billing.as_json()})}


def undone_by(changes: Changes, event: CustomerEvent) -> Changes:
    """Add an undo to the changes. Raises InvalidEventError for an undo that finds nothing."""
    what, at = event.fields.get("what"), event.occurred_at
    after = changes.undone(at, what)
    if not changes.knows_undo(at, what) and at not in after.effective_undos:
        *others, last = [what] if what else WHAT
        kinds = " or ".join([*filter(None, [", ".join(others)]), last])
        raise InvalidEventError(
            "detail.what",
            f"must name a change that can be undone, and there is no {kinds}",
            "Send the event for the state that you want instead",
        )
    return after
