"""List the actions of reconcile-customer, of which a plan is made. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from keyward.customers.key import KeyRecord
from keyward.policy.model import Policy
from keyward.values import frozen, stated


@frozen
class ActionKind:
    """Where an action is applied: the `state` of reconcile-customer, and its `function`, which is a
    file in functions/. Actions that need the same rights share a function. `calls` are the
    operations of API Gateway that it takes, so that its run can ask for a turn. `answers` are the
    fields of the desired state that it answers: the newest event that set one of them asked for
    it."""

    state: str
    function: str
    calls: tuple[str, ...]
    answers: tuple[str, ...]


_QUOTA = ("GetUsage", "UpdateUsage")
_PLACED = ("plan", "status", "rotation", "billing", "keys", "key_id")

ACTIONS: Mapping[str, ActionKind] = {
    "create_key": ActionKind("Create key", "create_key", ("CreateApiKey",), _PLACED),
    "adopt_key": ActionKind("Adopt key", "create_key", ("GetApiKey", "GetUsagePlans"), _PLACED),
    "attach_key": ActionKind("Attach key", "attach_key", ("CreateUsagePlanKey",), _PLACED),
    "move_key": ActionKind(
        "Move key",
        "move_key",
        ("DeleteUsagePlanKey", "CreateUsagePlanKey"),
        ("plan", "billing"),
    ),
    "detach_key": ActionKind(
        "Detach key", "move_key", ("DeleteUsagePlanKey",), ("plan", "billing")
    ),
    "enable_key": ActionKind(
        "Enable key", "switch_key", ("UpdateApiKey",), ("status", "billing", "expires_at")
    ),
    "disable_key": ActionKind(
        "Disable key",
        "switch_key",
        ("UpdateApiKey",),
        ("status", "rotation", "billing", "expires_at", "keys"),
    ),
    "label_key": ActionKind(
        "Label key", "switch_key", ("UpdateApiKey", "TagResource"), ("name", "description", "tags")
    ),
    "delete_key": ActionKind(
        "Delete key", "delete_key", ("DeleteApiKey",), ("status", "rotation", "billing", "keys")
    ),
    "carry_quota_over": ActionKind(
        "Carry quota over", "change_record", _QUOTA, ("rotation", "plan")
    ),
    "extend_quota": ActionKind("Extend quota", "change_record", _QUOTA, ("quota_extension",)),
    "announce_expiry": ActionKind("Announce expiry", "change_record", (), ("rotation", "plan")),
    "announce_notice": ActionKind(
        "Announce notice", "change_record", (), ("billing", "expires_at", "quota_extension")
    ),
    "restore_key": ActionKind("Restore key", "change_record", (), ("rotation", "keys")),
}
# The fields of the desired state of which the record keeps who set them.
ANSWERED = frozenset(name for kind in ACTIONS.values() for name in kind.answers)


@frozen
class Action:
    """One step of a run. `action` is a name in ACTIONS; `origin` the plan that a key leaves for
    `plan`; `details` are members of its own."""

    action: str
    key: str
    number: int
    plan: str | None = None
    origin: str | None = None
    reason: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For a state machine's state, a dry run's output and an event's `actions`."""
        about = {"action": self.action, "key": self.key, "number": self.number}
        change = {"from": self.origin, "plan": self.plan, "reason": self.reason}
        return stated({**about, **change, **self.details})


Actions = tuple[Action, ...]


@frozen
class CustomerPlan:
    """The actions, in order, and the error that is to be reported when they are done."""

    actions: tuple[Action, ...] = ()
    problem: Exception | None = None


def calls_for(action: Mapping[str, Any], policy: Policy) -> tuple[str, ...]:
    """The operations of API Gateway that an action takes (as JSON): a key that moves between two
    plans with a quota takes along what it used."""
    plans = [policy.usage_plans.get(str(action.get(name))) for name in ("from", "plan")]
    moves = action["action"] == "move_key" and all(plan and plan.quota for plan in plans)
    return (*ACTIONS[str(action["action"])].calls, *(_QUOTA if moves else ()))


def key_action(
    action: str,
    key: KeyRecord,
    plan: str | None = None,
    reason: str | None = None,
    **details: Any,
) -> Action:
    """An action on a key that there is a record of."""
    return Action(action, key.name, key.number, plan, reason=reason, details=details)


def move(key: KeyRecord, origin: str, plan: str, **details: Any) -> Action:
    """From plan to plan."""
    return Action("move_key", key.name, key.number, plan, origin=origin, details=details)
