"""Deaths of Lambda are told only when they come in a row, whatever outage was before or between."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from local.bench import Bench
from report_failure import MAX_DEATHS

HOUR = 3600
# A run is tried so often before it is postponed.
TRIES = 4
DEATH = "Lambda.ServiceException"


def sign_up(bench: Bench) -> None:
    bench.send("CustomerSignedUp", customer_id="acme", plan="free")


def add_api(bench: Bench) -> None:
    bench.api({"/pets": {"get": None}})


# How the subject comes, an operation and a function of its run, and what is said of its two ends.
SUBJECTS = [
    pytest.param(
        sign_up, "CreateApiKey", "CreateKey", "KeyIssued", "CustomerFailed", id="customer"
    ),
    pytest.param(add_api, "GetRestApi", "DeployApi", "ApiProtected", "ApiFailed", id="api"),
]
Begin = Callable[[Bench], None]
of_each = pytest.mark.parametrize(("begin", "operation", "function", "done", "failed"), SUBJECTS)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        # The first customer makes the usage plan, so that the second one meets the key's faults.
        made.send("CustomerSignedUp", customer_id="first", plan="free")
        made.advance(60)
        yield made


def meet(bench: Bench, client: str, operation: str, error: str | int, times: int) -> None:
    """The next calls, so many, of the operation meet the error."""
    for call in range(1, times + 1):
        bench.fault(client, operation, call, error)


def announced(bench: Bench) -> list[str]:
    """What was announced after the first customer's key."""
    return [event["detail-type"] for event in bench.announced[1:]]


@of_each
def test_an_outage_before_one_death_fails_nobody(
    bench: Bench, begin: Begin, operation: str, function: str, done: str, failed: str
) -> None:
    meet(bench, "apigateway", operation, 503, 200)
    begin(bench)
    bench.advance(800)
    bench.clear_faults()
    meet(bench, "lambda", function, DEATH, TRIES)
    bench.advance(4 * HOUR)
    assert announced(bench) == [done]


@of_each
def test_deaths_with_another_error_between_them_fail_nobody(
    bench: Bench, begin: Begin, operation: str, function: str, done: str, failed: str
) -> None:
    for call in range(1, 2 * TRIES * (MAX_DEATHS + 2) + 1):
        is_death = (call - 1) // TRIES % 2 == 0
        bench.fault("lambda", function, call, DEATH if is_death else "ThrottledError")
    begin(bench)
    bench.advance(8 * HOUR)
    errors = [run.output.get("error") for run in bench.runs if run.output]
    assert errors.count(DEATH) > MAX_DEATHS
    assert errors.count("ThrottledError") > MAX_DEATHS
    assert announced(bench) == [done]


@of_each
def test_a_report_that_dies_again_and_again_counts_one_death(
    bench: Bench, begin: Begin, operation: str, function: str, done: str, failed: str
) -> None:
    meet(bench, "lambda", function, DEATH, TRIES)
    meet(bench, "lambda", "ReportFailure", "death_after", MAX_DEATHS)
    begin(bench)
    bench.advance(4 * HOUR)
    assert announced(bench) == [done]


@of_each
def test_a_death_that_never_ends_is_told_once(
    bench: Bench, begin: Begin, operation: str, function: str, done: str, failed: str
) -> None:
    meet(bench, "lambda", function, DEATH, 400)
    begin(bench)
    bench.advance(600)
    assert announced(bench) == []
    bench.advance(2 * HOUR)
    assert announced(bench) == [failed]
