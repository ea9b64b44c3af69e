"""A sign-up with one passing fault at each call of each AWS client: no failure is announced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from keyward.errors import LAMBDA_DEATHS
from local.bench import Bench
from tests.support import sampled

LATER = 240
DEATHS = ("death_before", "death_after")
SERVICE_ERRORS = ("ThrottlingException", 500, "timeout_before", "timeout_after", *DEATHS)
ERRORS: dict[str, tuple[str | int, ...]] = {
    "apigateway": ("TooManyRequestsException", *SERVICE_ERRORS[1:]),
    "dynamodb": (*SERVICE_ERRORS, "TransactionConflict", "repeated"),
    "ssm": SERVICE_ERRORS,
    "events": SERVICE_ERRORS,
    "stepfunctions": SERVICE_ERRORS,
    "lambda": LAMBDA_DEATHS,
}


def calls_of_a_sign_up() -> Counter[tuple[str, str]]:
    """Every call that a first sign-up makes, by client and operation."""
    calls: Counter[tuple[str, str]] = Counter()
    with Bench() as bench:
        real = bench.account.faults.due

        def noted(client: str, operation: str) -> str | int | None:
            calls[client, operation] += 1
            return real(client, operation)

        bench.account.faults.due = noted  # type: ignore[method-assign]
        bench.send("CustomerSignedUp", customer_id="acme", plan="free")
        bench.run()
    return calls


CALLS = calls_of_a_sign_up()


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


def test_a_sign_up_takes_at_most_six_functions_and_ten_transitions(bench: Bench) -> None:
    bench.send("CustomerSignedUp", customer_id="acme", plan="free")
    bench.run()
    (run,) = bench.runs
    assert len(run.states) <= 10
    assert sum(count for (client, _), count in CALLS.items() if client == "lambda") <= 6


@pytest.mark.parametrize(("client", "operation"), sampled(sorted(CALLS), 2))
def test_a_fault_that_passes_is_announced_to_nobody(
    bench: Bench, client: str, operation: str
) -> None:
    customers = []
    for call in range(1, CALLS[client, operation] + 1):
        for error in ERRORS[client]:
            customers.append(f"customer-{len(customers)}")
            bench.fault(client, operation, call, error)
            bench.send("CustomerSignedUp", customer_id=customers[-1], plan="free")
            bench.advance(LATER)
            bench.clear_faults()
    events = [(event["detail-type"], event["detail"]["customer_id"]) for event in bench.announced]
    assert set(events) == {("KeyIssued", customer) for customer in customers}
    names = [key.settings["name"] for key in bench.emulator.state.keys.values()]
    assert sorted(names) == sorted(f"{customer}/1" for customer in customers)
