"""A person's run that cannot be right is refused: it is no failure, and nobody else is told."""

from __future__ import annotations

from typing import Any

import pytest

from keyward import errors
from keyward.values import JSON
from tests.machines.life_lab import LifeLab
from tests.machines.machine import refusal


@pytest.mark.parametrize(
    ("given", "error", "words", "remedy"),
    [
        (
            {"customer": "acme"},
            "InvalidInputError",
            "customer: is not a field",
            "keyward start --help",
        ),
        ({}, "InvalidInputError", "customer_id: ", "keyward start --help"),
        (
            {"customer_id": "acme", "dryrun": True},
            "InvalidInputError",
            "dryrun: ",
            "keyward start --help",
        ),
        (
            {"customer_id": "nobody"},
            "CustomerNotFoundError",
            "customer_id: the Customers table has no customer nobody",
            "keyward history nobody",
        ),
    ],
    ids=str,
)
def test_an_input_that_cannot_be_right(
    life: LifeLab, given: JSON, error: str, words: str, remedy: str
) -> None:
    refused = refusal(life.machine.run(given))
    assert (refused["error"], refused["remedy"]) == (error, remedy)
    assert refused["reason"].startswith(words)
    assert life.bench.bus.entries == []
    assert life.bench.registry.ledger.of("customer#acme") == []


def test_a_dry_run_that_finds_a_problem(life: LifeLab) -> None:
    life.after("CustomerSignedUp", plan="gold")
    told = len(life.bench.bus.entries)
    refused = refusal(life.machine.run({"customer_id": "acme", "dry_run": True}))
    remedy = "keyward send --customer acme --set plan=VALUE CustomerPlanChanged"
    assert (refused["error"], refused["remedy"]) == ("UnknownPlanError", remedy)
    assert len(life.bench.bus.entries) == told


def test_a_real_run_that_finds_the_problem_fails_and_is_told(life: LifeLab) -> None:
    life.after("CustomerSignedUp", plan="gold")
    run = life.machine.run({"customer_id": "acme"})
    assert (run.status, run.error) == ("FAILED", "UnknownPlanError")


ERRORS = sorted(errors.BY_NAME.values(), key=lambda kind: kind.__name__)


def ends(life: LifeLab, kind: type[errors.KeywardError], number: int, asked: JSON) -> Any:
    words = ("field", "problem", "remedy")[: 3 if issubclass(kind, errors.InvalidInputError) else 1]

    def fail(event: JSON, context: object) -> JSON:
        raise kind(*words)

    life.machine.functions["PlanCustomer"] = fail
    return life.machine.run({"customer_id": f"c-{number}", "asked": asked})


@pytest.mark.parametrize("by", ["event", "schedule", "audit"])
def test_of_all_errors_a_refusal_is_told_and_no_failure_and_every_other_one_is_a_failure(
    life: LifeLab, by: str
) -> None:
    # So a new class of errors is told and rings the alarm, unless it is a RefusalError.
    for number, kind in enumerate(ERRORS):
        announced = len(life.bench.bus.entries)
        run = ends(life, kind, number, {"by": by})
        told = [entry["Detail"]["error"] for entry in life.bench.bus.entries[announced:]]
        is_passing = issubclass(kind, errors.PassingError)
        assert told == ([] if is_passing else [kind.__name__])
        if issubclass(kind, errors.RefusalError):
            assert refusal(run)["error"] == kind.__name__
        else:
            assert run.status == ("SUCCEEDED" if is_passing else "FAILED")


def test_a_refusal_stays_one_however_often_it_is_looked_at_again(life: LifeLab) -> None:
    for _ in range(3):
        run = ends(life, errors.NoSignUpError, 1, {"by": "schedule"})
        assert run.status == "SUCCEEDED"
    assert [entry["Detail"]["error"] for entry in life.bench.bus.entries] == ["NoSignUpError"]
