"""Which jobs are measured at which sizes, of Keyward and of its peers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from benchmarks import jobs, load, many
from benchmarks import peers as others
from benchmarks.custodian import UnavailableError
from benchmarks.desk import SHARE, WHOLE, Desk, Row, desk
from benchmarks.load import Beside

Figure = Row | Beside

# What single calls are held to at another share (DESIGN.md 7).
LARGER_SHARE = 80
# Changes take so long to reach every host; where that is not waited for, 0.
PROPAGATION = 120


@dataclass(frozen=True)
class Size:
    """How much is measured. `streams` are numbers of customers and how many of them a second;
    `audited` is a number of APIs, in the account of the largest burst; `portal` is the largest
    burst of the developer portal."""

    customers: tuple[int, ...]
    again: int
    singly: int
    streams: tuple[tuple[int, float], ...]
    beside: int
    due: tuple[int, ...]
    methods: tuple[int, ...]
    apis: tuple[int, ...]
    audited: int
    portal: int


SIZES = {
    "small": Size((1, 30), 10, 10, ((20, 4),), 30, (10,), (10,), (3,), 2, 30),
    "full": Size(
        customers=(1, 100, 1_000, 10_000),
        again=200,
        singly=1_000,
        streams=((600, 2), (600, 4.5), (600, 10), (10_000, 33)),
        beside=9_900,  # the keys that are stopped need room too
        due=(100, 1_000),
        methods=(10, 100, 300),
        apis=(20, 100),
        audited=100,
        portal=1_000,
    ),
}


@dataclass(frozen=True)
class Group:
    """Jobs that follow each other in one account; `weight` is the number of its customers."""

    jobs: Callable[[Desk], Iterator[Figure]]
    share: int = SHARE
    propagation: float = PROPAGATION
    weight: int = 0

    def measure(self) -> list[Figure]:
        """The figures."""
        with desk(self.share, self.propagation) as made:
            return [*self.jobs(made)]


def groups(size: Size) -> Iterator[Group]:
    """What is measured of Keyward, in the order of the tables."""
    yield from (Group(group) for group in (jobs.one_customer, jobs.one_life, jobs.idle))
    *bursts, largest = size.customers
    for number in bursts:
        yield Group(partial(load.burst, number=number), weight=number)
    audited = partial(many.burst_audited, apis=size.audited, keys=largest)
    yield Group(audited, weight=largest)
    yield Group(partial(load.burst_again, number=size.again))
    yield Group(partial(load.beside, number=size.beside), weight=size.beside)
    for number, rate in size.streams:
        yield Group(partial(load.stream, number=number, rate=rate), weight=number)
    for share in (SHARE, LARGER_SHARE):
        yield Group(partial(load.singly, number=size.singly), share, weight=size.singly)
    for number in size.due:
        yield Group(partial(load.due_at_once, number=number), weight=number)
    for methods in size.methods:
        yield Group(partial(jobs.one_api, methods=methods))
    yield Group(partial(jobs.fast_api, methods=size.methods[-1]), WHOLE)
    for apis in size.apis:
        for job in (many.exposed, many.repaired):
            yield Group(partial(job, number=apis), propagation=0)


def figures(size: Size) -> Iterator[Figure]:
    """All figures of Keyward: a process for each core, the largest groups first."""
    chosen = [*groups(size)]
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        heavy = sorted(chosen, key=lambda group: -group.weight)
        futures = {id(group): pool.submit(group.measure) for group in heavy}
        for group in chosen:
            yield from futures[id(group)].result()


def peers(size: Size) -> tuple[list[Row], list[str]]:
    """The figures of the peers, and which could not be measured."""
    rows = [row for number in size.customers for row in others.sign_ups(number, size.portal)]
    rows += [row for methods in size.methods for row in others.closings(methods)]
    audit = many.audit_name(size.audited, size.customers[-1])
    wanted = [("close", f"API of {methods} methods, exposed", methods) for methods in size.methods]
    try:
        custodian = [others.custodian(*one) for one in (*wanted, ("audit", audit, size.audited))]
    except UnavailableError as problem:
        return rows, [str(problem)]
    return rows + custodian, []
