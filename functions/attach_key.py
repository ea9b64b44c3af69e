"""Attach key: put a customer's key into its usage plan, and have that announced."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keyward import contracts, runtime
from keyward.errors import (
    InvalidInputError,
    KeyGoneError,
    KeyInOtherPlanError,
    NotFoundError,
    StageConflictError,
)
from keyward.gateway import Gateway
from keyward.key import KeyRecord
from keyward.plans import UsagePlans
from keyward.policy import Policy
from keyward.registry import Lease, Registry


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, action: {number, plan}, execution_arn}`; output
    `{key_id, plan, effective_by}`."""
    return attach_key(
        event,
        runtime.gateway(),
        runtime.registry(),
        runtime.usage_plans(str(event["execution_arn"])),
        runtime.policy(),
        runtime.now(),
    )


def attach_key(
    task: dict[str, Any],
    gateway: Gateway,
    registry: Registry,
    plans: UsagePlans,
    policy: Policy,
    now: float,
) -> dict[str, Any]:
    """Attach the key. Idempotent: a key that is in the plan already is attached.

    The time is recorded before the call, because the change takes effect some time after it
    (aws-recorded.md 10). KeyIssued goes into the outbox with the record of it. Raises
    KeyInOtherPlanError, KeyGoneError, UnknownPlanError and what the gateway raises.
    """
    lease = Lease.of(task)
    registry.leases.renew(lease, now)
    customer_id, action = contracts.customer_id_of(task), task["action"]
    record = registry.customers.key(customer_id, int(action["number"]))
    if record is None or record.key_id is None:
        raise InvalidInputError(
            "action.number", "names no key that was created", "Plan the customer anew"
        )
    plan = str(action["plan"])
    effective_by = contracts.iso((record.attached_at or now) + policy.propagation_seconds)
    output = {"key_id": record.key_id, "plan": plan, "effective_by": effective_by}
    if record.plan == plan:
        return output
    asked = replace(record, attached_at=int(now))
    registry.customers.save_key(asked, lease)
    _attach(record.key_id, plan, gateway, plans)
    effective_by = contracts.iso(now + policy.propagation_seconds)
    issued = _issued(asked, plan, effective_by, str(task["execution_arn"]))
    registry.customers.save_key(replace(asked, plan=plan), lease, issued)
    return output | {"effective_by": effective_by}


def _attach(key_id: str, plan: str, gateway: Gateway, plans: UsagePlans) -> None:
    plan_id = plans.id_of(plan)
    try:
        _attach_to(key_id, plan_id, gateway)
    except NotFoundError:
        # One code for two things: a key that is gone is told apart by asking for its plans.
        again = plans.found_again(plan)
        if again == plan_id:
            raise KeyGoneError(
                f"key {key_id} is no longer on API Gateway. "
                "Delete its record in the Keys table to have a new one made"
            ) from None
        _attach_to(key_id, again, gateway)


def _attach_to(key_id: str, plan_id: str, gateway: Gateway) -> None:
    """Attaching twice answers as a true conflict does (aws-recorded.md 4): read, then decide."""
    try:
        gateway.attach_key(plan_id, key_id)
    except StageConflictError:
        found = [plan.plan_id for plan in gateway.plans_of(key_id)]
        if plan_id not in found:
            raise KeyInOtherPlanError(
                f"key {key_id} cannot join plan {plan_id}: it is in {', '.join(found)}, "
                "which holds the same stage. Detach it there, then send the event again"
            ) from None


def _issued(record: KeyRecord, plan: str, effective_by: str, execution_arn: str) -> dict[str, Any]:
    return contracts.announcement(
        "KeyIssued",
        customer_id=record.customer_id,
        key_id=record.key_id,
        plan=plan,
        effective_by=effective_by,
        execution_arn=execution_arn,
        actions=[
            {"action": "create_key", "key": record.name},
            {"action": "attach_key", "key": record.name, "plan": plan},
        ],
    )
