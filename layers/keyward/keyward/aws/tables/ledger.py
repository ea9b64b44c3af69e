"""The Ledger table: every action, by subject (`customer#acme`, `api#a1b2`, `stack`) in the order of
time, and by day what was announced.

Lines are only added. No item ever holds a key value: a line is made of named members only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from keyward.aws.client import Table
from keyward.aws.tables.conditions import in_partition, unchanged
from keyward.errors import ConditionNotMetError
from keyward.events.requester import requester_in
from keyward.events.summary import summary_of
from keyward.values import DAY, JSON, iso

BY_DAY = "day-index"
MAX_LINES_A_DAY = 500
# What tells the lines of one action and moment apart.
NAMED = ("key", "stage", "method", "path", "plan")
ANNOUNCE = "announce"
# The subject of what a person did to the stack itself: a stop of writes, and its end; a message of
# no customer.
OF_STACK = "stack"
# An event was refused; a person dropped its message, or sent it again.
REFUSED, DROPPED, RESENT = "refuse_event", "drop_message", "resend_message"
TOLD = "told"


def line_of(
    subject: str, at: float, execution_arn: str | None, members: JSON, order: int | None = None
) -> JSON:
    """Build a line of `subject` at `at` (epoch seconds). Its name comes from what it tells, so that
    a step that is replayed writes the same line again; `order` sorts the lines of one moment."""
    run = (execution_arn or (members.get("asked") or {}).get("event_id", "")).rpartition(":")[2]
    about = [str(members[name]) for name in NAMED if members.get(name)]
    place = [] if order is None else [f"{order:04d}"]
    when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    name = "#".join([when, run, *place, members["action"], *about])
    line: JSON = {"at": iso(at), "execution_arn": execution_arn} | members
    kept = {name: value for name, value in line.items() if value not in (None, {})}
    return {"subject": subject, "line": name[:1000]} | kept


def with_events(lines: Sequence[JSON], announced: Sequence[JSON], at: float) -> list[JSON]:
    """Note on the last of the lines what is announced with them. What is announced without a line
    (a usage threshold, a refused policy) gets one of its own, at `at` (epoch seconds)."""
    if not announced:
        return list(lines)
    last = lines[-1] if lines else _announcement(announced, at)
    return [*lines[:-1], last | {"events": [summary_of(event) for event in announced]}]


def _announcement(announced: Sequence[JSON], at: float) -> JSON:
    detail = announced[0]["detail"]
    subject = f"customer#{detail['customer_id']}" if "customer_id" in detail else "policy"
    members = {
        "action": ANNOUNCE,
        "key": detail.get("key_id"),
        "plan": detail.get("plan"),
        "reason": ", ".join(event["detail_type"] for event in announced),
        "asked": requester_in(announced[0]),
    }
    line = line_of(subject, at, detail.get("execution_arn"), members)
    # Two that a run announces in one millisecond differ in what they tell.
    told = json.dumps(announced, sort_keys=True, default=str)
    return line | {"line": f"{line['line']}#{hashlib.sha256(told.encode()).hexdigest()[:8]}"}


class Ledger:
    """Lines are kept for good, or for `days` when that is not 0."""

    def __init__(self, table: Any, days: int = 0) -> None:
        self._table = Table(table)
        self._days = days

    def puts(
        self, lines: Sequence[JSON], announced: Sequence[JSON] = (), at: float = 0
    ) -> list[JSON]:
        """Lines as parts of the DynamoDB transaction that records what they tell, with what is
        announced then (`with_events`)."""
        items = [self._item(line) for line in with_events(lines, announced, at)]
        return [{"Put": {"TableName": self._table.name, "Item": item}} for item in items]

    def append(self, lines: Iterable[JSON]) -> None:
        """Add lines. One that is there already stays as it is: a replayed step adds none."""
        for line in lines:
            self._table.try_write("put_item", Item=self._item(line), **unchanged(None, "line", ()))

    def announce(self, line: JSON, tell: Callable[[], None]) -> None:
        """Add the line and `tell` of it, unless a step that this one replays did: then nothing.
        Who dies in between is called again, and tells it then."""
        item = self._item(line)
        try:
            self._table.put_item(Item=item, **unchanged(None, TOLD, ()))
        except ConditionNotMetError:
            return
        tell()
        self._table.put_item(Item=item | {TOLD: True})

    def of(self, subject: str, most: int | None = None) -> list[JSON]:
        """The lines of a subject, oldest first; the newest `most` of them."""
        mine = in_partition("subject", subject)
        newest_first = {"ScanIndexForward": False, "ConsistentRead": True}
        return self._table.pages("query", most, **mine, **newest_first)[::-1]

    def of_days(self, days: Iterable[str], most: int | None = MAX_LINES_A_DAY) -> list[JSON]:
        """The lines of these days (UTC, `YYYY-MM-DD`) that announced something, or settled it
        (DROPPED, RESENT), newest first, at most 500 a day, or all (None). Eventually consistent, as
        every global index is."""
        found: list[JSON] = []
        newest_first = {"IndexName": BY_DAY, "ScanIndexForward": False}
        for day in sorted(days, reverse=True):
            found += self._table.pages("query", most, **in_partition("day", day), **newest_first)
        return found

    def _item(self, line: JSON) -> JSON:
        # Few lines are in the index by day, so that it stays small: those with events, and those
        # that settle one.
        is_listed = line.get("events") or line.get("action") in (DROPPED, RESENT)
        item = line | ({"day": line["at"][:10]} if is_listed else {})
        if self._days:
            written = datetime.fromisoformat(line["at"]).timestamp()
            item |= {"expires_at": int(written) + self._days * DAY}
        return item
