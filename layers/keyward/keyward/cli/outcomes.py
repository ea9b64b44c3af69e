"""`keyward outcomes`: what was announced."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import click

from keyward.aws.tables.ledger import MAX_LINES_A_DAY, Ledger
from keyward.cli.options import DURATIONS, FINE, FOUND, Call, duration, each, of_stack
from keyward.events.fields import moment
from keyward.values import DAY, JSON, iso

# What an event is about, for a line of text.
ABOUT = ("customer_id", "rest_api_id", "stage", "key_id", "plan")
TROUBLE = ("Failed", "Held", "Refused")
MAX_DAYS = 366


@click.command()
@click.option("--since", default="1d", show_default=True, metavar="TIME", help="30m, 7d, a day.")
@of_stack
def outcomes(call: Call, /, since: str) -> int:
    """Print what Keyward announced, newest first.

    The exit code is 1 when something failed, was refused or is held.
    """
    now = call.now()
    events = announced(call.stack().ledger(), since, now)
    none = f"nothing was announced since {iso(_since(since, now))}"
    call.show(events, _texts(events) if events else [none])
    return FOUND if any(str(event["event"]).endswith(TROUBLE) for event in events) else FINE


def announced(
    ledger: Ledger, since: str, now: float, most: int | None = MAX_LINES_A_DAY
) -> list[JSON]:
    """What was announced since a time or for a span (`7d`), newest first, with `at`: at most so
    many lines a day, or all (None)."""
    first = _since(since, now)
    days = {iso(now - n * DAY)[:10] for n in range(int((now - first) // DAY) + 2)}
    read = (line for day in each("reading", sorted(days)) for line in ledger.of_days([day], most))
    lines = sorted(read, key=lambda line: str(line["at"]), reverse=True)
    return [
        {"at": line["at"]} | event
        for line in lines
        if str(line["at"]) >= iso(first)
        for event in line.get("events", ())
    ]


def _since(text: str, now: float) -> float:
    """Epoch seconds of a time, or of a span before `now`."""
    span = duration(text)
    try:
        first = now - span if span else float(moment(text))
    except (ValueError, OverflowError, OSError):
        raise click.UsageError(f"--since takes {DURATIONS}, a day or an ISO 8601 time.") from None
    return max(first, (datetime.fromtimestamp(now, UTC) - timedelta(days=MAX_DAYS)).timestamp())


def _texts(events: list[JSON]) -> Iterator[str]:
    for event in events:
        about = " ".join(str(event[name]) for name in ABOUT if event.get(name))
        why = "".join(f": {event[name]}" for name in ("error", "reason") if event.get(name))
        yield f"{event['at']}  {event['event']} {about}{why}"
        yield from [f"      {event['remedy']}"] if event.get("remedy") else []
