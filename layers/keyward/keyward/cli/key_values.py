"""`keyward key claim`, `reveal` and `rotate`: how a customer's key reaches the customer, or is
replaced."""

from __future__ import annotations

import click

from keyward.cli.keys import key
from keyward.cli.options import FINE, Call, Duration, of_stack
from keyward.cli.requests import checked, send_event
from keyward.cli.stack import NoStackError, Stack
from keyward.values import HOUR, JSON, stated

# The group, with these commands in it.
__all__ = ["key"]

customer_option = click.option("--customer", metavar="ID", required=True, help="The customer's id.")
key_option = click.option("--key-id", metavar="ID", help="One of the customer's keys.")


@key.command()
@customer_option
@key_option
@click.option(
    "--for", "seconds", type=Duration(), metavar="TIME", help="How long it works: 24h, at most 7d."
)
@of_stack
def claim(call: Call, /, customer: str, key_id: str | None, seconds: float | None) -> int:
    """Make a one-time link that shows the customer its key.

    Whoever opens the link first gets the key. The stack needs ClaimPage=on (docs/deliver-keys.md).
    """
    there = call.stack()
    if "CreateClaim" not in there.resources:
        raise NoStackError(f"The stack {there.name} has no claim page. Deploy it with ClaimPage=on")
    hours = None if seconds is None else seconds / HOUR
    made = _invoke(there, "CreateClaim", customer, key_id, expires_in_hours=hours)
    call.show(made, [made["url"], f"It works once, until {made['expires_at']}."])
    return FINE


@key.command()
@customer_option
@key_option
@of_stack
def reveal(call: Call, /, customer: str, key_id: str | None) -> int:
    """Print the values of a customer's keys. Each use is recorded."""
    found = _invoke(call.stack(), "RevealKey", customer, key_id)
    lines = [f"{one['key_id']}  {one['value']}" for one in found["keys"]]
    call.show(found, lines, secret=True)
    return FINE


@key.command()
@customer_option
@click.option("--leaked", is_flag=True, help="Stop the key at once, before there is another.")
@of_stack
def rotate(call: Call, /, customer: str, leaked: bool) -> int:
    """Give a customer's keys successors.

    The keys retire after the overlap. A customer whom the stack does not know is refused: nothing
    would be stopped.
    """
    detail = {"customer_id": customer} | ({"leaked": True} if leaked else {})
    checked("KeyRotationRequested", detail)
    there = call.stack()
    there.expect(customer)
    return send_event(call, there, "KeyRotationRequested", detail)


def _invoke(stack: Stack, function: str, customer: str, key_id: str | None, **more: object) -> JSON:
    return stack.invoke(function, stated({"customer_id": customer, "key_id": key_id} | more))
