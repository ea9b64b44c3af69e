"""The one rule of every write-ahead journal: how long an unanswered call may still take effect."""

from __future__ import annotations

from keyward.errors import TryUnderwayError
from keyward.values import READ_SECONDS, in_flight_seconds


def may_be_in_flight(
    started_at: float, now: float, read_seconds: int = READ_SECONDS, calls: int = 1
) -> bool:
    """Whether the last of `calls` that began at `started_at` (epoch seconds) may still take effect.
    `read_seconds` is the read time-out of the call."""
    return now < started_at + calls * in_flight_seconds(read_seconds)


def check_landed(
    started_at: float, now: float, what: str, calls: int = 1, read_seconds: int = READ_SECONDS
) -> None:
    """Raise TryUnderwayError while an earlier try may still take effect; `what` names it."""
    if may_be_in_flight(started_at, now, read_seconds, calls):
        raise TryUnderwayError(f"an earlier try to {what} may still be under way")
