"""`keyward stop` and `keyward start`: the end of all writes to API Gateway, and the end of that.

A stop is written into the table itself, not sent as an event: it holds when the command returns,
whatever else does not work.
"""

from __future__ import annotations

import click

from keyward.aws.tables.call_schedule import Stop
from keyward.aws.tables.ledger import OF_STACK
from keyward.cli.notes import note
from keyward.cli.options import FINE, Call, of_stack
from keyward.cli.requests import customer_option
from keyward.cli.stack import Stack
from keyward.events.remedy import command
from keyward.values import JSON, iso

GOES_ON = "Suspensions, closings and leaked keys go on"
NOTHING_GOES_ON = "No key is suspended, closed or replaced either"


@click.command()
@click.option("--everything", is_flag=True, help="Suspensions, closings and leaked keys, too.")
@of_stack
def stop(call: Call, /, everything: bool) -> int:
    """Stop all writes to API Gateway until `keyward start`.

    Events and records are still taken; suspensions, closings and leaked keys go on. Calls that are
    under way end within a minute.
    """
    found, now = call.stack(), call.now()
    schedule = found.registry.schedule
    before = schedule.stop()
    schedule.put_stop(Stop(now, everything))
    there = schedule.stop()
    _note(call, found, "stop_writes", before, there)
    since = iso(there.at if there else now)
    text = f"stopped since {since}. {NOTHING_GOES_ON if everything else GOES_ON}"
    remedy = command("start", stack=call.stack_name)
    data = {"stopped_since": since, "everything": everything, "remedy": remedy}
    call.show(data, [text, f"To go on: {remedy}"])
    return FINE


@click.command()
@customer_option
@click.option("--api", metavar="ID", help="The id of a REST API.")
@of_stack
def start(call: Call, /, customer: str | None, api: str | None) -> int:
    """Reconcile a customer or an API now, or end a stop.

    With neither --customer nor --api a stop ends and all is repaired. A customer is compared with
    API Gateway; one of whom nothing is known is refused, as is an API that is not there. The repair
    is an audit, which hands whatever it finds to the reconcilers.
    """
    if customer is not None and api is not None:
        raise click.UsageError("Give --customer or --api, not both.")
    found = call.stack()
    stopped = found.registry.schedule.stop()
    arn, lines = _started(found, customer, api), []
    if ends := stopped is not None and customer is None and api is None:
        _note(call, found, "start_writes", stopped, None)
        lines = ["the stop is over: writes go on"]
    elif stopped:
        whole = command("start", stack=call.stack_name)
        lines = [f"{_words_of(stopped)}, so this run may do nothing. To end the stop: {whole}"]
    call.show({"execution_arn": arn, "stop_ended": ends}, [*lines, f"started {arn}"])
    return FINE


def _started(stack: Stack, customer: str | None, api: str | None) -> str:
    if customer is not None:
        stack.expect(customer)
        return stack.start("ReconcileCustomer", {"customer_id": customer, "look": True})
    if api is not None:
        stack.expect_api(api)
        return stack.start("ProtectApi", {"rest_api_id": api})
    stack.registry.schedule.put_stop(None)
    task: JSON = {"repair": True}
    return stack.start("AuditAccount", task)


def _note(call: Call, stack: Stack, action: str, before: Stop | None, after: Stop | None) -> None:
    """Add a line to the ledger: who did what, and how it was before."""
    members: JSON = {"before": _words_of(before), "after": _words_of(after), "action": action}
    note(call, stack, call.now(), [(OF_STACK, members)])


def _words_of(stop: Stop | None) -> str:
    if stop is None:
        return "writes go on"
    return f"{'everything' if stop.everything else 'writes'} stopped since {iso(stop.at)}"
