"""The one rule of every write-ahead journal: how long an unanswered call may still take effect."""

from __future__ import annotations

from keyward.aws.gateway.calls import CONNECT_SECONDS, READ_SECONDS
from keyward.errors import TryUnderwayError


def may_be_in_flight(
    started_at: float, now: float, read_seconds: int = READ_SECONDS, calls: int = 1
) -> bool:
    """Whether the last of `calls` that began at `started_at` (epoch seconds) may still take effect.

    The client gives up after its time-outs; a second more covers the journal's whole seconds. The
    SDK does not repeat a call of API Gateway. `read_seconds` is the read time-out of the call.
    """
    return now < started_at + calls * (CONNECT_SECONDS + read_seconds + 1)


def check_landed(started_at: float, now: float, what: str, calls: int = 1) -> None:
    """Raise TryUnderwayError while an earlier try may still take effect; `what` names it."""
    if may_be_in_flight(started_at, now, calls=calls):
        raise TryUnderwayError(f"an earlier try to {what} may still be under way")
