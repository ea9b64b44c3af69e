"""Carry quota over: a successor takes over what is left of the quota, and the old key's place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from keyward.aws.gateway import Gateway
from keyward.aws.tables import Registry
from keyward.customers import words as key_words
from keyward.customers.key import CREATED, KeyRecord
from keyward.customers.rotation import void_notices
from keyward.errors import GatewayRefusedError, NotFoundError
from keyward.policy.model import Policy
from keyward.policy.periods import day_of, first_day
from keyward.runs import runtime
from keyward.runs.key_step import Step
from keyward.runs.usage_plans import UsagePlans

JSON = dict[str, Any]


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, action: {number, rotation?}, execution_arn}`; output
    `{key_id, remaining}`."""
    return carry_quota_over(
        event,
        runtime.gateway(),
        runtime.registry(),
        runtime.usage_plans(str(event["execution_arn"])),
        runtime.policy(),
        runtime.now,
    )


def carry_quota_over(
    task: dict[str, Any],
    gateway: Gateway,
    registry: Registry,
    plans: UsagePlans,
    policy: Policy,
    clock: Callable[[], float],
) -> dict[str, Any]:
    """GetUsage of the old key, UpdateUsage of its successor, when their plan has a quota of which
    something was used: 1 read, 1 write. Idempotent: what is left is set, not counted down.

    Then, in one transaction, the old key's end is written down and KeyRotated (for another plan
    PlanChanged too) goes into the outbox. Raises what the gateway raises.
    """
    step = Step.begin(task, registry, clock)
    heir, remaining = step.made(), None
    if heir.replaces is not None:
        old = step.numbered(heir.replaces)
        carried = _carried(old, heir, gateway, plans, policy, step.now) if old else {}
        remaining = carried.get("remaining")
        _hand_over(step, old, heir, carried, step.effective_by(policy))
    return {"key_id": heir.key_id, "remaining": remaining}


def _carried(
    old: KeyRecord,
    heir: KeyRecord,
    gateway: Gateway,
    plans: UsagePlans,
    policy: Policy,
    now: float,
) -> JSON:
    """What was carried over, as an action; nothing without a quota, or into another plan. A plan
    that lost its quota refuses, which stops no rotation."""
    quota = policy.plan(str(heir.plan)).quota
    plan_id = plans.known_id(str(heir.plan)) if quota and old.plan == heir.plan else None
    if quota is None or plan_id is None or old.state != CREATED:
        return {}
    day = day_of(now)
    try:
        rows = gateway.usage(
            plan_id, first_day(quota, day).isoformat(), day.isoformat(), old.key_id
        )
    except NotFoundError:
        return {}
    days = rows.get(str(old.key_id), [])
    # Calls that were granted beyond the quota are carried over as well.
    if not any(day.used for day in days) and (not days or days[-1].remaining <= quota.limit):
        return {}
    told = {"action": "carry_quota_over", "key": heir.name, "remaining": days[-1].remaining}
    try:
        gateway.set_remaining(plan_id, str(heir.key_id), max(0, days[-1].remaining))
    except GatewayRefusedError as refusal:
        return told | {"refused": str(refusal)}
    return told


def _hand_over(
    step: Step, old: KeyRecord | None, heir: KeyRecord, carried: JSON, effective_by: str
) -> None:
    taken = replace(
        heir,
        replaces=None,
        overlap=0,
        grace=0,
        cause=None,
        rotation=max(heir.rotation, step.rotation),
        extended=max(heir.extended, old.extended if old else 0),
    )
    retired = _retired(old, heir, step.now) if old else None
    events = key_words.rotated(old, retired, heir, carried, effective_by, step.execution_arn)
    step.save_all([taken, *([retired] if retired else [])], *events)


def _retired(old: KeyRecord, heir: KeyRecord, now: int) -> KeyRecord:
    """The old key with its end; one that leaked has it already."""
    retire_at = now + heir.overlap if old.retire_at is None else old.retire_at
    return replace(
        old,
        replaced_by=heir.number,
        stays=old.plan != heir.plan,
        retire_at=retire_at,
        delete_at=retire_at + heir.grace if old.delete_at is None else old.delete_at,
        reason=heir.cause or old.reason,
        told_days=void_notices(heir.overlap),
        told_expiry=retire_at,
    )
