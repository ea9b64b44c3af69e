"""Make a report from what the last audit read of the account and the last reading of usage.

Records, holds, dead letters and announcements are as of now. Minutes after an audit a report makes
no call of API Gateway. Without a recent one it has a reading of its own, which costs what an audit
costs (audit/account.py).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace

from keyward.audit import room
from keyward.audit.account import AccountReading
from keyward.audit.customers import CustomerAudit
from keyward.audit.keys import of_usage
from keyward.audit.model import Finding
from keyward.audit.opens import of_opens
from keyward.audit.parts import Audit
from keyward.aws.bus import Bus
from keyward.aws.tables import Registry
from keyward.aws.tables.customers import AccountRecords
from keyward.aws.tables.policy import Current
from keyward.customers.key import KeyRecord
from keyward.policy.model import Policy
from keyward.report import waiting
from keyward.report.activity import activity_of, counts_of, days_of_week, unsettled
from keyward.report.apis import api_row, exemption_rows
from keyward.report.customers import customer_rows, plan_rows
from keyward.report.model import ActivityRow, ApiRow, PendingItem, Report
from keyward.report.usage import UsageReading, read_usage
from keyward.values import JSON, frozen, iso

# A report by hand takes an audit that is at most so old.
RECENT_SECONDS = 3600
# Of these the table of holds tells what is so now.
HOLDS = ("held", "hold_over")


def newest_reading(audit: Audit, wanted: str | None, now: float) -> AccountReading | None:
    """Find the reading of the `wanted` audit, or else the last one, if it is recent; None without
    one. `audit` names the documents."""
    name = wanted
    if name is None:
        latest = audit.documents.latest()
        if latest is None or now - float(latest["began"]) > RECENT_SECONDS:
            return None
        name = str(latest["audit"])
    found = replace(audit, name=name)
    return found.reading() if found.has_begun else None


def own_reading(
    audit: Audit, policy: Policy, until: float, rest: Callable[[float], None]
) -> AccountReading:
    """Read the account as an audit does, without a finding for anybody; after `until` (epoch
    seconds) no further round. `rest` waits between rounds. Raises errors of API Gateway when its
    lists cannot be read."""
    while True:
        done = audit.read_on({}, policy)
        if not done.unfinished or audit.context.now + done.wait_seconds >= until:
            break
        rest(done.wait_seconds)
    return audit.reading()


@frozen
class Collector:
    """Makes a report of a reading, as of `now` (epoch seconds). `queues` are the dead-letter queues
    by name."""

    audit: Audit
    current: Current
    place: str
    queues: Mapping[str, str]
    now: float

    @property
    def _registry(self) -> Registry:
        return self.audit.context.registry

    @property
    def _bus(self) -> Bus:
        return self.audit.context.bus

    def report(self, reading: AccountReading) -> Report:
        """The report."""
        now, policy = self.now, self.current.policy
        records = self._registry.customers.load_all()
        key_records = [key for one in records.keys.values() for key in one.keys]
        done, open_ = self._activity()
        closed = waiting.closed_since(done, {api.rest_api_id: api.read_at for api in reading.apis})
        holds = self._registry.apis.all_holds()
        held = {(str(hold["rest_api_id"]), str(hold.get("stage"))) for hold in holds}
        rows = tuple(api_row(api, policy, held, closed, now) for api in reading.apis)
        keys = list(reading.keys.keys.values()) if reading.keys else []
        usage = self._usage(reading, key_records)
        report = Report(
            written_at=iso(now),
            read_at=iso(reading.began),
            usage_read_at=usage.read_on,
            place=self.place,
            apis=rows,
            exemptions=exemption_rows(policy, rows, now),
            plans=plan_rows(key_records, keys, reading.plans, policy),
            usage=usage.plans,
            customers=len(records.desired),
            by_customer=customer_rows(records.desired, records.keys, keys),
            keys=len(keys),
            keys_full_on=room.full_on(keys, key_records, now),
            keys_of_others=len({key.key_id for key in keys} - {key.key_id for key in key_records}),
            unread=reading.left,
            policy_version=self.current.version,
            done=done,
            done_counts=counts_of(done),
        )
        of_apis = [
            finding
            for finding in reading.findings
            if finding.kind not in HOLDS and (finding.rest_api_id, finding.stage) not in closed
        ]
        found = self._findings_now(reading, records) + room.of_room(keys, key_records, now)
        known = {str(record.get("customer_id")) for record in records.desired}
        as_desired = known - {f.customer_id for f in found} if reading.keys else ()
        return self._with_pending(report, found + of_apis, holds, open_, as_desired)

    def _activity(self) -> tuple[tuple[ActivityRow, ...], tuple[ActivityRow, ...]]:
        """What was done in the last days, and the same but for refusals that a person settled."""
        lines = self._registry.ledger.of_days(days_of_week(self.now))
        return activity_of(lines, self.now), activity_of(unsettled(lines), self.now)

    def _findings_now(self, reading: AccountReading, records: AccountRecords) -> list[Finding]:
        """Compare the records of now with the account as it was read."""
        policy = self.current.policy
        found = CustomerAudit(reading.keys, policy, self.now).of_all(records)
        found += of_usage(records, policy, self.now)
        return found + of_opens(records, reading.keys, reading.plans, reading.apis, policy)

    def _usage(self, reading: AccountReading, records: Sequence[KeyRecord]) -> UsageReading:
        document = self.audit.documents.usage()
        last = UsageReading.of(document) if document else None
        if last and last.is_recent(self.now):
            return last
        plans, gateway = list(reading.plans), self.audit.context.gateway
        return read_usage(gateway, self.current.policy, plans, records, self.now)

    def _with_pending(
        self,
        report: Report,
        found: Sequence[Finding],
        holds: Sequence[JSON],
        open_: Sequence[ActivityRow],
        as_desired: Container[str | None],
    ) -> Report:
        """Add to the report what waits for people, and what is being mended. `open_` is what was
        done, but for refusals that a person settled."""
        done = report.done
        people, mending = waiting.finding_items(found, _modes(report.apis))
        people = waiting.policy_items(self.current.refused) + people
        people += waiting.hold_items(holds, done)
        people += waiting.failure_items(open_, people, as_desired)
        people += waiting.queue_items({n: self._bus.waiting(u) for n, u in self.queues.items()})
        if not report.unread:
            people += waiting.exemption_items(report.exemptions)
        stack = self.audit.context.stack
        people = [waiting.with_command(item, stack) for item in people]
        return replace(
            report,
            waiting=tuple(sorted(people, key=_urgency)),
            mending=tuple(waiting.without_pending(people, mending)),
        )


def _modes(apis: Sequence[ApiRow]) -> dict[str, str]:
    return {api.rest_api_id: api.mode for api in apis}


def _urgency(item: PendingItem) -> tuple[bool, bool, str]:
    return item.severity != "high", item.kind != "held", item.kind
