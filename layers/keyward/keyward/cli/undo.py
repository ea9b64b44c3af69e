"""`keyward undo`: take a customer's last change back, or that of all whom a mistake met."""

from __future__ import annotations

from collections.abc import Iterable

import click

from keyward.cli.options import FINE, FOUND, Call, each, of_stack
from keyward.cli.outcomes import announced
from keyward.cli.requests import checked
from keyward.cli.stack import Stack
from keyward.errors import InvalidEventError
from keyward.events.contracts import customer_event
from keyward.events.fields import WHAT
from keyward.runs.record import record
from keyward.values import JSON, iso

EVENT = "UndoRequested"
ROTATION = "the key that was replaced stays, and its successor ends"
# What tells of each kind of change, and what tells that it is over.
TOLD = {
    "plan_change": ({"PlanChanged"}, set[str]()),
    "suspension": ({"KeySuspended"}, {"KeyResumed", "KeyRevoked"}),
    "rotation": ({"KeyRotated"}, set[str]()),
}


@click.command()
@click.option("--customer", metavar="ID", help="The customer's id.")
@click.option("--what", type=click.Choice([*WHAT]), help="Which kind of change; else the last one.")
@click.option("--since", metavar="TIME", help="Of all customers since then: 2h, a time.")
@click.option("--dry-run", is_flag=True, help="Only say what would change, and whose.")
@of_stack
def undo(
    call: Call,
    /,
    customer: str | None,
    what: str | None,
    since: str | None,
    dry_run: bool,
) -> int:
    """Undo the last change of a customer, or of many.

    A plan change, a suspension or a rotation can be undone. With --since and --what the change is
    undone of every customer for whom it was announced since then. The exit code is 1 when there is
    none.
    """
    there = call.stack()
    customers = _whose(there, customer, what, since, call.now())
    details: list[JSON] = [
        {"customer_id": name} | ({"what": what} if what else {}) for name in customers
    ]
    for detail in details:
        checked(EVENT, detail)
    if customer is not None:
        there.expect(customer)
        if not dry_run:
            # An undo of nothing would be refused, and lie in a dead-letter queue.
            _would(there, details[0], call.now())
    data: JSON = {"sent": not dry_run, "details": details}
    if dry_run:
        now = call.now()
        asked = each("reading", details)
        data["would_change"] = {one["customer_id"]: _would_or_why(there, one, now) for one in asked}
        changes = data["would_change"].items()
        lines = [f"would change for {name}: {change}" for name, change in changes]
    else:
        there.send_all(EVENT, details)
        lines = [f"sent UndoRequested for {detail['customer_id']}" for detail in details]
    call.show(data, lines or [f"there is no {_kind(what)} to undo"])
    return FINE if details else FOUND


def _whose(
    there: Stack, customer: str | None, what: str | None, since: str | None, now: float
) -> list[str]:
    """Whose change is undone: that of the customer, or of all whom it met since then."""
    if (customer is None) == (since is None):
        raise click.UsageError("Give either --customer, or --since with --what.")
    if since and not what:
        raise click.UsageError("Give --what with --since.")
    if since and what:
        return _met(announced(there.ledger(), since, now, None), *TOLD[what])
    return [customer] if customer else []


def _would_or_why(stack: Stack, detail: JSON, now: float) -> str:
    try:
        return _would(stack, detail, now)
    except InvalidEventError as error:
        return f"nothing. {error}"


def _would(stack: Stack, detail: JSON, now: float) -> str:
    """What the undo would change in the customer's record, by the same code that does it. Raises
    InvalidEventError where there is nothing to undo."""
    event = customer_event({"detail-type": EVENT, "time": iso(now), "detail": detail}, now)
    change = record(stack.registry, event.customer_id, lambda before: [event], dry_run=True)
    was, will = change.before or {}, change.after or {}
    shows = _shown(will)
    old = {name: text for name, text in _shown(was).items() if text != shows[name]}
    moves = [f"{name} {text} -> {shows[name]}" for name, text in old.items()]
    moves += [ROTATION] if was.get("rotation") != will.get("rotation") else []
    return change.void or ", ".join(moves) or "nothing"


def _shown(record: JSON) -> dict[str, str]:
    """What of a record a person would see change."""
    plans = record.get("plans") or [record.get("plan", "-")]
    return {"status": str(record.get("status", "-")), "plan": ", ".join(map(str, plans))}


def _kind(what: str | None) -> str:
    return (what or "change").replace("_", " ")


def _met(events: Iterable[JSON], changed: set[str], over: set[str]) -> list[str]:
    """The customers, in order of their names, whose last word is that of the change. `events` are
    newest first."""
    last: dict[str, str] = {}
    for event in events:
        if event["event"] in changed | over and "customer_id" in event:
            last.setdefault(str(event["customer_id"]), str(event["event"]))
    return sorted(name for name, event in last.items() if event in changed)
