"""How a report comes about: the audit's readings, usage, holds, dead letters, announcements.

Calls of API Gateway's control plane, for A managed APIs with S stages, K keys and P plans that the
policy names: A·(S+1) + A/500 + K/500 + P/500 + P·(keys of the plan/500), whatever the number of
methods. Reading takes no more than half of the account's 10 calls a second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from keyward.audit import customers as customer_findings
from keyward.audit.account import AccountKeys, ApiReading, calls_of, read_or_report
from keyward.audit.keys import of_usage
from keyward.audit.model import Finding, error_words
from keyward.aws.bus import Bus
from keyward.aws.gateway import Gateway, GatewayKey, GatewayPlan
from keyward.aws.gateway.plans import only_one
from keyward.aws.parameter import Current
from keyward.aws.tables import Registry
from keyward.customers.key import KeyRecord
from keyward.errors import KeywardError
from keyward.report import waiting
from keyward.report.activity import activity_of, counts_of, days_of_week
from keyward.report.apis import api_row, exemption_rows
from keyward.report.customers import UsageRead, days_until, plan_rows, plan_usage
from keyward.report.model import ApiRow, PendingItem, PlanUsage, Report
from keyward.values import JSON, iso

CALLS_A_SECOND = 5
# The account's bucket holds 40 calls: these need no rest.
FIRST_CALLS = 20
KEYS_A_CALL = 500


@dataclass(frozen=True)
class Collector:
    """Reads everything once. `clock` tells epoch seconds, `rest` waits for some; `queues` are the
    dead-letter queues by name; after `until` (epoch seconds) no further API is read."""

    gateway: Gateway
    registry: Registry
    bus: Bus
    current: Current
    default_mode: str
    place: str
    queues: Mapping[str, str]
    until: float
    clock: Callable[[], float]
    rest: Callable[[float], None]
    _calls: list[int] = field(default_factory=list)

    def report(self) -> Report:
        """The report as of now. Raises errors of API Gateway when its lists cannot be read."""
        now, policy = self.clock(), self.current.policy
        records = self.registry.customers.load_all()
        key_records = [key for one in records.keys.values() for key in one.keys]
        keys, plans, apis = self._lists()
        readings = self._readings(apis, plans, now)
        usage = self._usage(plans, key_records, now)
        holds = self.registry.apis.all_holds()
        held = {(str(hold["rest_api_id"]), str(hold.get("stage"))) for hold in holds}
        rows = tuple(api_row(reading, policy, held, now) for reading in readings)
        account = AccountKeys({key.key_id: key for key in keys}, read_at=now)
        found = customer_findings.of_customers(records, account, policy, now)
        report = Report(
            written_at=iso(now),
            place=self.place,
            apis=rows,
            exemptions=exemption_rows(policy, rows, now),
            plans=plan_rows(key_records, keys, plans, policy),
            usage=usage,
            customers=len(records.desired),
            keys=len(keys),
            keys_of_others=len({key.key_id for key in keys} - {key.key_id for key in key_records}),
            unread=len(apis) - len(readings),
            policy_version=self.current.version,
        )
        found += of_usage(records, policy, now)
        found += [finding for reading in readings for finding in reading.findings]
        return self._with_events(report, found, holds, now)

    def _lists(self) -> tuple[list[GatewayKey], list[GatewayPlan], list[JSON]]:
        keys, plans, apis = self.gateway.all_keys(), self.gateway.plans(), self.gateway.apis()
        for items in (keys, plans, apis):
            self._spent(_pages(len(items)))
        return keys, plans, apis

    def _readings(self, apis: list[JSON], plans: list[GatewayPlan], now: float) -> list[ApiReading]:
        readings = []
        for api in apis:
            if self.clock() >= self.until:
                break
            reading = read_or_report(
                self.gateway, api, plans, self.current.policy, self.default_mode, now
            )
            readings.append(reading)
            self._spent(calls_of(reading))
        return readings

    def _usage(
        self, plans: list[GatewayPlan], records: Sequence[KeyRecord], now: float
    ) -> tuple[PlanUsage, ...]:
        days = days_until(now)
        rows = []
        for name in self.current.policy.usage_plans:
            read = self._usage_of(name, plans, days)
            if read is not None:
                rows.append(self._plan_usage(read, records, days))
        return tuple(rows)

    def _plan_usage(
        self, read: UsageRead, records: Sequence[KeyRecord], days: tuple[str, ...]
    ) -> PlanUsage:
        try:
            return plan_usage(read, records, days)
        except Exception as error:  # noqa: BLE001 - one strange row is this plan's problem alone
            return PlanUsage(read.plan.name, days, problem=error_words(error))

    def _usage_of(
        self, name: str, plans: list[GatewayPlan], days: tuple[str, ...]
    ) -> UsageRead | None:
        """None while the plan is not on the gateway. A plan without quota has nothing to read."""
        plan = None
        try:
            plan = only_one(name, plans)
            if plan is None or plan.quota is None:
                return UsageRead(plan) if plan else None
            rows = self.gateway.usage(plan.plan_id, days[0], days[-1])
        except KeywardError as error:
            problem = f"{type(error).__name__}: {error}"
            return UsageRead(plan or GatewayPlan("", name, None, None), problem=problem)
        self._spent(_pages(len(rows)))
        return UsageRead(plan, rows)

    def _with_events(
        self, report: Report, found: Sequence[Finding], holds: Sequence[JSON], now: float
    ) -> Report:
        done = activity_of(self.registry.ledger.of_days(days_of_week(now)), now)
        people, mending = waiting.finding_items(found, _modes(report.apis))
        people = waiting.policy_items(self.current.refused) + people
        people += waiting.hold_items(holds, done)
        people += waiting.failure_items(done, people)
        people += waiting.queue_items({n: self.bus.waiting(url) for n, url in self.queues.items()})
        if not report.unread:
            people += waiting.exemption_items(report.exemptions)
        return replace(
            report,
            done=done,
            done_counts=counts_of(done),
            waiting=tuple(sorted(people, key=_urgency)),
            mending=tuple(waiting.without_pending(people, mending)),
            calls=sum(self._calls),
        )

    def _spent(self, calls: int) -> None:
        """Count calls, and leave the account its share of the time."""
        self._calls.append(calls)
        if sum(self._calls) > FIRST_CALLS:
            self.rest(calls / CALLS_A_SECOND)


def _pages(items: int) -> int:
    return max(1, -(-items // KEYS_A_CALL))


def _modes(apis: Sequence[ApiRow]) -> dict[str, str]:
    return {api.rest_api_id: api.mode for api in apis}


def _urgency(item: PendingItem) -> tuple[bool, bool, str]:
    return item.severity != "high", item.kind != "held", item.kind
