"""Report exposure: add to what mode observe or warn announces who would get a 403."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keyward.apis.exposure import callers, question, report, uncovered
from keyward.aws.logs import AccessLogs
from keyward.aws.tables import Lease, Registry
from keyward.errors import LogsUnreadableError
from keyward.events import contracts
from keyward.policy.model import Policy
from keyward.runs import runtime

JSON = dict[str, Any]

# Rounds are 3 s apart; a query that takes longer is given up.
MOST_ROUNDS = 12
TOO_LONG = "CloudWatch Logs did not answer in time"
DAY_SECONDS = 24 * 3600
TYPES = ("ApiExposed", "ApiWarned")


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{rest_api_id, lease, execution_arn, api_name, stages: [{stage, log_arn,
    log_format}], queries, round}`; output: see `report`."""
    reporter = Reporter(
        runtime.registry(),
        runtime.access_logs(),
        runtime.policy(),
        (contracts.rest_api_id_of(event), str(event["api_name"])),
        runtime.now(),
    )
    return reporter.report(event)


@dataclass(frozen=True)
class Reporter:
    """Reports on one API, its id and name; `now` in epoch seconds."""

    registry: Registry
    logs: AccessLogs
    policy: Policy
    api: tuple[str, str]
    now: float

    def report(self, task: JSON) -> JSON:
        """`{stages, queries, round}`: the stages whose access log is still asked, and the ids of
        those queries by stage. What a stage's log does not tell is said in its report.

        Raises LeaseLostError.
        """
        self.registry.leases.renew(Lease.of(task), self.now)
        number = int(task["round"])
        waiting: dict[str, str] = {}
        for seen in task["stages"]:
            stage = str(seen["stage"])
            try:
                query = task["queries"].get(stage) or self._ask(seen)
                found = self._answer(query, number)
            except LogsUnreadableError as error:
                found = {"not_known": str(error)}
            if found is None:
                waiting[stage] = query
            else:
                self._add(stage, found)
        left = [seen for seen in task["stages"] if seen["stage"] in waiting]
        return {"stages": left, "queries": waiting, "round": number + 1}

    def _ask(self, seen: JSON) -> str:
        asked = question(
            str(seen["log_arn"]), str(seen["log_format"]), self.api[0], str(seen["stage"])
        )
        since = self.now - self.policy.report_days * DAY_SECONDS
        return self.logs.start(asked.group, asked.query, since, self.now)

    def _answer(self, query: str, number: int) -> JSON | None:
        """What the log told; None while the query runs."""
        rows = self.logs.rows(query)
        if rows is None and number >= MOST_ROUNDS:
            raise LogsUnreadableError(TOO_LONG)
        return None if rows is None else callers(rows, self.policy.report_days)

    def _add(self, stage: str, found: JSON) -> None:
        """To the announcement that waits in the outbox, whichever it is."""
        outbox = self.registry.apis.known(self.api[0]).outbox
        records, known = self.registry.customers.everything()
        customers = uncovered(records, known, self.policy, self.api, stage)
        for detail_type in TYPES:
            event = outbox.get(f"outbox#{detail_type}#{stage}")
            if event:
                added = report(event["detail"]["actions"], customers, found)
                event = event | {"detail": event["detail"] | {"report": added}}
                self.registry.apis.announce(self.api[0], stage, event, self.now)
