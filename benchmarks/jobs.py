"""The jobs of one customer and one API, and what Keyward's own deployments cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

from benchmarks.desk import Desk, Row
from benchmarks.ground import paths
from keyward.values import DAY, JSON
from local.lifetime.documents import document

# Longer than propagation_seconds: what was attached has reached every host.
LATER = 1000
TRAIL = ("CreateDeployment", "CreateStage", "UpdateStage")


def signed_up(made: Desk, *names: str) -> None:
    """Customers that have their keys when the job begins."""
    made.tell("customer-signed-up", [*names])
    made.bench.run()


def one_customer(made: Desk) -> Iterator[Row]:
    """From the event to the key in its usage plan."""
    tell = partial(made.tell, "customer-signed-up")
    yield made.measure("sign-up, the first of its plan", partial(tell, ["first"]))
    yield made.measure("sign-up", partial(tell, ["acme"]))
    yield made.measure("the same event again", partial(tell, ["acme"]))


def idle(made: Desk) -> Iterator[Row]:
    """Nobody signs up and nobody deploys, from midnight to midnight."""
    day = partial(made.bench.advance, DAY)
    yield made.measure("a day without any work", day, nights=True)


def one_life(made: Desk) -> Iterator[Row]:
    """What may become of a customer, in usage plans that are known."""
    signed_up(made, "first", "acme")
    made.tell("customer-plan-changed", ["first"])
    made.bench.run()
    yield made.measure("rotation over its life", partial(rotated, made, "acme"))
    for job, event in (
        ("plan change in place", "customer-plan-changed"),
        ("suspend", "customer-suspended"),
        ("resume", "customer-resumed"),
        ("close", "customer-closed"),
    ):
        yield made.measure(job, partial(made.tell, event, ["acme"]))


def rotated(made: Desk, customer_id: str) -> None:
    """A successor, the overlap of the sample event, the grace; the nights' audits are left out."""
    made.tell("key-rotation-requested", [customer_id])
    for _ in range(5):
        made.bench.clock.advance(DAY - 120)
        made.bench.advance(seconds=120)


def one_api(made: Desk, methods: int) -> Iterator[Row]:
    """An API of so many methods, all exposed; then again, with its usage plans attached."""
    api_id = made.bench.api(paths(methods))
    name = f"API of {methods} methods"
    measure = partial(made.measure, size=methods)
    yield measure(f"{name}, exposed, new plans", made.bench.run)
    events = [event for event in made.trail if event["detail"]["eventName"] in TRAIL]
    made.bench.advance(seconds=LATER)
    yield measure(f"{name}, our own events", partial(hear, made, events))
    deploy = partial(made.bench.deploy, api_id, "prod")
    yield measure(f"{name}, compliant", deploy)
    yield from exposed_again(made, api_id, methods)


def exposed_again(made: Desk, api_id: str, methods: int) -> Iterator[Row]:
    """The team deploys open methods where the usage plans are attached: no wait but for calls."""
    made.edit(api_id, document(paths(methods)))
    job = f"API of {methods} methods, exposed"
    yield made.measure(job, partial(made.bench.deploy, api_id, "prod"), size=methods)


def fast_api(made: Desk, methods: int) -> Iterator[Row]:
    """The same at another share of the quota."""
    api_id = made.bench.api(paths(methods))
    made.bench.run()
    made.bench.advance(seconds=LATER)
    yield from exposed_again(made, api_id, methods)


def hear(made: Desk, events: list[JSON]) -> None:
    """Events reach the queue, whatever the rule says of them."""
    for event in events:
        made.bench.account.queues.send("ApisQueue", json.dumps(event))
