"""`keyward send`: what a person asks for, checked before it is sent."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from keyward.cli.options import FINE, FOUND, Call, confirm, of_stack, yes_option
from keyward.cli.stack import Stack
from keyward.errors import CustomerNotFoundError, InvalidEventError, ServiceRefusedError
from keyward.events.contracts import customer_event
from keyward.events.fields import redacted, shown
from keyward.events.incoming import CUSTOMER_EVENTS, EVENTS_IN, listed
from keyward.events.remedy import PLACEHOLDER
from keyward.values import JSON, iso, parse_json

# These may be the first that is heard of a customer.
SIGN_UPS = ("CustomerSignedUp", "SubscriptionChanged")

customer_option = click.option("--customer", metavar="ID", help="The customer's id.")


@click.command()
@click.argument("detail_type", metavar="DETAIL-TYPE")
@customer_option
@click.option(
    "--set",
    "members",
    metavar="NAME=VALUE",
    multiple=True,
    help="A member of detail; VALUE is JSON, or else a text. May be repeated.",
)
@click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The detail, or a whole event, as a JSON object.",
)
@yes_option
@of_stack
def send(
    call: Call,
    /,
    detail_type: str,
    customer: str | None,
    members: tuple[str, ...],
    file: Path | None,
    yes: bool,
) -> int:
    """Put an event on the stack's bus, after a check.

    docs/events.md lists the events, CustomerSuspended among them, with their members. What deletes
    keys for good is sent after a yes.
    """
    given = dict(map(member, members))
    if customer is not None and given.get("customer_id", customer) != customer:
        raise click.UsageError("--set customer_id= must not name another one than --customer.")
    detail = (_read(file, detail_type) if file else {}) | given
    detail |= {"customer_id": customer} if customer is not None else {}
    checked(detail_type, detail)
    if EVENTS_IN[detail_type].is_final:
        confirm(f"Send {detail_type} for {detail['customer_id']}, which deletes its keys?", yes)
    stack, is_about = call.stack(), detail_type in CUSTOMER_EVENTS and detail_type not in SIGN_UPS
    # Before the event, which makes the customer known.
    doubt = _doubt(stack, str(detail["customer_id"])) if is_about else None
    code = send_event(call, stack, detail_type, detail)
    if doubt:
        call.say(doubt, err=True)
    return FOUND if doubt else code


def _doubt(stack: Stack, customer_id: str) -> str | None:
    """The word for an event of whose customer nothing is known: it waits, and a wrong id stops
    nobody's key. Who may not read the tables hears it from CustomerFailed."""
    try:
        stack.expect(customer_id)
    except CustomerNotFoundError as error:
        return f"{error}, or send CustomerSignedUp too"
    except ServiceRefusedError:
        return None
    return None


def send_event(call: Call, stack: Stack, detail_type: str, detail: JSON) -> int:
    """Put an event on the stack's bus, and say so."""
    stack.send(detail_type, detail)
    call.show({"sent": detail_type, "detail": detail}, [f"sent {detail_type}"])
    return FINE


def checked(detail_type: str, detail: JSON) -> None:
    """Check an event as its intake does. Raises InvalidEventError."""
    event = listed(detail_type, EVENTS_IN)
    if detail_type in CUSTOMER_EVENTS:
        now = time.time()
        customer_event({"detail-type": detail_type, "time": iso(now), "detail": detail}, now)
    else:
        event.read(detail)


def member(text: str) -> tuple[str, object]:
    """A member that a person gives as NAME=VALUE; VALUE is JSON, or else a text."""
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"--set takes NAME=VALUE, got {text!r}.")
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        found = value
    if PLACEHOLDER in (found if isinstance(found, list) else [found]):
        problem = f"put the right {name} in the place of {PLACEHOLDER}"
        raise click.UsageError(f"--set {text}: {problem}.")
    return name, found


def _read(file: Path, detail_type: str) -> JSON:
    """The detail in a file, which may hold the whole event as EventBridge hands it over. Raises
    InvalidEventError."""
    try:
        found = parse_json(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        found = None
    if isinstance(found, dict) and {"detail-type", "detail"} <= found.keys():
        held = str(found["detail-type"])
        if held != detail_type:
            problem = f"must be an event of type {detail_type}, got {shown(held)}"
            raise InvalidEventError("file", problem, "Name the type that is in the file")
        found = found["detail"]
    if not isinstance(found, dict):
        problem = f"must be a JSON object, got {redacted(found)}"
        raise InvalidEventError("file", problem, "Write the members of detail into it")
    return found
