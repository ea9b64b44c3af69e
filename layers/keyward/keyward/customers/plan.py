"""The customer planner: what is desired, what is known of the keys -> the actions between them.

Pure: no I/O, the clock passed in. Actions are in the order in which they are safe. What cannot be
done is stated as the plan's `problem`, so that it is reported and never passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from keyward.customers.actions import Action, CustomerPlan, on
from keyward.customers.desired import DesiredState, wanted
from keyward.customers.key import CREATED, DELETING, KeyRecord
from keyward.customers.model import Customer
from keyward.customers.plan_keys import KeyPlanner, switched
from keyward.customers.plan_quota import extensions_for
from keyward.customers.rotation import expires_at, notices, rotates_at
from keyward.customers.undo_rotation import undo_rotation
from keyward.errors import UnknownPlanError
from keyward.policy.model import Policy

__all__ = ["Action", "CustomerPlan", "due_at", "plan_customer"]


def plan_customer(
    customer: Customer,
    keys: Sequence[KeyRecord],
    policy: Policy,
    now: float,
    last_number: int = 0,
) -> CustomerPlan:
    """What has to be done for the customer at `now` (epoch seconds). `last_number` is that of the
    last key that was deleted. Planning again after the actions gives no action."""
    if not customer.complete:
        return CustomerPlan()
    desired = wanted(customer, policy, now)
    reason = desired.reason or customer.status_reason
    closed = desired.status == "closed"
    ended = [key for key in keys if key.state == DELETING or closed]
    over = [key for key in keys if key not in ended and key.delete_at and key.delete_at <= now]
    begun = (
        *(on("delete_key", key, reason=reason if closed else None) for key in ended),
        *(on("delete_key", key, retired=True) for key in over if key.replaced_by is not None),
    )
    if closed:
        return CustomerPlan(begun)
    done = {action.number for action in begun}
    kept = [key for key in keys if key.number not in done]
    if desired.status == "suspended":
        return CustomerPlan(begun + _suspend(kept, reason))
    last = max([last_number, *(key.number for key in keys)])
    asked = customer.rotation
    if asked and asked.undone:
        undone, kept = undo_rotation(asked.requested_at, kept, policy)
        begun, customer = begun + undone, replace(customer, rotation=None)
    made = _activate(customer, kept, desired, policy, now, last)
    before, after = extensions_for(customer, kept, made.actions, str(desired.plan), policy, now)
    return CustomerPlan((*begun, *before, *made.actions, *after), made.problem)


def due_at(
    customer: Customer, keys: Sequence[KeyRecord], policy: Policy, now: float
) -> float | None:
    """When, after `now`, planning would give an action by itself (epoch seconds); None for
    never."""
    if not customer.complete:
        return None
    desired = wanted(customer, policy, now)
    times = [desired.changes_at] if desired.changes_at else []
    if desired.status != "closed":
        times += [key.delete_at for key in keys if key.delete_at and key.replaced_by is not None]
    if desired.status == "active":
        for key in keys:
            times += _turns(key, str(desired.plan), policy)
    return min((at for at in times if at > now), default=None)


def _turns(key: KeyRecord, plan: str, policy: Policy) -> list[float]:
    """When something becomes of a key that works; one that leaked waits for no time."""
    if key.retire_at is not None and key.replaced_by is None:
        return []
    times: list[float] = [key.retire_at] if key.retire_at else []
    if key.issued and key.retire_at is None:
        due = rotates_at(key, plan, policy)
        times += [due] if due else []
    expires = expires_at(key, plan, policy)
    if key.issued and expires:
        times += notices(key, expires).values()
    return times


def _suspend(keys: Sequence[KeyRecord], reason: str | None) -> tuple[Action, ...]:
    """A key in the making is in no plan yet, and so refused anyway."""
    return tuple(
        on("disable_key", key, reason=reason)
        for key in keys
        if key.state == CREATED and switched(key)
    )


def _activate(
    customer: Customer,
    keys: Sequence[KeyRecord],
    desired: DesiredState,
    policy: Policy,
    now: float,
    last_number: int,
) -> CustomerPlan:
    """What can be done is done even when the plan is not known: a move that broke off has left its
    key in no plan, a key that leaked is disabled."""
    plan = str(desired.plan)
    problem = None
    try:
        policy.plan(plan)
    except UnknownPlanError as unknown:
        problem = unknown
    # How the last event wanted its change counts for that change only.
    mode = customer.plan_key if plan == customer.plan else None
    successor = (mode or policy.plan_change) == "successor" and not desired.in_place
    planner = KeyPlanner(customer, plan, problem is None, successor, policy, now, last_number)
    actions = tuple(_with_reason(action, desired) for action in planner.actions(keys))
    return CustomerPlan(actions, problem)


def _with_reason(action: Action, desired: DesiredState) -> Action:
    """A plan that money lowered is told with its reason."""
    if action.action != "move_key" or action.reason or action.plan != desired.plan:
        return action
    return replace(action, reason=desired.reason)
