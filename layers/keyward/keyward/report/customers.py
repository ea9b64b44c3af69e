"""Make the report's rows of keys, plans, customers and usage. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from keyward.aws.gateway import DayUsed, GatewayKey, GatewayPlan
from keyward.customers.key import CREATED, KeyRecord
from keyward.customers.model import KeyRecords, customer_of
from keyward.policy.model import Policy
from keyward.policy.parts import Quota, Throttle
from keyward.policy.periods import last_days
from keyward.report.model import (
    CREATING,
    DISABLED,
    ENABLED,
    GONE,
    STATES,
    CustomerRow,
    CustomerUsage,
    PlanRow,
    PlanUsage,
)
from keyward.values import JSON, frozen

DAYS = 14
MAX_CUSTOMERS = 20
NO_PLAN = "in no plan"
UNREADABLE = "unreadable"


@frozen
class UsageRead:
    """GetUsage's answer for a plan, by key id, or why there is none."""

    plan: GatewayPlan
    by_key: Mapping[str, Sequence[DayUsed]] = field(default_factory=dict)
    problem: str | None = None


def days_until(now: float) -> tuple[str, ...]:
    """The last 14 days, today included, in UTC."""
    return last_days(now, DAYS)


def plan_rows(
    records: Iterable[KeyRecord],
    keys: Iterable[GatewayKey],
    plans: Sequence[GatewayPlan],
    policy: Policy,
) -> tuple[PlanRow, ...]:
    """List the policy's plans, and other plans that hold keys of Keyward's."""
    enabled = {key.key_id: key.enabled for key in keys}
    counts: dict[str, Counter[str]] = {name: Counter() for name in policy.usage_plans}
    for record in records:
        counts.setdefault(record.plan or NO_PLAN, Counter())[_state(record, enabled)] += 1
    there = {plan.name: plan for plan in plans}
    return tuple(
        PlanRow(
            name,
            _limits(name, policy),
            {state: count[state] for state in STATES if count[state]},
            there[name].plan_id if name in there else None,
            name in policy.usage_plans,
            len(there[name].stages) if name in there else 0,
        )
        for name, count in counts.items()
    )


def customer_rows(
    desired: Iterable[JSON], records: Mapping[str, KeyRecords], keys: Iterable[GatewayKey]
) -> tuple[CustomerRow, ...]:
    """List all customers by their ids, also those whose record cannot be understood."""
    enabled = {key.key_id: key.enabled for key in keys}
    rows = [_customer_row(record, records, enabled) for record in desired]
    return tuple(sorted(rows, key=lambda row: row.customer_id))


def _customer_row(
    record: JSON, records: Mapping[str, KeyRecords], enabled: Mapping[str, bool]
) -> CustomerRow:
    customer_id = str(record.get("customer_id"))
    mine = records[customer_id].keys if customer_id in records else ()
    counts = Counter(_state(key, enabled) for key in mine)
    states = {state: counts[state] for state in STATES if counts[state]}
    try:
        wanted = customer_of(record)
    except Exception:  # noqa: BLE001 - whatever a person wrote into a record
        return CustomerRow(customer_id, UNREADABLE, (), states)
    return CustomerRow(customer_id, str(wanted.status), tuple(wanted.plans), states)


def plan_usage(read: UsageRead, records: Iterable[KeyRecord], days: tuple[str, ...]) -> PlanUsage:
    """A plan's usage by customer: what the keys of a customer used, together."""
    quota = read.plan.quota
    usage = PlanUsage(read.plan.name, days, problem=read.problem)
    if quota is None:
        return usage
    by_customer: dict[str, list[Sequence[DayUsed]]] = {}
    for record in records:
        days_used = read.by_key.get(record.key_id or "")
        if days_used:
            by_customer.setdefault(record.customer_id, []).append(days_used)
    found = [_customer(customer_id, rows, quota) for customer_id, rows in by_customer.items()]
    found = [customer for customer in found if any(customer.used)]
    found.sort(key=lambda customer: (-customer.share, -sum(customer.used), customer.customer_id))
    return PlanUsage(
        read.plan.name,
        days,
        quota.limit,
        quota.period,
        tuple(found[:MAX_CUSTOMERS]),
        max(0, len(found) - MAX_CUSTOMERS),
        read.problem,
    )


def _customer(customer_id: str, rows: list[Sequence[DayUsed]], quota: Quota) -> CustomerUsage:
    """Each key has a quota of its own: the share is that of the key that used most of it."""
    used = tuple(sum(day.used for day in days) for days in zip(*rows, strict=True))
    left = min((row[-1].remaining for row in rows if row), default=quota.limit)
    share = (quota.limit - left) / quota.limit if quota.limit else 1.0
    return CustomerUsage(customer_id, used, max(0.0, share))


def _state(record: KeyRecord, enabled: Mapping[str, bool]) -> str:
    if record.state != CREATED or record.key_id is None:
        return CREATING
    if record.key_id not in enabled:
        return GONE
    return ENABLED if enabled[record.key_id] else DISABLED


def _limits(name: str, policy: Policy) -> str:
    plan = policy.usage_plans.get(name)
    if plan is None:
        return "not in the policy"
    return limits_words(plan.throttle, plan.quota)


def limits_words(throttle: Throttle | None, quota: Quota | None) -> str:
    """Put the limits of a usage plan into words."""
    return f"{_throttle(throttle)}, {_quota(quota)}"


def _throttle(throttle: Throttle | None) -> str:
    if throttle is None:
        return "no throttle"
    return f"{throttle.rate_limit:g} a second, burst {throttle.burst_limit}"


def _quota(quota: Quota | None) -> str:
    return f"{quota.limit:,} a {quota.period.lower()}" if quota else "no quota"
