"""Gives a successor what is left of the quota, and the old key's place."""

from __future__ import annotations

from dataclasses import replace

from keyward.customers import words
from keyward.customers.key import CREATED, KeyRecord, Succession
from keyward.customers.overlap import handed_over
from keyward.errors import GatewayRefusedError, NotFoundError
from keyward.policy.periods import day_of, first_day
from keyward.runs.keys import quotas
from keyward.runs.keys.step import KeyStep
from keyward.values import JSON


def carry_quota_over(step: KeyStep) -> JSON:
    """GetUsage of the old key, UpdateUsage of its successor, for each plan that has a quota of
    which something was used: 1 read, 1 write. Idempotent: what is left is set, not counted down.
    A successor in another plan takes over what was used where both plans count the same period.

    Then, in one transaction, the old key's end is written down and the successor takes over. Raises
    what the gateway raises.
    """
    successor, carried = step.created_record(), list[JSON]()
    if successor.succession.replaces is not None:
        old = step.find(successor.succession.replaces)
        if old and old.state == CREATED:
            successor, carried = _carried(step, old, successor)
        records = [_taken_over(old, successor, step.rotation)]
        records += _ended(step, old, successor) if old else []
        step.save(*records, carry_quota_over={"carried": carried})
    return {
        "key_id": successor.key_id,
        "remaining": carried[0]["remaining"] if carried else None,
    }


def _carried(step: KeyStep, old: KeyRecord, successor: KeyRecord) -> tuple[KeyRecord, list[JSON]]:
    """The successor with what its predecessor used, and what was carried over as actions."""
    leaves = [plan for plan in old.plans if plan not in successor.plans]
    joins = [plan for plan in successor.plans if plan not in old.plans]
    for pair in zip(leaves, joins, strict=False):
        old = quotas.noted(step, old, *pair)
    successor = replace(successor, quota=replace(successor.quota, spent=old.quota.spent))
    carried: list[JSON] = []
    for plan in successor.plans:
        if plan in joins:
            left = quotas.carry(step, successor, plan)
        else:
            successor, left = _passed_on(step, plan, old, successor)
        if left is not None:
            in_plan = {"plan": plan} if len(successor.plans) > 1 else {}
            carried.append(words.action("carry_quota_over", successor, remaining=left, **in_plan))
    return successor, carried


def _passed_on(
    step: KeyStep, plan: str, old: KeyRecord, successor: KeyRecord
) -> tuple[KeyRecord, int | None]:
    """What is left of a plan's quota, set for the successor in the same plan; None without a quota
    or without a call. A plan that lost its quota refuses, which stops no rotation."""
    gateway, quota = step.run.gateway, quotas.quota_of(step, plan)
    plan_id = step.run.plans(step.execution_arn).stored_id(plan) if quota else None
    if quota is None or plan_id is None:
        return successor, None
    today = day_of(step.now)
    first = first_day(quota, today).isoformat()
    try:
        rows = gateway.usage(plan_id, first, today.isoformat(), old.key_id)
    except NotFoundError:
        return successor, None
    days = rows.get(str(old.key_id), [])
    # Calls that were granted beyond the quota are carried over as well.
    if not any(day.used for day in days) and (not days or days[-1].remaining == quota.limit):
        return successor, None
    remaining = days[-1].remaining
    try:
        gateway.set_remaining(plan_id, str(successor.key_id), max(0, remaining))
    except GatewayRefusedError:
        return successor, None
    spent = {plan: max(0, quota.limit - remaining)}
    return quotas.with_spent(step, successor, spent), remaining


def _taken_over(old: KeyRecord | None, successor: KeyRecord, rotation: int) -> KeyRecord:
    extended = max(successor.quota.extended, old.quota.extended if old else 0)
    return replace(
        successor,
        succession=Succession(max(successor.succession.rotation, rotation)),
        quota=replace(successor.quota, extended=extended),
    )


def _ended(step: KeyStep, old: KeyRecord, successor: KeyRecord) -> list[KeyRecord]:
    """The old key with its end, at once where an older one is still in use (`in_use`)."""
    in_use = step.find(int(step.action["in_use"])) if "in_use" in step.action else None
    least = 0 if in_use else step.run.policy.propagation_seconds
    overlap = successor.succession.overlap or least
    return handed_over(old, successor, overlap, in_use, step.now)
