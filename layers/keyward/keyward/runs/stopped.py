"""Tells people daily of a stop of writes that they may have forgotten (`keyward stop`)."""

from __future__ import annotations

from keyward.events import contracts, remedy
from keyward.runs import outbox
from keyward.runs.context import Context
from keyward.values import DAY, iso

# Who stopped Keyward an hour ago still knows it.
PATIENCE_SECONDS = 3600


def tell_of_stop(context: Context) -> None:
    """Announce WritesStopped when a stop is older than an hour, once a day of its own. Raises
    PassingError."""
    stop, now = context.registry.schedule.stop(), context.now
    if stop is None or now < stop.at + PATIENCE_SECONDS:
        return
    kept = "" if stop.everything else ", but for what stops a key,"
    event = contracts.announcement(
        "WritesStopped",
        since=iso(stop.at),
        reason=f"writes to API Gateway{kept} are stopped since {iso(stop.at)}",
        remedy=remedy.command("start", stack=context.stack),
    )
    outbox.announce_once(context, f"stop#{int(stop.at)}", event, DAY)
