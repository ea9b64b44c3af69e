"""Report exposure: add to what mode observe or warn announces who would get a 403."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keyward.apis.exposure import callers, log_query, report
from keyward.apis.progress import REPORT, Progress
from keyward.aws.logs import AccessLogs
from keyward.aws.tables import Registry
from keyward.aws.tables.leases import Lease
from keyward.aws.tables.outbox import record_name
from keyward.customers.coverage import uncovered
from keyward.errors import LogsUnreadableError, ServiceUnavailableError
from keyward.events import contracts
from keyward.policy.model import Policy
from keyward.runs import runtime
from keyward.values import JSON, frozen

# A query that takes longer than this many rounds is given up.
MAX_ROUNDS = 18
ROUND_SECONDS = 2
TOO_LONG = "CloudWatch Logs did not answer in time"
DAY_SECONDS = 24 * 3600
TYPES = ("ApiExposed", "ApiWarned")


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input and output: a run's progress (apis/progress.py); see `report`."""
    progress, run = Progress.of(event), runtime.context()
    reporter = Reporter(
        run.registry,
        runtime.access_logs(),
        run.policy,
        (progress.rest_api_id, progress.api_name),
        run.now,
    )
    return reporter.report(progress).as_json()


@frozen
class Reporter:
    """Reports on one API, its id and name; `now` in epoch seconds."""

    registry: Registry
    logs: AccessLogs
    policy: Policy
    api: tuple[str, str]
    now: float

    def report(self, progress: Progress) -> Progress:
        """Report on the exposed stages; returns those whose access log is still being asked, and
        their queries by stage. What a stage's log does not tell is said in its report. Raises
        LeaseLostError."""
        self.registry.leases.renew(Lease.of({"lease": progress.lease}), self.now)
        left: list[JSON] = []
        queries = dict(progress.queries or {})
        for item in progress.exposed:
            stage = str(item["stage"])
            found = self._read(item, queries, progress.round)
            if found is None:
                left.append(item)
            else:
                self._add(stage, found)
        if not left:
            return progress.advanced(self.now, exposed=(), queries=None)
        waiting = replace(progress, exposed=tuple(left), queries=queries, round=progress.round + 1)
        return waiting.again(REPORT, ROUND_SECONDS)

    def _read(self, item: JSON, queries: dict[str, str], number: int) -> JSON | None:
        """What the access log of a stage tells; None while it does not answer."""
        stage = str(item["stage"])
        try:
            if stage not in queries:
                queries[stage] = self._ask(item)
            rows = self.logs.rows(queries[stage])
        except ServiceUnavailableError:
            rows = None
        except LogsUnreadableError as error:
            return {"not_known": str(error)}
        if rows is None:
            return {"not_known": TOO_LONG} if number >= MAX_ROUNDS else None
        return callers(rows, self.policy.report_days)

    def _ask(self, item: JSON) -> str:
        query = log_query(
            str(item["log_arn"]), str(item["log_format"]), self.api[0], str(item["stage"])
        )
        since = self.now - self.policy.report_days * DAY_SECONDS
        return self.logs.start(query.group, query.query, since, self.now)

    def _add(self, stage: str, found: JSON) -> None:
        """To the announcement that waits in the outbox, whichever it is."""
        outbox = self.registry.apis.load_records(self.api[0]).outbox
        loaded = self.registry.customers.load_all()
        customers = uncovered(loaded.desired, loaded.keys, self.policy, self.api, stage)
        for detail_type in TYPES:
            event = outbox.get(record_name(detail_type, stage))
            if event:
                added = report(event["detail"]["actions"], customers, found)
                detail = event["detail"] | {"report": added}
                self.registry.apis.announce(
                    self.api[0], stage, contracts.announcement(detail_type, **detail), self.now
                )
