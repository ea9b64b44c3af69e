"""The plans of a customer: how they stand in a record, and how changes of them add up. Pure.

A record says `plan`, a text, or `plans`, a list. Here they are one field, `plan`, which is dated,
compared and undone as one. Its value is a text for one plan and a list for several.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from keyward.customers.attributes import is_text
from keyward.errors import InvalidRecordError
from keyward.events.fields import MAX_PLAN
from keyward.values import JSON

# A key can be in 10 usage plans (API Gateway, "Quotas": usage plans per API key).
MAX_PLANS = 10
_NAME = f"must be a text of 1 to {MAX_PLAN} characters"
PLAN, PLANS = "plan", "plans"
# What PlanAdded and PlanRemoved set: a change of the plans that there are.
ADDED, REMOVED = "plan_added", "plan_removed"
Plans = tuple[str, ...]


def one_field(record: Mapping[str, Any]) -> JSON:
    """The record with its plans as the one field `plan`, whatever their shape."""
    if record.get(PLANS) is None:
        return dict(record)
    plans = record[PLANS]
    rest = {name: value for name, value in record.items() if name != PLANS}
    return rest | {PLAN: plans[0] if isinstance(plans, list) and len(plans) == 1 else plans}


def as_record(one: Mapping[str, Any]) -> JSON:
    """The record as the table has it: several plans as `plans`, one as `plan`."""
    if not isinstance(one.get(PLAN), list):
        return dict(one)
    rest = {name: value for name, value in one.items() if name != PLAN}
    return rest | {PLANS: one[PLAN]}


def plans_of(record: Mapping[str, Any]) -> Plans:
    """The plans that a record names, none before the sign-up. Raises InvalidRecordError."""
    plan, plans = record.get(PLAN), record.get(PLANS)
    if plan is not None and not _is_name(plan):
        raise InvalidRecordError(PLAN, _NAME, "Correct or remove it")
    if plans is None:
        return (plan,) if plan else ()
    if not isinstance(plans, list) or not 1 <= len(plans) <= MAX_PLANS:
        raise InvalidRecordError(PLANS, f"must be a list of 1 to {MAX_PLANS} plans", "Correct it")
    if not all(map(_is_name, plans)) or len({*plans}) < len(plans):
        raise InvalidRecordError(PLANS, "must be different names of plans", "Correct it")
    if plan is not None and plan not in plans:
        raise InvalidRecordError(PLAN, "must be one of `plans`", "Remove one of the two")
    return tuple(plans)


def is_complete(record: JSON | None) -> bool:
    """Whether the record says what the customer is to have."""
    found = record or {}
    return (PLAN in found or PLANS in found) and found.get("status") is not None


def value_of(plans: Iterable[str]) -> str | list[str]:
    """The value of the one field: a text for one plan, a list for several."""
    found = list(plans)
    return found[0] if len(found) == 1 else found


def folded(changes: Iterable[Mapping[str, Any]]) -> JSON:
    """Fold changes of the field, in the order of time, into its value and the attributes of the
    last change. A plan is not added twice, and the last plan is not removed."""
    result: JSON = {}
    plans: list[str] = []
    for change in changes:
        if PLAN in change:
            value, result = change[PLAN], dict(change)
            plans = list(value) if isinstance(value, list) else [value]
            continue
        plans = _changed(plans, change)
        result = {PLAN: value_of(plans)} if plans else {}
    return result


def _changed(plans: list[str], change: Mapping[str, Any]) -> list[str]:
    added, removed = change.get(ADDED), change.get(REMOVED)
    if added and added not in plans:
        return [*plans, added]
    left = [plan for plan in plans if plan != removed]
    return left or plans


def _is_name(value: Any) -> bool:
    return is_text(value, MAX_PLAN)
