"""The actions of reconcile-customer: what a plan is made of. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from keyward.customers.key import KeyRecord


@dataclass(frozen=True)
class Action:
    """One step of a run. `action` is the name of the function that applies it; `origin` the plan
    that a key leaves for `plan`; `details` are members of its own."""

    action: str
    key: str
    number: int
    plan: str | None = None
    origin: str | None = None
    reason: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For a state machine's state, a dry run's output and an event's `actions`."""
        told = {
            "action": self.action,
            "key": self.key,
            "number": self.number,
            "from": self.origin,
            "plan": self.plan,
            "reason": self.reason,
            **self.details,
        }
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True)
class CustomerPlan:
    """The actions, in order, and the error that is to be reported when they are done."""

    actions: tuple[Action, ...] = ()
    problem: Exception | None = None


def on(
    action: str,
    key: KeyRecord,
    plan: str | None = None,
    reason: str | None = None,
    **details: Any,
) -> Action:
    """An action on a key that there is a record of."""
    return Action(action, key.name, key.number, plan, reason=reason, details=details)


def move(key: KeyRecord, plan: str, **details: Any) -> Action:
    """From plan to plan."""
    return Action("move_key", key.name, key.number, plan, origin=key.plan, details=details)
