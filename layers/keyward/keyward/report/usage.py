"""Report usage against quotas, by the daily reading; read it here only where there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from keyward.audit.model import attempt, error_words
from keyward.aws.gateway import DayUsed, Gateway, GatewayPlan
from keyward.aws.gateway.plans import only_one
from keyward.customers.key import KeyRecord
from keyward.policy.model import Policy
from keyward.report.customers import UsageRead, days_until, plan_usage
from keyward.report.model import CustomerUsage, PlanUsage
from keyward.values import JSON, frozen, iso

# The reading is daily; two hours more, for one that comes late.
MAX_AGE_SECONDS = 26 * 3600


@frozen
class UsageReading:
    """What was used until `read_at` (epoch seconds), a row a plan."""

    read_at: float
    plans: tuple[PlanUsage, ...]

    def as_json(self) -> JSON:
        """For the bucket."""
        return {"read_at": self.read_at, "plans": [asdict(plan) for plan in self.plans]}

    @classmethod
    def of(cls, document: JSON) -> UsageReading:
        """From `as_json`."""
        return cls(float(document["read_at"]), tuple(map(_plan, document["plans"])))

    def is_recent(self, now: float) -> bool:
        """Whether no later reading should have come by now (epoch seconds)."""
        return now - self.read_at <= MAX_AGE_SECONDS

    @property
    def read_on(self) -> str:
        """ISO 8601."""
        return iso(self.read_at)


def read_usage(
    gateway: Gateway,
    policy: Policy,
    plans: list[GatewayPlan],
    records: Sequence[KeyRecord],
    now: float,
) -> UsageReading:
    """Read 14 days of usage; `plans` are those of the gateway. Calls: for each plan of the policy
    that has a quota, one for 500 keys. A plan that cannot be read stops no other."""
    days = days_until(now)
    reads = [_read_plan(gateway, name, plans, days) for name in policy.usage_plans]
    return UsageReading(now, tuple(usage_row(read, records, now) for read in reads if read))


def _read_plan(
    gateway: Gateway, name: str, plans: list[GatewayPlan], days: tuple[str, ...]
) -> UsageRead | None:
    """Read the usage of the plan of this name; None when the gateway has none."""
    by_key: Mapping[str, Sequence[DayUsed]] | None = {}
    found, problem = attempt(only_one, name, plans)
    if found and found.quota:
        by_key, problem = attempt(gateway.usage, found.plan_id, days[0], days[-1])
    if problem:
        return UsageRead(found or GatewayPlan("", name, None, None), problem=problem)
    return UsageRead(found, by_key or {}) if found else None


def usage_row(read: UsageRead, records: Iterable[KeyRecord], now: float) -> PlanUsage:
    """Make a plan's row for the last 14 days from what was read, which may go further back."""
    days = days_until(now)
    by_key: Mapping[str, Sequence[DayUsed]] = {
        key_id: row[-len(days) :] for key_id, row in read.by_key.items()
    }
    try:
        return plan_usage(UsageRead(read.plan, by_key, read.problem), records, days)
    except Exception as error:  # noqa: BLE001 - one strange row is this plan's problem alone
        return PlanUsage(read.plan.name, days, problem=error_words(error))


def _plan(document: JSON) -> PlanUsage:
    customers = tuple(
        CustomerUsage(one["customer_id"], tuple(one["used"]), float(one["share"]))
        for one in document["customers"]
    )
    return PlanUsage(**document | {"days": tuple(document["days"]), "customers": customers})
