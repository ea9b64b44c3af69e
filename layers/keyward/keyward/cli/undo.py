"""`keyward undo`: take a customer's last change back, or that of all whom a mistake met."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click

from keyward.cli.options import FINE, FOUND, of_stack, show
from keyward.cli.outcomes import announced
from keyward.cli.requests import checked
from keyward.cli.stack import StackClient
from keyward.events.fields import WHAT
from keyward.values import JSON

# What tells of each kind of change, and what tells that it is over.
TOLD = {
    "plan_change": ({"PlanChanged"}, set[str]()),
    "suspension": ({"KeySuspended"}, {"KeyResumed", "KeyRevoked"}),
    "rotation": ({"KeyRotated"}, set[str]()),
}


@click.command()
@click.option("--customer", metavar="ID", help="The customer's id.")
@click.option("--what", type=click.Choice([*WHAT]), help="Which kind of change; else the last one.")
@click.option("--since", metavar="TIME", help="Of all customers since then: 30m, 2h, a time.")
@click.option("--dry-run", is_flag=True, help="Only say whose change would be undone.")
@of_stack
@click.pass_obj
def undo(
    now: Callable[[], float],
    /,
    customer: str | None,
    what: str | None,
    since: str | None,
    dry_run: bool,
    stack: str,
    region: str | None,
    as_data: bool,
) -> int:
    """Undo the last plan change, suspension or rotation of a customer, or of many.

    With --since and --what the change is undone of every customer for whom it was announced since
    then. The exit code is 1 when there is none.
    """
    if (customer is None) == (since is None):
        raise click.UsageError("Give either --customer, or --since with --what.")
    if since and not what:
        raise click.UsageError("Give --what with --since.")
    there = StackClient.here(region).stack(stack)
    customers = [customer] if customer else []
    if since and what:
        customers = _met(announced(there.ledger(), since, now(), None), *TOLD[what])
    details: list[JSON] = [
        {"customer_id": name} | ({"what": what} if what else {}) for name in customers
    ]
    for detail in details:
        checked("UndoRequested", detail)
    if customer is not None:
        there.expect(customer)
    if not dry_run:
        there.send_all("UndoRequested", details)
    word = "would undo" if dry_run else "sent UndoRequested for"
    lines = [f"{word} {detail['customer_id']}" for detail in details]
    show(as_data, {"sent": not dry_run, "details": details}, lines or ["there is none to undo"])
    return FINE if details else FOUND


def _met(told: Iterable[JSON], changed: set[str], over: set[str]) -> list[str]:
    """The customers, in order of their names, whose last word is that of the change. `told` is
    newest first."""
    last: dict[str, str] = {}
    for event in told:
        if event["event"] in changed | over and "customer_id" in event:
            last.setdefault(str(event["customer_id"]), str(event["event"]))
    return sorted(name for name, event in last.items() if event in changed)
