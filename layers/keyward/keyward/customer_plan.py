"""The customer planner: what is desired, what is known of the keys -> the actions between them.

Pure: no I/O, the clock passed in. Actions are in the order in which they are safe. Those of this
version are create_key and attach_key; a difference that would need another one is stated as the
plan's `problem`, so that it is reported and never passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keyward.customer import Customer
from keyward.desired import wanted
from keyward.errors import NotInThisVersionError, UnknownPlanError
from keyward.key import CREATED, KeyRecord, name_of
from keyward.policy import Policy

FIRST_NUMBER = 1


@dataclass(frozen=True)
class Action:
    """One step of a run. `action` is the name of the function that applies it."""

    action: str
    key: str
    number: int
    plan: str | None = None

    def as_json(self) -> dict[str, Any]:
        """For a state machine's state, a dry run's output and an event's `actions`."""
        told = {"action": self.action, "key": self.key, "number": self.number, "plan": self.plan}
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True)
class CustomerPlan:
    """The actions, in order, and the error that is to be reported when they are done."""

    actions: tuple[Action, ...] = ()
    problem: Exception | None = None


def plan_customer(
    customer: Customer, keys: Sequence[KeyRecord], policy: Policy, now: float
) -> CustomerPlan:
    """What has to be done for the customer at `now` (epoch seconds). Planning again after the
    actions gives no action."""
    if not customer.complete:
        return CustomerPlan()
    desired = wanted(customer, policy, now)
    if desired.status != "active":
        return CustomerPlan(problem=_beyond(customer, keys))
    try:
        plan = policy.plan(str(desired.plan))
    except UnknownPlanError as problem:
        return CustomerPlan(problem=problem)
    if not keys:
        return CustomerPlan(
            (_create(customer, FIRST_NUMBER), _attach(customer, FIRST_NUMBER, plan.name))
        )
    return _finish(customer, keys[-1], plan.name)


def _finish(customer: Customer, key: KeyRecord, plan: str) -> CustomerPlan:
    """What an earlier run left undone for the customer's key."""
    attach = _attach(customer, key.number, plan)
    if key.state != CREATED:
        return CustomerPlan((_create(customer, key.number), attach))
    if key.plan is None:
        return CustomerPlan((attach,))
    if key.plan != plan:
        return CustomerPlan(
            problem=_not_yet(f"moving key {key.name} from plan {key.plan} to plan {plan}")
        )
    return CustomerPlan()


def _beyond(customer: Customer, keys: Sequence[KeyRecord]) -> Exception | None:
    if not keys:
        return None
    what = "disabling" if customer.status == "suspended" else "deleting"
    return _not_yet(f"{what} key {keys[-1].name} of a {customer.status} customer")


def _not_yet(what: str) -> Exception:
    return NotInThisVersionError(f"{what} is not in this version of Keyward. Do it in API Gateway")


def _create(customer: Customer, number: int) -> Action:
    return Action("create_key", name_of(customer.customer_id, number), number)


def _attach(customer: Customer, number: int, plan: str) -> Action:
    return Action("attach_key", name_of(customer.customer_id, number), number, plan)
