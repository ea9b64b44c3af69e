"""List what was done in the last seven days, from the ledger. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from keyward.aws.tables.ledger import DROPPED, REFUSED, RESENT
from keyward.policy.periods import last_days
from keyward.report.model import ActivityRow
from keyward.values import DAY, iso

DAYS = 7
# What an announcement may be about: members of events and of the row.
ABOUT = ("customer_id", "rest_api_id", "stage", "plan", "key_id")


def activity_of(lines: Iterable[Mapping[str, Any]], now: float) -> tuple[ActivityRow, ...]:
    """List what was announced in the last seven times 24 hours, newest first. `lines` are the
    ledger's, `now` is epoch seconds."""
    first = iso(now - DAYS * DAY)
    rows = [
        _row(line, event)
        for line in lines
        for event in line.get("events", ())
        if str(line["at"]) >= first
    ]
    return tuple(sorted(rows, key=lambda row: row.at, reverse=True))


def unsettled(lines: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The lines but for refusals of events whose message a person dropped or sent again later."""
    settled: dict[str, str] = {}
    for line in lines:
        if line["action"] in (DROPPED, RESENT) and "event_id" in line:
            settled[line["event_id"]] = max(_moment(line), settled.get(line["event_id"], ""))
    return [
        line
        for line in lines
        if line["action"] != REFUSED
        or _moment(line) >= settled.get(line["asked"].get("event_id"), "")
    ]


def _moment(line: Mapping[str, Any]) -> str:
    """When the line was written, in milliseconds: its name begins so."""
    return str(line["line"]).partition("#")[0]


def counts_of(done: Sequence[ActivityRow]) -> dict[str, int]:
    """Count the rows of each type, most first."""
    return dict(Counter(item.event for item in done).most_common())


def days_of_week(now: float) -> tuple[str, ...]:
    """List the days (UTC) that touch the last seven times 24 hours."""
    return last_days(now, DAYS + 1)


def _row(line: Mapping[str, Any], event: Mapping[str, Any]) -> ActivityRow:
    return ActivityRow(
        at=str(line["at"]),
        event=str(event["event"]),
        reason=event.get("reason"),
        did=tuple(map(str, event.get("did", ()))),
        execution=line.get("execution_arn"),
        remedy=event.get("remedy"),
        **{name: event.get(name) for name in ABOUT},
    )
