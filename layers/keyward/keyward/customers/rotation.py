"""Decide when a key needs a successor, and when its end is to be announced. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keyward.customers.key import KeyRecord
from keyward.errors import InvalidRecordError
from keyward.events.fields import MAX_TEXT
from keyward.policy.model import Policy
from keyward.values import DAY, HOUR, frozen

LEAKED = "leaked"
# A reason that holds one of them, in capitals or not, says that the key is in foreign hands.
LEAK_WORDS = ("leak", "compromis", "stolen", "exposed", "pwned", "published")
# How many days ahead the end of a key is announced.
NOTICE_DAYS = (30, 7, 1)


@frozen
class RotationRequest:
    """The last request for a rotation; `requested_at` in epoch seconds. `says_leaked` is what the
    event said itself, None for nothing. `leaked_at` is when an older request was made which said
    that the key leaked: a plain one takes nothing of it back."""

    requested_at: int
    overlap_hours: float | None = None
    reason: str | None = None
    undone: bool = False
    says_leaked: bool | None = None
    leaked_at: int | None = None

    @property
    def leak_at(self) -> int | None:
        """When the last leak was told (epoch seconds), None for never."""
        return self.requested_at if self.leaked and not self.undone else self.leaked_at

    @property
    def without_undone(self) -> RotationRequest | None:
        """What is left to do when this request was undone: an older leak."""
        at = self.leaked_at
        return RotationRequest(at, reason=LEAKED, says_leaked=True) if at is not None else None

    @property
    def leaked(self) -> bool:
        """Whether the key is disabled before its successor is made. A sender who means a word of
        the reason otherwise says `"leaked": false`."""
        if self.says_leaked is not None:
            return self.says_leaked
        reason = (self.reason or "").casefold()
        return any(word in reason for word in LEAK_WORDS)


@frozen
class Replacement:
    """A pending replacement of a key: why, and for how many seconds the key works beside its
    successor (`overlap`) and stays, disabled, after that (`grace`)."""

    reason: str | None
    overlap: int = 0
    grace: int = 0
    leaked: bool = False


def rotation_of(stored: Any) -> RotationRequest | None:
    """From the attribute `rotation` of a customer's record. Raises InvalidRecordError."""
    if stored is None:
        return None
    try:
        hours, leaked, reason = map(stored.get, ("overlap_hours", "leaked", "reason"))
        leaked_at = stored.get("leaked_at")
        return RotationRequest(
            int(stored["requested_at"]),
            None if hours is None else float(hours),
            None if reason is None else (reason + "")[:MAX_TEXT],
            bool(stored.get("undone")),
            None if leaked is None else bool(leaked),
            None if leaked_at is None else int(leaked_at),
        )
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        raise InvalidRecordError(
            "rotation",
            "must be {requested_at, overlap_hours?, reason?, leaked?}",
            "Remove it, and send KeyRotationRequested",
        ) from None


def leak_at(stored: Any) -> int | None:
    """When a stored request, or an older one, told of a leak (epoch seconds), None for never.
    Raises InvalidRecordError."""
    request = rotation_of(stored)
    return request.leak_at if request else None


def is_leaked(key: KeyRecord, request: RotationRequest | None) -> bool:
    """Whether the request says that the key is in foreign hands. One made since is in none."""
    at = request.leak_at if request else None
    return at is not None and key.succession.rotation < at


def is_repeat(last: RotationRequest | None, new: RotationRequest, seconds: int) -> bool:
    """Whether a sender repeats its `last` request: the `new` one came within so many seconds of it.
    A request that reports a leak never repeats one that did not."""
    if last is None or last.undone or (new.leaked and not last.leaked):
        return False
    return 0 < new.requested_at - last.requested_at <= seconds


def replacement_for(
    key: KeyRecord,
    request: RotationRequest | None,
    plans: Sequence[str],
    successor: bool,
    policy: Policy,
    now: float,
) -> Replacement | None:
    """The replacement that a key needs at `now`: by request, by its age in `plans`, which it is to
    be in, or for a plan change that makes a `successor`. None when it needs none."""
    if request and is_leaked(key, request):
        return Replacement((request.leaked and request.reason) or LEAKED, leaked=True)
    if request and key.succession.rotation < request.requested_at:
        hours = policy.overlap_hours if request.overlap_hours is None else request.overlap_hours
        return replacement_with_overlap(request.reason, hours, policy)
    if key.by_hand is not None:
        # A successor that nobody asked for would let the customer in again.
        return None
    if successor:
        return replacement_with_overlap("plan change", policy.overlap_hours, policy)
    due = rotates_at(key, plans, policy)
    return (
        replacement_with_overlap("age", policy.overlap_hours, policy)
        if due and due <= now
        else None
    )


def rotates_at(key: KeyRecord, plans: Sequence[str], policy: Policy) -> int | None:
    """When the key is too old for one of the plans (epoch seconds), None for never."""
    ages = [days for plan in plans if (days := policy.lifecycle.rotate_after_days.get(plan))]
    return key.age_counts_from + min(ages) * DAY if ages and key.age_counts_from else None


def expires_at(key: KeyRecord, plans: Sequence[str], policy: Policy) -> int | None:
    """When the key stops working by itself (epoch seconds), None for never."""
    if key.end.retire_at is not None:
        return key.end.retire_at
    due = rotates_at(key, plans, policy)
    return (
        due + replacement_with_overlap(None, policy.overlap_hours, policy).overlap if due else None
    )


def notices(key: KeyRecord, expires: int) -> dict[int, int]:
    """When the key's end is to be announced, by days ahead: the notices still to come, none from
    before the key was made or was known to end."""
    is_same_end = abs((key.end.notice_expiry or 0) - expires) < DAY
    last = key.end.notice_days if is_same_end else None
    return {
        days: expires - days * DAY
        for days in NOTICE_DAYS
        if expires - days * DAY > key.age_counts_from and (last is None or days < last)
    }


def void_notices(overlap: int) -> int | None:
    """The last of the notices whose time was over before an overlap of so many seconds began."""
    return min((days for days in NOTICE_DAYS if days * DAY > overlap), default=None)


def replacement_with_overlap(reason: str | None, hours: float, policy: Policy) -> Replacement:
    """Make a replacement with an overlap of so many hours, at least until the successor is known
    everywhere (aws-recorded.md 10)."""
    overlap = max(int(hours * HOUR), policy.propagation_seconds)
    return Replacement(reason, overlap, int(policy.lifecycle.grace_hours * HOUR) if hours else 0)
