"""Leases: no word is lost, whichever answer of DynamoDB is; a stopped run's functions are waited
for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from keyward.aws.tables.leases import FUNCTION_SECONDS, Lease, Leases
from keyward.errors import TryUnderwayError
from keyward.runs import run
from tests import tree
from tests.support import Bench

NAME, ONE, OTHER = "customer#acme", "run-1", "run-2"


def held(leases: Leases, now: float) -> Lease:
    lease = leases.acquire(NAME, ONE, now)
    assert lease
    return lease


def repeated(leases: Leases, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the SDK repeat every write, as after a lost answer: the second answer counts."""
    real = leases._table.update_item

    def twice(**request: Any) -> Any:
        try:
            real(**request)
        finally:
            answer = real(**request)
        return answer

    monkeypatch.setattr(leases._table, "update_item", twice)


STEPS: dict[str, Callable[[Leases, float], object]] = {
    "acquire": lambda leases, now: leases.acquire(NAME, ONE, now),
    "leave word": lambda leases, now: leases.request_rerun(NAME, now),
    "renew": lambda leases, now: leases.renew(leases.holder(NAME) or Lease("", "", 0), now),
    "count postponed": lambda leases, now: leases.postponed(NAME),
    "count a death": lambda leases, now: leases.note_death(NAME, now, 30),
}


def test_a_word_survives_a_release_whose_answer_is_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    leases, now = bench.registry.leases, bench.clock.now()
    lease = held(leases, now)
    assert leases.request_rerun(NAME, now)
    repeated(leases, monkeypatch)
    assert not leases.release(lease)
    assert leases.holder(NAME) == lease
    again = held(leases, now)
    assert leases.release(again)
    assert leases.holder(NAME) is None


@pytest.mark.parametrize("step", STEPS)
def test_a_write_that_is_repeated_leaves_the_lease_with_its_holder(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    leases, now = bench.registry.leases, bench.clock.now()
    held(leases, now)
    repeated(leases, monkeypatch)
    STEPS[step](leases, now)
    holder = leases.holder(NAME)
    assert holder
    assert holder.owner == ONE
    leases.renew(holder, now)
    assert leases.release(holder) is (step != "leave word")


def test_a_take_over_that_is_repeated_is_a_take_over(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    leases, now = bench.registry.leases, bench.clock.now()
    held(leases, now)
    repeated(leases, monkeypatch)
    assert leases.take_over(NAME, ONE, OTHER, now + FUNCTION_SECONDS)


def test_the_lease_of_a_stopped_run_is_taken_over_when_its_functions_have_ended(
    bench: Bench,
) -> None:
    leases, clock = bench.registry.leases, bench.clock
    lease = held(leases, clock.now())
    bench.bus.stopped.add(ONE)
    clock.advance(30)
    leases.renew(lease, clock.now())
    clock.advance(FUNCTION_SECONDS - 1)
    with pytest.raises(TryUnderwayError):
        run.begin(leases, bench.bus, NAME, OTHER, clock.now())
    clock.advance(1)
    assert run.begin(leases, bench.bus, NAME, OTHER, clock.now())


def test_no_function_of_a_customers_run_outlives_the_wait_for_it() -> None:
    usual = tree.template()["Globals"]["Function"]["Timeout"]
    functions = tree.resources("AWS::Serverless::Function")
    for state in tree.states(tree.machines()["reconcile_customer"]).values():
        if "lambda:invoke" in state.get("Resource", ""):
            function = state["Arguments"]["FunctionName"][2:-4]
            seconds = functions[function]["Properties"].get("Timeout", usual)
            assert seconds < FUNCTION_SECONDS, function
