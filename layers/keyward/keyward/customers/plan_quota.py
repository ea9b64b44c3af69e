"""Plan quota extensions among the other actions of a run. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from keyward.customers.actions import Action, Actions, key_action
from keyward.customers.key import CREATING, KeyRecord
from keyward.customers.model import Customer
from keyward.customers.quota import due
from keyward.policy.model import Policy


def extensions_for(
    customer: Customer,
    keys: Sequence[KeyRecord],
    actions: Sequence[Action],
    plans: Sequence[str],
    policy: Policy,
    now: float,
) -> tuple[Actions, Actions]:
    """Split the extensions into those before and those after the other `actions`.

    A key that is in its plan is extended first, so that its successor takes over the extended
    quota; a key that only gets there is extended last. A key that ends, or follows another, has no
    extension of its own. Of several plans the first with a quota is extended.
    """
    limited = [plan for plan in plans if policy.usage_plans[plan].quota]
    if not limited or not customer.extensions:
        return (), ()
    plan = limited[0]
    quota = policy.usage_plans[plan].quota
    ending = {a.number for a in actions if a.action in ("disable_key", "delete_key")}
    placed = {a.number for a in actions if a.action in ("attach_key", "move_key")}
    before, after = [], []
    for key in (*keys, *_made(customer, keys, actions, now)):
        granted = due(customer.extensions, key, quota, now)
        if not granted or key.number in ending or _follows(key):
            continue
        extensions = [item.as_json() for item in granted]
        action = key_action("extend_quota", key, plan, extensions=extensions)
        if key.number in placed:
            after.append(action)
        elif plan in key.plans:
            before.append(action)
    return tuple(before), tuple(after)


def _follows(key: KeyRecord) -> bool:
    """Whether another key's extension counts: the one that it replaces, or is replaced by."""
    return key.succession.replaces is not None or key.end.replaced_by is not None


def _made(
    customer: Customer, keys: Sequence[KeyRecord], actions: Sequence[Action], now: float
) -> list[KeyRecord]:
    """The keys that the actions make, other than successors."""
    recorded = {key.number for key in keys}
    return [
        KeyRecord(customer.customer_id, action.number, CREATING, created_at=int(now))
        for action in actions
        if action.action == "create_key"
        and action.number not in recorded
        and "replaces" not in action.details
    ]
