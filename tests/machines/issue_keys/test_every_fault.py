"""Faults and crashes at each call of the import: each customer gets one key, and is told once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from functools import cache

import pytest

from local.bench import Bench
from tests.machines.import_lab import WORKERS, ImportLab

SIZE = 8
# What a call of a client may meet. A death is of the process: Step Functions starts it anew.
FAULTS: dict[str, tuple[str | int, ...]] = {
    "apigateway": (429, 500, "timeout_before", "timeout_after"),
    "dynamodb": (500, "timeout_after", "TransactionConflict"),
    "events": (500, "timeout_after"),
}
Call = tuple[str, str, int]


@cache
def calls() -> list[Call]:
    """Every call that the import of a crowd makes: client, operation, and the how many-th."""
    with Bench(quotas=True) as bench:
        lab = ImportLab(bench)
        found: list[Call] = []
        counts: Counter[tuple[str, str]] = Counter()

        def watch(service: str, operation: str) -> None:
            counts[service, operation] += 1
            if lab.worker() in WORKERS:
                found.append((service, operation, counts[service, operation]))

        names = lab.crowd(SIZE)
        bench.account.watch = watch
        bench.run()
        lab.assert_issued(names)
    return found


def imported(call: Call, fault: str | int, check: Callable[[ImportLab, list[str]], None]) -> None:
    """A crowd whose import meets the fault at this call."""
    with Bench(quotas=True) as bench:
        lab = ImportLab(bench)
        names = lab.crowd(SIZE)
        bench.fault(*call, fault)
        lab.settle()
        assert bench.account.faults.met, (call, fault)
        check(lab, names)


def test_the_import_calls_every_client() -> None:
    assert {service for service, _, _ in calls()} == {*FAULTS}
    assert len(calls()) >= 30


@pytest.mark.parametrize(
    "client",
    [pytest.param(n, marks=[pytest.mark.sizes] if n == "dynamodb" else []) for n in FAULTS],
)
def test_a_fault_at_any_call_leaves_no_trace(client: str) -> None:
    def check(lab: ImportLab, names: list[str]) -> None:
        # An event of which nobody knows that it is announced is announced again.
        lab.assert_issued(names, once=client == "apigateway")
        lab.assert_nothing_is_left()

    for call in calls():
        if call[0] == client:
            for fault in FAULTS[client]:
                imported(call, fault, check)


@pytest.mark.sizes
@pytest.mark.parametrize("death", ["death_after", "death_before"])
def test_a_crash_between_any_two_steps_leaves_no_trace(death: str) -> None:
    def check(lab: ImportLab, names: list[str]) -> None:
        lab.assert_issued(names, once=False)
        lab.assert_nothing_is_left()

    for call in calls():
        imported(call, death, check)


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.sizes) for seed in range(1, 4))]
)
def test_faults_of_every_client_at_random_fail_nobody_in_a_burst_of_events(seed: int) -> None:
    chance = random.Random(seed)
    with Bench(quotas=True) as bench:
        lab = ImportLab(bench)
        seen: set[tuple[str, str]] = {(service, operation) for service, operation, _ in calls()}
        for service, operation in sorted(seen - {("events", "PutEvents")}):
            for fault in FAULTS[service]:
                bench.fault(service, operation, chance.randint(1, 40), fault)
        names = [f"d{number:04d}" for number in range(150)]
        for name in names:
            bench.send("CustomerSignedUp", customer_id=name, plan="free")
        lab.settle()
        lab.assert_issued(names, once=False)
        assert lab.operations["ImportApiKeys"] >= 1
        lab.assert_nothing_is_left()
