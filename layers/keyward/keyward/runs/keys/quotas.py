"""Carry what a key used of a quota into a plan that it joins, or to its successor."""

from __future__ import annotations

from dataclasses import replace

from keyward.customers import spent
from keyward.customers.key import KeyRecord
from keyward.errors import GatewayRefusedError, NotFoundError
from keyward.policy.parts import Quota
from keyward.policy.periods import day_of, first_day
from keyward.runs.keys.step import KeyStep


def quota_of(step: KeyStep, plan: str) -> Quota | None:
    """The quota of a plan that the policy names."""
    named = step.run.policy.usage_plans.get(plan)
    return named.quota if named else None


def noted(step: KeyStep, key: KeyRecord, leaves: str, joins: str | None = None) -> KeyRecord:
    """Read what the key used of the plan that it `leaves`, and note it: 1 read. It is noted for the
    plan that it `joins`, too, where that counts the same period. No read where either plan has no
    quota: what was used is forgotten then."""
    old, new = quota_of(step, leaves), quota_of(step, joins) if joins else None
    if old is None or (joins and new is None) or key.key_id is None:
        return key
    plan_id = step.run.plans(step.execution_arn).stored_id(leaves)
    if plan_id is None:
        return key
    today = day_of(step.now)
    try:
        first = first_day(old, today).isoformat()
        rows = step.run.gateway.usage(plan_id, first, today.isoformat(), key.key_id)
    except NotFoundError:
        return key
    days = rows.get(key.key_id, [])
    earlier = key.quota.spent.get(spent.name_of(leaves, old, step.now), 0)
    remaining = days[-1].remaining if days else spent.left_of(old, earlier)
    used = spent.used_of(earlier, old, sum(day.used for day in days), remaining)
    more = {leaves: used}
    if joins and new and spent.is_shared(old, new, step.now):
        more[joins] = used
    return with_spent(step, key, more)


def with_spent(step: KeyStep, key: KeyRecord, more: dict[str, int]) -> KeyRecord:
    """Add the calls of some plans to the record."""
    found = spent.with_spent(key.quota.spent, more, step.run.policy, step.now)
    return replace(key, quota=replace(key.quota, spent=found))


def carry(step: KeyStep, key: KeyRecord, plan: str) -> int | None:
    """Give a key that has just joined a plan what is left of the quota: 1 write where it was in the
    plan before, or left another plan for it, within the period. Returns what is left, None for all.
    A plan that lost its quota refuses, which stops nothing."""
    quota = quota_of(step, plan)
    calls = key.quota.spent.get(spent.name_of(plan, quota, step.now)) if quota else None
    plan_id = step.run.plans(step.execution_arn).stored_id(plan)
    if quota is None or not calls or plan_id is None:
        return None
    left = spent.left_of(quota, calls)
    try:
        step.run.gateway.set_remaining(plan_id, str(key.key_id), left)
    except GatewayRefusedError:
        return None
    return left
