"""The customer planner: what is desired, what is known of the keys -> the actions between them.

Pure: no I/O, the clock passed in. Actions are in the order in which they are safe. What cannot be
done is stated as the plan's `problem`, so that it is reported and never passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keyward.customer import Customer
from keyward.desired import wanted
from keyward.errors import UnknownPlanError
from keyward.key import CREATED, CREATING, DELETING, KeyRecord, name_of
from keyward.policy import Policy


@dataclass(frozen=True)
class Action:
    """One step of a run. `action` is the name of the function that applies it; `origin` the plan
    that a key leaves for `plan`."""

    action: str
    key: str
    number: int
    plan: str | None = None
    origin: str | None = None
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """For a state machine's state, a dry run's output and an event's `actions`."""
        told = {
            "action": self.action,
            "key": self.key,
            "number": self.number,
            "from": self.origin,
            "plan": self.plan,
            "reason": self.reason,
        }
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True)
class CustomerPlan:
    """The actions, in order, and the error that is to be reported when they are done."""

    actions: tuple[Action, ...] = ()
    problem: Exception | None = None


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
    ended = [key for key in keys if key.state == DELETING or desired.status == "closed"]
    begun = tuple(_on("delete_key", key, reason=reason) for key in ended)
    kept = [key for key in keys if key not in ended]
    if desired.status == "closed":
        return CustomerPlan(begun)
    if desired.status == "suspended":
        return CustomerPlan(begun + _suspend(kept, reason))
    last = max([last_number, *(key.number for key in keys)])
    made = _activate(customer, kept, str(desired.plan), policy, last + 1)
    return CustomerPlan(begun + made.actions, made.problem)


def _suspend(keys: Sequence[KeyRecord], reason: str | None) -> tuple[Action, ...]:
    """A key in the making is in no plan yet, and so refused anyway."""
    return tuple(
        _on("disable_key", key, reason=reason)
        for key in keys
        if key.state == CREATED and (key.enabled or key.switching is not None)
    )


def _activate(
    customer: Customer, keys: Sequence[KeyRecord], plan: str, policy: Policy, number: int
) -> CustomerPlan:
    """Keys are in their plan before they are enabled. What can be done is done even when the plan
    is not known: a move that broke off has left its key in no plan."""
    problem = _unknown(plan, policy)
    if not keys and problem is None:
        return CustomerPlan(_new_key(customer, number, plan))
    actions: tuple[Action, ...] = ()
    for key in keys:
        actions += _placed(key, plan, policy, problem) + _enabled(key)
    return CustomerPlan(actions, problem)


def _unknown(plan: str, policy: Policy) -> Exception | None:
    try:
        policy.plan(plan)
    except UnknownPlanError as problem:
        return problem
    return None


def _placed(
    key: KeyRecord, plan: str, policy: Policy, problem: Exception | None
) -> tuple[Action, ...]:
    """What brings a key into the plan, or, as that is not known, out of a move that broke off."""
    if problem is not None:
        known = key.moving_to if key.moving_to in policy.usage_plans else key.plan
        return (_move(key, str(known)),) if key.moving_to and known else ()
    if key.state == CREATING:
        return (_on("create_key", key), _on("attach_key", key, plan))
    if key.plan is None and key.moving_to in (None, plan):
        return (_on("attach_key", key, plan),)
    if key.plan != plan or key.moving_to is not None:
        return (_move(key, plan),)
    return ()


def _enabled(key: KeyRecord) -> tuple[Action, ...]:
    if key.state == CREATED and (not key.enabled or key.switching is not None):
        return (_on("enable_key", key),)
    return ()


def _new_key(customer: Customer, number: int, plan: str) -> tuple[Action, ...]:
    name = name_of(customer.customer_id, number)
    return (Action("create_key", name, number), Action("attach_key", name, number, plan))


def _move(key: KeyRecord, plan: str) -> Action:
    return Action("move_key", key.name, key.number, plan, origin=key.plan)


def _on(action: str, key: KeyRecord, plan: str | None = None, reason: str | None = None) -> Action:
    return Action(action, key.name, key.number, plan, reason=reason)
