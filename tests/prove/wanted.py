"""What a customer should have, by a small model: newer wins, field by field.

People say plan and status, money says what is owed, the calendar says when it ends; the strictest
counts. Times are epoch seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from keyward.values import JSON

HOUR, DAY = 3600, 24 * 3600
# The default policy, for what is owed.
LOWER_PLAN, LOWER_AFTER, SUSPENDED_AFTER = "free", 7 * DAY, 21 * DAY
# What counts after a removal.
RETURNS = ("CustomerSignedUp", "CustomerClosed")
STATUS = {
    "CustomerSignedUp": "active",
    "CustomerSuspended": "suspended",
    "CustomerResumed": "active",
    "CustomerClosed": "closed",
}


def epoch(text: str) -> float:
    """Epoch seconds of an ISO 8601 time."""
    return datetime.fromisoformat(text).timestamp()


@dataclass
class Statement:
    """A field: its value, when it was said to have changed, and how it is wanted."""

    value: Any
    at: float
    how: JSON = field(default_factory=dict)


@dataclass
class FieldUpdates:
    """What was said of a customer."""

    fields: dict[str, Statement] = field(default_factory=dict)
    failed: set[float] = field(default_factory=set)
    paid: float = 0
    # The record as it was put, while no event has changed it.
    put_as: JSON | None = None
    # When the record was removed; `gone`: and is not whole again.
    removed_at: float = 0
    gone: bool = False
    # When the sign-up occurred that made it whole again, and what came meanwhile: a sign-up that
    # occurred before that may be on its way.
    back_at: float = 0
    waiting: list[JSON] = field(default_factory=list)

    def hear(self, event: JSON) -> bool:
        """Take an event; False when it is older than all that it would change."""
        kind, detail = event["detail-type"], event["detail"]
        self.put_as = None
        at = epoch(detail["occurred_at"])
        if at < max(self.removed_at, self.back_at):
            return False
        if self.gone and kind not in RETURNS:
            self.waiting.append(event)
            return False
        if self.gone and kind == "CustomerSignedUp":
            self.gone, self.back_at, late = False, at, self.waiting
            return any([self._take(event), *(map(self.hear, _since(late, at)))])
        return self._take(event)

    def _take(self, event: JSON) -> bool:
        kind, detail = event["detail-type"], event["detail"]
        at = epoch(detail["occurred_at"])
        if kind == "PaymentFailed":
            self.failed.add(at)
        if kind == "PaymentSucceeded":
            self.paid = max(self.paid, at)
        said = _said(kind, detail, at)
        newer = {name: told for name, told in said.items() if self._is_newer(name, told)}
        self.fields |= newer
        return bool(newer) or not said

    def put(self, record: JSON, at: float) -> None:
        """A record that was put by hand is a complete new truth, as old as it is.

        The same item put again is no change: DynamoDB writes no stream record for it (developer
        guide, "Change data capture for DynamoDB Streams").
        """
        item = {name: value for name, value in record.items() if name != "occurred_at"}
        if item == self.put_as:
            return
        self.put_as, self.gone = item, False
        for name in ("plan", "status"):
            self.fields[name] = Statement(record[name], at, {})
        self.fields["expiry"] = Statement(None, at, {})
        # Bills are facts of the record as well: it was put without them.
        self.failed, self.paid = set(), 0

    def remove(self, at: float) -> None:
        """The record is gone, and all that it said."""
        self.put_as, self.removed_at, self.gone = None, at, True
        self.back_at, self.waiting = 0, []
        self.fields, self.failed, self.paid = {}, set(), 0

    def _is_newer(self, name: str, told: Statement) -> bool:
        """A tie goes to the later arrival, but a rotation of the same time is a repeat."""
        known = self.fields.get(name)
        if known is None:
            return True
        return told.at > known.at if name == "rotation" else told.at >= known.at

    def value(self, name: str) -> Any:
        """A field's value, None while nobody told one."""
        return self.fields[name].value if name in self.fields else None

    def owed(self, now: float) -> float:
        """For how many seconds something has been owed."""
        owed = [at for at in self.failed if at > self.paid]
        return now - min(owed) if owed else -1.0

    def status(self, now: float) -> str:
        """`unknown` until the sign-up is known."""
        status = self.value("status")
        if self.gone:
            return "closed" if status == "closed" else "suspended"
        if not status or not self.value("plan"):
            return "unknown"
        ended = self.value("expiry") is not None and now >= self.value("expiry")
        if status == "active" and (ended or self.owed(now) >= SUSPENDED_AFTER):
            return "suspended"
        return str(status)

    def plan(self, now: float) -> str:
        """The plan that is in force."""
        return LOWER_PLAN if self.owed(now) >= LOWER_AFTER else str(self.value("plan"))


def _since(events: list[JSON], at: float) -> list[JSON]:
    return [event for event in events if epoch(event["detail"]["occurred_at"]) >= at]


def _said(kind: str, detail: JSON, at: float) -> dict[str, Statement]:
    said: dict[str, Statement] = {}
    if "plan" in detail:
        said["plan"] = Statement(detail["plan"], at, detail)
    if kind in STATUS:
        said["status"] = Statement(STATUS[kind], at)
    if kind == "KeyRotationRequested":
        said["rotation"] = Statement(at, at, detail)
    if "expires_at" in detail:
        said["expiry"] = Statement(epoch(detail["expires_at"]), at)
    return said
