"""A person's run that cannot be right is refused: it is no failure, and nobody else is told."""

from __future__ import annotations

import pytest

from keyward.values import JSON
from tests.machines.life_lab import LifeLab
from tests.machines.machine import refusal


@pytest.mark.parametrize(
    ("given", "error", "words", "remedy"),
    [
        ({"customer": "acme"}, "InvalidInputError", "customer: is no f", "keyward start --help"),
        ({}, "InvalidInputError", "customer_id: ", "keyward start --help"),
        (
            {"customer_id": "acme", "dryrun": True},
            "InvalidInputError",
            "dryrun: ",
            "keyward history acme",
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
    assert (refused["error"], refused["remedy"]) == ("UnknownPlanError", "keyward policy show")
    assert len(life.bench.bus.entries) == told


def test_a_real_run_that_finds_the_problem_fails_and_is_told(life: LifeLab) -> None:
    life.after("CustomerSignedUp", plan="gold")
    run = life.machine.run({"customer_id": "acme"})
    assert (run.status, run.error) == ("FAILED", "UnknownPlanError")
