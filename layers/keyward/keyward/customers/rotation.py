"""Rotation: when a key is to have a successor, and when a key's end is near. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keyward.customers.key import KeyRecord
from keyward.errors import InvalidRecordError
from keyward.policy.model import Policy

HOUR = 3600
DAY = 24 * HOUR
LEAKED = "leaked"
# How many days ahead the end of a key is announced.
NOTICE_DAYS = (30, 7, 1)


@dataclass(frozen=True)
class RotationRequest:
    """The last request for a rotation; `requested_at` in epoch seconds."""

    requested_at: int
    overlap_hours: float | None = None
    reason: str | None = None
    undone: bool = False

    @property
    def leaked(self) -> bool:
        """Whether the key is to be disabled before its successor is made."""
        return self.reason == LEAKED and not self.overlap_hours


@dataclass(frozen=True)
class Replacement:
    """That a key is to have a successor: why, and for how many seconds the key works beside it
    (`overlap`) and stays, disabled, after that (`grace`)."""

    reason: str | None
    overlap: int = 0
    grace: int = 0
    leaked: bool = False


def rotation_of(stored: Any) -> RotationRequest | None:
    """From the attribute `rotation` of a customer's record. Raises InvalidRecordError."""
    if stored is None:
        return None
    try:
        hours = stored.get("overlap_hours")
        return RotationRequest(
            int(stored["requested_at"]),
            None if hours is None else float(hours),
            stored.get("reason"),
            bool(stored.get("undone")),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        raise InvalidRecordError(
            "rotation", "is malformed", "Send KeyRotationRequested instead of storing it"
        ) from None


def replacement_for(
    key: KeyRecord,
    asked: RotationRequest | None,
    plan: str,
    successor: bool,
    policy: Policy,
    now: float,
) -> Replacement | None:
    """Whether the key is to have a successor at `now`: asked for, or too old for `plan`, which it
    is to be in, or, when a plan change makes a `successor`, in another one."""
    if asked and key.rotation < asked.requested_at:
        if asked.leaked:
            return Replacement(asked.reason, leaked=True)
        hours = policy.overlap_hours if asked.overlap_hours is None else asked.overlap_hours
        return replacement_with_overlap(asked.reason, hours, policy)
    if successor and key.plan != plan and key.moving_to is None:
        return replacement_with_overlap("plan change", policy.overlap_hours, policy)
    due = rotates_at(key, plan, policy)
    return (
        replacement_with_overlap("age", policy.overlap_hours, policy)
        if due and due <= now
        else None
    )


def rotates_at(key: KeyRecord, plan: str, policy: Policy) -> int | None:
    """When the key is too old for the plan (epoch seconds), None for never."""
    days = policy.lifecycle.rotate_after_days.get(plan)
    return key.age_counts_from + days * DAY if days and key.age_counts_from else None


def expires_at(key: KeyRecord, plan: str, policy: Policy) -> int | None:
    """When the key stops working by itself (epoch seconds), None for never."""
    if key.retire_at is not None:
        return key.retire_at
    due = rotates_at(key, plan, policy)
    return (
        due + replacement_with_overlap(None, policy.overlap_hours, policy).overlap if due else None
    )


def notices(key: KeyRecord, expires: int) -> dict[int, int]:
    """When the key's end is to be announced, by the days ahead: what was not told yet, and is
    neither before the key was made nor before it was known to end."""
    told = key.told_days if abs((key.told_expiry or 0) - expires) < DAY else None
    return {
        days: expires - days * DAY
        for days in NOTICE_DAYS
        if expires - days * DAY > key.age_counts_from and (told is None or days < told)
    }


def void_notices(overlap: int) -> int | None:
    """The last of the notices whose time was over before an overlap of so many seconds began."""
    return min((days for days in NOTICE_DAYS if days * DAY > overlap), default=None)


def replacement_with_overlap(reason: str | None, hours: float, policy: Policy) -> Replacement:
    """With an overlap of so many hours; the successor has to be known everywhere before the key
    goes (aws-recorded.md 10)."""
    overlap = max(int(hours * HOUR), policy.propagation_seconds)
    return Replacement(reason, overlap, int(policy.lifecycle.grace_hours * HOUR) if hours else 0)
