"""What a key used of its plans' quotas in their current periods, so that no plan change and no
successor begins a quota anew. Pure.

A record's `quota.spent` has the calls by plan and period (`pro DAY 2026-01-01`) of plans that the
key left or joined within the period. API Gateway counts from the day on which a key joined a plan,
and knows nothing of the time before.
"""

from __future__ import annotations

from collections.abc import Mapping

from keyward.policy.model import Policy
from keyward.policy.parts import Quota
from keyward.policy.periods import day_of, first_day


def name_of(plan: str, quota: Quota, now: float) -> str:
    """A plan and its period at `now` (epoch seconds)."""
    return f"{plan} {_period(quota, now)}"


def is_shared(old: Quota, new: Quota, now: float) -> bool:
    """Whether two quotas count the same period."""
    return _period(old, now) == _period(new, now)


def used_of(earlier: int, quota: Quota, used: int, remaining: int) -> int:
    """The calls of the whole period: those made `earlier`, before the key joined the plan, and the
    `used` ones since then, after which `remaining` are left."""
    return earlier + max(0, left_of(quota, earlier) - remaining) if earlier else used


def left_of(quota: Quota, spent: int) -> int:
    """What is left for a key that joins a plan after so many calls in the period."""
    return max(0, quota.limit - spent)


def with_spent(
    before: Mapping[str, int], more: Mapping[str, int], policy: Policy, now: float
) -> dict[str, int]:
    """Add the calls of some plans, by their names, and forget periods that are over."""
    quotas = {name: plan.quota for name, plan in policy.usage_plans.items() if plan.quota}
    current = {name_of(name, quota, now): name for name, quota in quotas.items()}
    found = {key: calls for key, calls in before.items() if key in current}
    for key, name in current.items():
        if more.get(name):
            found[key] = max(found.get(key, 0), more[name])
    return found


def _period(quota: Quota, now: float) -> str:
    return f"{quota.period} {first_day(quota, day_of(now)).isoformat()}"
