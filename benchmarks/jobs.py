"""The jobs whose costs are told, from one customer to a hundred, from ten methods to three
hundred."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.desk import Cost, Desk, desk
from local.lifetime.documents import document

JSON = dict[str, Any]

# Longer than propagation_seconds: what was attached has reached every host.
LATER = 1000
DAY = 86_400
MAX_MINUTES = 24 * 60


@dataclass(frozen=True)
class Size:
    """How much is measured: customers at once, methods of an API, APIs at once."""

    customers: tuple[int, ...]
    methods: tuple[int, ...]
    apis: int


SIZES = {
    "small": Size(customers=(10,), methods=(10,), apis=3),
    "full": Size(customers=(100,), methods=(10, 100, 300), apis=20),
}


def costs(size: Size) -> Iterator[Cost]:
    """All rows, in the order of the table; a fresh account for each group."""
    groups: list[Callable[[Desk], Iterator[Cost]]] = [one_customer, one_life]
    groups += [partial(many_customers, number=number) for number in size.customers]
    groups += [partial(one_api, methods=methods) for methods in size.methods]
    groups += [partial(many_apis, apis=size.apis), partial(audit, apis=size.apis)]
    for group in groups:
        with desk() as made:
            yield from group(made)


def signed_up(made: Desk, *names: str) -> None:
    """Customers that have their keys when the job begins."""
    made.tell("customer-signed-up", [*names])
    made.bench.run()


def one_customer(made: Desk) -> Iterator[Cost]:
    """From the event to the key in its usage plan."""
    tell = partial(made.tell, "customer-signed-up")
    yield made.measure("sign-up, the first of its plan", partial(tell, ["first"]))
    yield made.measure("sign-up", partial(tell, ["acme"]), 0, 2)
    yield made.measure("the same event again", partial(tell, ["acme"]), 0)


def one_life(made: Desk) -> Iterator[Cost]:
    """What may become of a customer, in usage plans that are known."""
    signed_up(made, "first", "acme")
    made.tell("customer-plan-changed", ["first"])
    made.bench.run()
    yield made.measure("rotation over its life", partial(rotated, made, "acme"), 1, 5)
    for job, event, writes in (
        ("plan change in place", "customer-plan-changed", 2),
        ("suspend", "customer-suspended", 1),
        ("resume", "customer-resumed", 1),
        ("close", "customer-closed", 1),
    ):
        yield made.measure(job, partial(made.tell, event, ["acme"]), 0, writes)


def rotated(made: Desk, customer_id: str) -> None:
    """A successor, the overlap of the sample event, the grace; the nights' audits are left out."""
    made.tell("key-rotation-requested", [customer_id])
    for _ in range(5):
        made.bench.clock.advance(DAY - 120)
        made.bench.advance(seconds=120)


def many_customers(made: Desk, number: int) -> Iterator[Cost]:
    """The same for many that arrive at the same moment."""
    signed_up(made, "first")
    names = [f"customer-{one:04d}" for one in range(number)]
    tell = partial(made.tell, "customer-signed-up", names)
    until_all = partial(until_keys, made, tell, number + 1)
    yield made.measure(f"{number} sign-ups at once", until_all, 0, 2 * number)
    yield made.measure(f"the same {number} events again", tell, 0)


def until_keys(made: Desk, action: Callable[[], None], number: int) -> None:
    """Until so many keys are in a plan: a run that met a throttled call is postponed."""
    action()
    state = made.bench.emulator.state
    for _ in range(MAX_MINUTES):
        made.bench.run()
        if sum(bool(state.plans_of(key_id)) for key_id in state.keys) >= number:
            return
        made.bench.advance(seconds=60)


def one_api(made: Desk, methods: int) -> Iterator[Cost]:
    """An API of so many methods, all exposed; then again, with its usage plans attached."""
    api_id = made.bench.api(paths(methods))
    name = f"API of {methods} methods"
    yield made.measure(f"{name}, all exposed, usage plans to be made", made.bench.run)
    told = [told for told in made.trail if told["detail"]["eventName"] in TRAIL]
    made.bench.advance(seconds=LATER)
    yield made.measure(f"{name}, the events of our own deployment", partial(hear, made, told), 0)
    deploy = partial(made.bench.deploy, api_id, "prod")
    yield made.measure(f"{name}, compliant", deploy, 4)
    made.edit(api_id, document(paths(methods)))
    yield made.measure(f"{name}, all exposed, usage plans attached", deploy, 11, methods + 2)


TRAIL = ("CreateDeployment", "CreateStage", "UpdateStage")


def hear(made: Desk, told: list[JSON]) -> None:
    """Events reach the queue, whatever the rule says of them."""
    for event in told:
        made.bench.account.queues.send("ApisQueue", json.dumps(event))


def many_apis(made: Desk, apis: int) -> Iterator[Cost]:
    """A team deploys all its APIs at once, all exposed, in usage plans that are there."""
    made.bench.api(paths(2))
    made.bench.run()
    made.bench.advance(seconds=LATER)
    for _ in range(apis):
        made.bench.api(paths(10))
    yield made.measure(f"{apis} APIs of 10 methods at once, all exposed", made.bench.run)


def audit(made: Desk, apis: int) -> Iterator[Cost]:
    """The audit: calls grow with APIs, stages and keys, not with methods."""
    signed_up(made, "first")
    for _ in range(apis):
        made.bench.api(paths(10))
    made.bench.run()
    # APIs × (stages + 1), a page each of APIs, keys and plans, and of the keys of both plans
    yield made.measure(f"audit of {apis} APIs with a stage each", made.bench.audit, apis * 2 + 5)


def paths(methods: int) -> JSON:
    """An open API of so many methods, two a path: an API has 300 resources at most."""
    return {f"/things{number}": {"get": None, "post": None} for number in range(methods // 2)}
