"""`keyward stop` and `keyward start`: the end of all writes to API Gateway, and the end of that.

A stop is written into the table itself, not sent as an event: it holds when the command returns,
whatever else does not work.
"""

from __future__ import annotations

from collections.abc import Callable

import click

from keyward.aws.tables.call_schedule import Stop
from keyward.cli.options import FINE, of_stack, show
from keyward.cli.requests import customer_option
from keyward.cli.stack import Stack, StackClient
from keyward.values import JSON, iso

GOES_ON = "Suspensions, closings and leaked keys go on"
NOTHING_GOES_ON = "No key is suspended, closed or replaced either"


@click.command()
@click.option("--everything", is_flag=True, help="Suspensions, closings and leaked keys, too.")
@of_stack
@click.pass_obj
def stop(
    now: Callable[[], float],
    /,
    everything: bool,
    stack: str,
    region: str | None,
    as_data: bool,
) -> int:
    """Stop all writes to API Gateway until `keyward start`.

    Events and records are still taken; suspensions, closings and leaked keys go on. Calls that are
    under way end within a minute.
    """
    schedule = StackClient.here(region).stack(stack).registry.schedule
    schedule.put_stop(Stop(now(), everything))
    there = schedule.stop()
    since = iso(there.at if there else now())
    text = f"stopped since {since}. {NOTHING_GOES_ON if everything else GOES_ON}"
    show(as_data, {"stopped_since": since, "everything": everything}, [text])
    return FINE


@click.command()
@customer_option
@click.option("--api", metavar="ID", help="The id of a REST API.")
@of_stack
def start(
    customer: str | None, api: str | None, stack: str, region: str | None, as_data: bool
) -> int:
    """Have a customer or an API reconciled now; with neither, end a stop and repair all.

    A customer is compared with API Gateway. Without --customer and --api the audit starts, and
    hands whatever it finds to the reconcilers.
    """
    if customer is not None and api is not None:
        raise click.UsageError("Give --customer or --api, not both.")
    found = StackClient.here(region).stack(stack)
    arn = _started(found, customer, api)
    show(as_data, {"execution_arn": arn}, [f"started {arn}"])
    return FINE


def _started(stack: Stack, customer: str | None, api: str | None) -> str:
    if customer is not None:
        return stack.start("ReconcileCustomer", {"customer_id": customer, "look": True})
    if api is not None:
        return stack.start("ProtectApi", {"rest_api_id": api})
    stack.registry.schedule.put_stop(None)
    task: JSON = {"repair": True}
    return stack.start("AuditAccount", task)
