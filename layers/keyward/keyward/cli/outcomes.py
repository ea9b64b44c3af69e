"""`keyward outcomes` and `keyward status`: what was announced, and what waits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import click

from keyward.apis.model import PENDING
from keyward.cli.options import FINE, FOUND, of_stack, show
from keyward.cli.stack import StackClient
from keyward.events.fields import moment
from keyward.values import DAY, JSON, iso, visible

UNITS = {"m": 60, "h": 3600, "d": DAY}
SPAN = re.compile(r"([1-9][0-9]{0,5})([mhd])")
# What an event is about, for a line of text.
ABOUT = ("customer_id", "rest_api_id", "stage", "key_id", "plan")
TROUBLE = ("Failed", "Held", "Refused")
MAX_DAYS = 366


@click.command()
@click.option("--since", default="1d", show_default=True, metavar="TIME", help="30m, 7d, a day.")
@of_stack
@click.pass_obj
def outcomes(
    now: Callable[[], float], /, since: str, stack: str, region: str | None, as_data: bool
) -> int:
    """Print what Keyward announced, newest first.

    The exit code is 1 when something failed, was refused or is held.
    """
    at = now()
    first = _since(since, at)
    days = [(at - n * DAY) for n in range(int((at - first) // DAY) + 2)]
    lines = StackClient.here(region).stack(stack).ledger().of_days({iso(day)[:10] for day in days})
    told = [
        {"at": line["at"]} | event
        for line in sorted(lines, key=lambda line: str(line["at"]), reverse=True)
        if str(line["at"]) >= iso(first)
        for event in line["events"]
    ]
    show(as_data, told, _texts(told) if told else [f"nothing was announced since {iso(first)}"])
    return FOUND if any(str(event["event"]).endswith(TROUBLE) for event in told) else FINE


@click.command()
@of_stack
@click.pass_obj
def status(now: Callable[[], float], /, stack: str, region: str | None, as_data: bool) -> int:
    """Count what waits: held stages, and customers for whom something is due.

    The exit code is 1 when something waits for a person.
    """
    found = StackClient.here(region).stack(stack)
    held = [hold for hold in found.apis().all_holds() if hold["decision"] == PENDING]
    due = found.customers().due(now())
    oldest = iso(due[0][1]) if due else None
    counts = {"stages_held": len(held), "customers_due": len(due), "due_since": oldest}
    lines = [
        f"held stages without an answer: {len(held)}",
        f"customers for whom something is due: {len(due)}" + (f", since {oldest}" if due else ""),
    ]
    show(as_data, counts, lines)
    return FOUND if held else FINE


def _since(text: str, now: float) -> float:
    """Epoch seconds of a time, or of a span before `now`."""
    span = SPAN.fullmatch(text)
    try:
        first = now - int(span[1]) * UNITS[span[2]] if span else float(moment(text))
    except (ValueError, OverflowError, OSError):
        raise click.UsageError("--since takes 30m, 12h, 7d, a day or an ISO 8601 time.") from None
    return max(first, (datetime.fromtimestamp(now, UTC) - timedelta(days=MAX_DAYS)).timestamp())


def _texts(told: list[JSON]) -> Iterator[str]:
    for event in told:
        about = " ".join(str(event[name]) for name in ABOUT if event.get(name))
        reason = f": {event['reason']}" if event.get("reason") else ""
        yield visible(f"{event['at']}  {event['event']} {about}{reason}")
