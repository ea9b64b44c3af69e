"""What a customer should have, by a small model: newer wins, field by field, and keys follow.

People say plan and status, money says what is owed, the calendar says when it ends; the strictest
counts. Times are epoch seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

JSON = dict[str, Any]
HOUR, DAY = 3600, 24 * 3600
# The default policy: for a successor that is made because the plan changed, and for what is owed.
OVERLAP_HOURS = 168
LOWER_PLAN, LOWER_AFTER, SUSPENDED_AFTER = "free", 7 * DAY, 21 * DAY
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
class Told:
    """A field: its value, when it was said to have changed, and how it is wanted."""

    value: Any
    at: float
    how: JSON = field(default_factory=dict)


@dataclass
class FieldUpdates:
    """What was said of a customer."""

    fields: dict[str, Told] = field(default_factory=dict)
    failed: set[float] = field(default_factory=set)
    paid: float = 0

    def hear(self, event: JSON) -> bool:
        """Take an event; False when it is older than all that it would change."""
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
        """A record that was put by hand is a complete new truth, as old as it is."""
        for name in ("plan", "status"):
            self.fields[name] = Told(record[name], at, {})

    def _is_newer(self, name: str, told: Told) -> bool:
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
        if not status or not self.value("plan"):
            return "unknown"
        ended = self.value("expiry") is not None and now >= self.value("expiry")
        if status == "active" and (ended or self.owed(now) >= SUSPENDED_AFTER):
            return "suspended"
        return str(status)

    def plan(self, now: float) -> str:
        """The plan that is in force."""
        return LOWER_PLAN if self.owed(now) >= LOWER_AFTER else str(self.value("plan"))

    def successor(self, now: float) -> bool:
        """Whether a change to the plan in force is by a new key: the wish of the event counts for
        its own plan only."""
        own = self.plan(now) == self.value("plan")
        return own and self.fields["plan"].how.get("key") == "successor"

    @property
    def leaked(self) -> bool:
        """Whether the last rotation is because of a leak, and at once."""
        how = self.fields["rotation"].how if "rotation" in self.fields else {}
        return how.get("reason") == "leaked" and not how.get("overlap_hours")


def _said(kind: str, detail: JSON, at: float) -> dict[str, Told]:
    said: dict[str, Told] = {}
    if "plan" in detail:
        said["plan"] = Told(detail["plan"], at, detail)
    if kind in STATUS:
        said["status"] = Told(STATUS[kind], at)
    if kind == "KeyRotationRequested":
        said["rotation"] = Told(at, at, detail)
    if "expires_at" in detail:
        said["expiry"] = Told(epoch(detail["expires_at"]), at)
    return said


@dataclass
class Model:
    """One customer's keys. `current` is the value that the customer should use; `old` values work
    until some moment between the two that are told; `dead` ones never again. Not `sure`: a run died
    or failed, and what was wanted changed before the next one was done."""

    wishes: FieldUpdates = field(default_factory=FieldUpdates)
    current: str | None = None
    plan: str | None = None
    rotated: float = 0
    old: dict[str, tuple[float, float]] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    begun: tuple[float, JSON] | None = None
    broken: bool = False

    def _in_force(self, now: float) -> JSON:
        wishes = self.wishes
        known = wishes.status(now) != "unknown"
        return {
            "status": wishes.status(now),
            "plan": wishes.plan(now),
            "rotation": wishes.value("rotation") or 0,
            "successor": known and wishes.successor(now),
            "leaked": wishes.leaked,
        }

    def begin(self, now: float) -> None:
        """A run begins; the first one since the last that was done is remembered."""
        self.begun = self.begun or (now, self._in_force(now))

    def never_without(self, now: float) -> bool:
        """Whether the customer is to have a working key at every moment of a run."""
        wanted = self._in_force(now)
        if wanted["status"] != "active" or self.current is None or self.broken:
            return False
        in_place = self.plan != wanted["plan"] and not wanted["successor"]
        return not in_place and not (wanted["rotation"] > self.rotated and wanted["leaked"])

    def settle(self, now: float, values: list[str]) -> None:
        """A run is done: what became of the customer's keys. `values` are those on the gateway, the
        newest last."""
        assert self.begun is not None
        since, wanted = self.begun[0], self._in_force(now)
        sure = not self.broken or self.begun[1] == wanted
        if self.broken and wanted["status"] == "suspended":
            return
        self.begun, self.broken = None, False
        if wanted["status"] == "closed":
            self.dead |= {value for value in (self.current, *self.old) if value}
            self.current, self.plan, self.old = None, None, {}
        if wanted["status"] == "active":
            if sure:
                self._follow(since, now, values[-1], wanted)
            else:
                late = (0.0, now + OVERLAP_HOURS * HOUR)
                self.old = {value: self.old.get(value, late) for value in values[:-1]}
            self.current, self.plan = values[-1], wanted["plan"]
            self.old.pop(values[-1], None)
            self.rotated = max(self.rotated, wanted["rotation"])

    def _follow(self, since: float, now: float, newest: str, wanted: JSON) -> None:
        if self.current is None:
            return
        rotates = wanted["rotation"] > self.rotated
        changes = self.plan != wanted["plan"] and wanted["successor"]
        assert (newest != self.current) == (rotates or changes), "a successor if it is asked for"
        if rotates and wanted["leaked"]:
            self.dead |= {self.current}
            self.old = {value: (0.0, latest) for value, (_, latest) in self.old.items()}
        elif rotates or changes:
            how = self.wishes.fields["rotation"].how if rotates else {}
            seconds = how.get("overlap_hours", OVERLAP_HOURS) * HOUR
            self.old[self.current] = (since + seconds, now + seconds)

    def must_work(self, now: float) -> set[str]:
        """The values that work, for certain."""
        if self.wishes.status(now) != "active" or self.current is None:
            return set()
        return {self.current} | {v for v, (earliest, _) in self.old.items() if now < earliest}

    def must_not_work(self, now: float) -> set[str]:
        """The values that do not."""
        over = {value for value, (_, latest) in self.old.items() if now >= latest}
        if self.wishes.status(now) != "active":
            over |= {*self.old} | ({self.current} if self.current else set())
        return self.dead | over
