"""The jobs whose costs are told, from one customer to a hundred, from ten methods to three
hundred."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from benchmarks.desk import Cost, Desk, desk

JSON = dict[str, Any]

CUSTOMERS = 100
METHODS = (10, 100, 300)
APIS = 20
# Longer than propagation_seconds: what was attached has reached every host.
LATER = 1000
DAY = 86_400


def costs() -> Iterator[Cost]:
    """All rows, in the order of the table; a fresh account for each group."""
    apis = [partial(one_api, methods=methods) for methods in METHODS]
    customers = [one_customer, one_life, many_customers]
    groups: list[Callable[[Desk], Iterator[Cost]]] = [*customers, *apis]
    for group in [*groups, many_apis, audit]:
        with desk() as made:
            yield from group(made)


def one_customer(made: Desk) -> Iterator[Cost]:
    """From the event to the key in its usage plan."""
    yield made.measure("sign-up, the first of its plan", lambda: made.sign_up(["first"]))
    yield made.measure("sign-up", lambda: made.sign_up(["acme"]), 0, 2)
    yield made.measure("the same event again", lambda: made.sign_up(["acme"]), 0)


def one_life(made: Desk) -> Iterator[Cost]:
    """What may become of a customer, in usage plans that are known."""
    made.sign_up(["first", "acme"])
    made.tell("customer-plan-changed", ["first"])
    yield made.measure("rotation over its life", partial(rotated, made, "acme"), 1, 5)
    for job, event, writes in (
        ("plan change in place", "customer-plan-changed", 2),
        ("suspend", "customer-suspended", 1),
        ("resume", "customer-resumed", 1),
        ("close", "customer-closed", 1),
    ):
        yield made.measure(job, partial(made.tell, event, ["acme"]), 0, writes)


def rotated(made: Desk, customer_id: str) -> None:
    """A successor, the overlap of the sample event, the grace."""
    made.tell("key-rotation-requested", [customer_id])
    for _ in range(5):
        made.world.advance(DAY)
        made.due_work()


def many_customers(made: Desk) -> Iterator[Cost]:
    """The same for a hundred that arrive at the same moment."""
    made.sign_up(["first"])
    names = [f"customer-{number:03d}" for number in range(CUSTOMERS)]
    sign_up = partial(made.sign_up, names)
    yield made.measure(f"{CUSTOMERS} sign-ups at once", sign_up, 0, 2 * CUSTOMERS)
    yield made.measure(f"the same {CUSTOMERS} events again", sign_up, 0)


def one_api(made: Desk, methods: int) -> Iterator[Cost]:
    """An API of so many methods, all exposed; then again, with its usage plans attached."""
    api_id = made.lab.api(paths(methods))
    name = f"API of {methods} methods"
    protect = partial(made.protect, [api_id])
    yield made.measure(f"{name}, all exposed, usage plans to be made", protect)
    told = partial(made.trail_delivered, list(made.trail))
    yield made.measure(f"{name}, the events of our own deployment", told, 0)
    yield made.measure(f"{name}, compliant", protect, 4)
    made.lab.edit(api_id, paths(methods))
    made.lab.deploy(api_id)
    made.world.advance(LATER)
    yield made.measure(f"{name}, all exposed, usage plans attached", protect, 9, methods + 2)


def many_apis(made: Desk) -> Iterator[Cost]:
    """A team switches to mode enforce: all its APIs at once, in usage plans that are there."""
    made.protect([made.lab.api(paths(2))])
    api_ids = [made.lab.api(paths(10)) for _ in range(APIS)]
    made.world.advance(LATER)
    protect = partial(made.protect, api_ids)
    yield made.measure(f"{APIS} APIs of 10 methods at once, all exposed", protect)


def audit(made: Desk) -> Iterator[Cost]:
    """The nightly audit: calls grow with APIs, stages and keys, not with methods."""
    made.sign_up(["first"])
    for _ in range(APIS):
        made.protect([made.lab.api(paths(10))])
    # APIs × (stages + 1), a page each of APIs, keys and plans, and of the keys of both plans
    yield made.measure(f"audit of {APIS} APIs with a stage each", made.audit, APIS * 2 + 5)


def paths(methods: int) -> JSON:
    """An open API of so many methods, two a path: an API has 300 resources at most."""
    return {f"/things{number}": {"get": None, "post": None} for number in range(methods // 2)}
