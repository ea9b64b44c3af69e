"""Read usage: what each key used of its quota, into the Keys table, events, metrics, the log and,
for the report, the bucket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from keyward.aws.bucket import Audits
from keyward.aws.gateway import GatewayPlan
from keyward.aws.gateway.plans import only_one
from keyward.aws.gateway.usage import KEYS_A_PAGE
from keyward.aws.tables.leases import Lease
from keyward.customers.key import CREATED, KeyRecord
from keyward.customers.model import KeyRecords
from keyward.customers.usage import KeyUsage
from keyward.customers.usage_update import Reading, first_day_to_read, read
from keyward.errors import KeywardError
from keyward.policy.model import Policy
from keyward.policy.periods import day_of
from keyward.report.customers import UsageRead, days_until
from keyward.report.model import PlanUsage
from keyward.report.usage import UsageReading, usage_row
from keyward.runs import outbox, runtime
from keyward.runs.context import Context
from keyward.runs.owners import owned_plans
from keyward.runs.schedule import CALLS
from keyward.values import frozen

LEASE = "usage"
# As long as the function may run.
LEASE_SECONDS = 900


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Input `{}`; output `{plans, keys, announced, problems}`, or `{busy: true}` while another
    reading is under way."""
    # Its gateway waits out a 429 within the call.
    surroundings = replace(runtime.context(), gateway=runtime.patient_gateway())
    owner = str(getattr(context, "aws_request_id", "by hand"))
    leases, now = surroundings.registry.leases, surroundings.now
    lease = leases.acquire(LEASE, owner, now, LEASE_SECONDS)
    if lease is None:
        return {"busy": True}
    return UsageReader(surroundings, surroundings.policy, now, runtime.audits()).read(lease)


@dataclass
class PlanRead:
    """A plan's readings, one a key, and its row of the report."""

    plan: GatewayPlan
    row: PlanUsage
    readings: list[Reading] = field(default_factory=list)


@frozen
class UsageReader:
    """Reads each plan with a quota once; `now` in epoch seconds. `documents` take what the report
    tells of it."""

    context: Context
    policy: Policy
    now: float
    documents: Audits

    def read(self, lease: Lease) -> dict[str, Any]:
        """Calls: one for 500 plans, and for each plan of the policy that has a quota one for 500 of
        its keys. A plan that cannot be read stops no other."""
        records = self.context.registry.customers.load_all_keys()
        by_customer, plans = records.keys, owned_plans(self.context)
        problems: dict[str, str] = {}
        unread = {id_: type(error).__name__ for id_, error in records.unreadable.items()}
        announced = keys = read_plans = 0
        rows: list[PlanUsage] = []
        for name in self.policy.usage_plans:
            try:
                found = self._plan(name, plans, by_customer, unread)
            except KeywardError as error:
                problems[name] = f"{type(error).__name__}: {error}"
                runtime.logger().error(
                    "usage not read", extra={"plan": name, "why": problems[name]}
                )
                rows.append(PlanUsage(name, days_until(self.now), problem=problems[name]))
                continue
            if found:
                rows.append(found.row)
            if found and found.plan.quota:
                announced += self._keep(found)
                keys += len(found.readings)
                read_plans += 1
                self._report(found)
        self.context.registry.usage.forget(_gone(by_customer))
        self.documents.save_usage(UsageReading(self.now, tuple(rows)).as_json())
        # Who left word meanwhile wants these very figures: no need to start over.
        self.context.registry.leases.give_back(lease)
        if problems and not read_plans:
            raise KeywardError(f"no plan's usage could be read: {problems}")
        problems |= unread
        return {"plans": read_plans, "keys": keys, "announced": announced, "problems": problems}

    def _plan(
        self,
        name: str,
        plans: list[GatewayPlan],
        by_customer: dict[str, KeyRecords],
        unread: dict[str, str],
    ) -> PlanRead | None:
        """None for a plan that is not there. Without a quota nothing is counted, and so nothing is
        read (aws-recorded.md 5). A key whose records are strange goes into `unread`."""
        plan = only_one(name, plans)
        if plan is None:
            return None
        keys = [key for one in by_customer.values() for key in one.keys]
        if plan.quota is None:
            return PlanRead(plan, usage_row(UsageRead(plan), keys, self.now))
        quota, today = plan.quota, day_of(self.now)
        first = first_day_to_read(quota, self.policy.usage, self.now).isoformat()
        first = min(first, days_until(self.now)[0])
        rows = self.context.gateway.usage(plan.plan_id, first, today.isoformat())
        # A few calls a day: they wait for no turn, but whoever waits hears of them.
        pages = 1 + len(rows) // KEYS_A_PAGE
        self.context.turns.debit({CALLS: pages}, self.context.now)
        found = PlanRead(plan, usage_row(UsageRead(plan, rows), keys, self.now))
        for key, before in _keys_in(name, by_customer):
            row = rows.get(str(key.key_id), [])
            # One pair a day, without a date; the last is that of today (aws-recorded.md 5).
            days = {
                day_of(self.now - 86_400 * back).isoformat(): (used.used, used.remaining)
                for back, used in enumerate(reversed(row))
            }
            try:
                reading = read(key, name, quota, days, before, self.policy.usage, self.now)
            except Exception as error:  # noqa: BLE001 - one strange record stops no other key
                unread[key.customer_id] = type(error).__name__
            else:
                found.readings.append(reading)
        return found

    def _keep(self, found: PlanRead) -> int:
        """Write the records; announce, then forget, what they announce. How many events."""
        quiet = [item.usage for item in found.readings if not item.announced]
        self.context.registry.usage.save(quiet)
        number, customers = 0, self.context.registry.customers
        for item in found.readings:
            if item.announced:
                customer_id = item.usage.customer_id
                waiting = self.context.registry.usage.save_announcing(item.usage, item.announced)
                outbox.announce(self.context, customers.outbox, customer_id, waiting)
                number += len(waiting)
        return number

    def _report(self, found: PlanRead) -> None:
        """Count usage by plan in metrics, and log the customers that used most of it, as many as
        the policy says: a dimension a customer would be without bound."""
        usages = [item.usage for item in found.readings]
        most = sorted(usages, key=lambda item: (-item.percent, -item.used, item.name))
        counts = {
            "KeysWithUsage": sum(item.used > 0 for item in usages),
            "CallsInPeriod": sum(item.used for item in usages),
            "KeysAboveEightyPercent": sum(item.percent >= 80 for item in usages),
            "KeysWithoutQuotaLeft": sum(item.percent >= 100 for item in usages),
            "KeysUnused": sum(item.unused_announced for item in usages),
        }
        runtime.count(counts, plan=found.plan.name)
        top = [
            {"customer_id": item.customer_id, "used": item.used, "percent": item.percent}
            for item in most[: self.policy.usage.top_customers]
            if item.used
        ]
        runtime.logger().info("usage", extra={"plan": found.plan.name, "top_customers": top})


def _keys_in(
    plan: str, by_customer: dict[str, KeyRecords]
) -> Iterator[tuple[KeyRecord, KeyUsage | None]]:
    """The recorded keys of a plan, each with its usage as it was read last."""
    for one in by_customer.values():
        before = {usage.number: usage for usage in one.usage}
        for key in one.keys:
            if key.state == CREATED and key.plan == plan:
                yield key, before.get(key.number)


def _gone(by_customer: dict[str, KeyRecords]) -> list[KeyUsage]:
    """Usage records whose key is gone, or is in no plan with a quota."""
    return [
        usage
        for one in by_customer.values()
        for usage in one.usage
        if usage.number not in {key.number for key in one.keys if key.plan}
    ]
