"""How a run begins, what it may be asked in the console, and how it ends when it failed."""

from __future__ import annotations

import json

import pytest

from keyward.aws.tables.leases import FAILED, FUNCTION_SECONDS, POSTPONED, Leases
from keyward.errors import InvalidInputError, TryUnderwayError
from keyward.events.key_value import new_value
from keyward.events.requester import CONSOLE, requester_of
from keyward.runs.run import (
    MACHINE_FIELDS,
    begin,
    error_of,
    fail_run,
    only_fields,
)
from keyward.values import JSON
from tests.support import Bench

NAME, ONE, OTHER = "customer#acme", "run-1", "run-2"
FIELDS = ("customer_id", "dry_run")


@pytest.fixture
def leases(bench: Bench) -> Leases:
    return bench.registry.leases


@pytest.mark.parametrize("field", [*FIELDS, *MACHINE_FIELDS])
def test_a_field_that_a_person_or_the_machine_states_is_taken(field: str) -> None:
    only_fields({"customer_id": "acme", field: "x"}, FIELDS)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("acme", "input: must be a JSON object, got a text of 4 characters. Write an object, "
         "{} or with customer_id, dry_run"),
        (None, "input: must be a JSON object, got a missing value. Write an object, {} or with "
         "customer_id, dry_run"),
        ({"dryrun": True}, "dryrun: is not a field of this input. Use customer_id, dry_run"),
        ({"customer_id": "a", 7: 1}, "7: is not a field of this input. Use customer_id, dry_run"),
    ],
    ids=str,
)  # fmt: skip
def test_another_input_is_refused_with_the_fields_that_there_are(
    task: object, message: str
) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        only_fields(task, FIELDS)
    assert str(refusal.value) == message
    assert refusal.value.field == message.partition(":")[0]


@pytest.mark.parametrize(
    ("asked", "by"),
    [
        ({"by": "event", "who": "shop"}, {"by": "event", "who": "shop"}),
        ({"who": "shop"}, {"by": CONSOLE}),
        ("by", {"by": CONSOLE}),
        (["by"], {"by": CONSOLE}),
        (None, {"by": CONSOLE}),
    ],
    ids=str,
)
def test_a_run_of_which_nothing_is_said_is_a_persons(asked: object, by: JSON) -> None:
    assert requester_of({"asked": asked}) == by
    assert requester_of({}) == {"by": CONSOLE}


def test_a_run_takes_a_free_lease_and_leaves_its_work_to_one_that_has_it(
    bench: Bench, leases: Leases
) -> None:
    now = bench.clock.now()
    lease = begin(leases, bench.bus, NAME, ONE, now)
    assert lease
    assert (lease.name, lease.owner, leases.holder(NAME)) == (NAME, ONE, lease)
    assert begin(leases, bench.bus, NAME, OTHER, now) is None
    assert leases.holder(NAME) == lease
    assert leases.rerun_requested(NAME, ONE)


def test_a_dead_holder_is_waited_for_and_then_overtaken(bench: Bench, leases: Leases) -> None:
    first = begin(leases, bench.bus, NAME, ONE, bench.clock.now())
    assert first
    bench.bus.stopped.add(ONE)
    with pytest.raises(TryUnderwayError):
        begin(leases, bench.bus, NAME, OTHER, bench.clock.now())
    bench.clock.advance(FUNCTION_SECONDS)
    second = begin(leases, bench.bus, NAME, OTHER, bench.clock.now())
    assert second
    assert (second.name, second.owner, second.token) == (NAME, OTHER, first.token + 1)


def test_a_failed_run_gives_back_what_it_holds_and_nothing_of_another(
    bench: Bench, leases: Leases
) -> None:
    assert fail_run(leases, NAME, ONE) is False
    lease = begin(leases, bench.bus, NAME, ONE, bench.clock.now())
    assert fail_run(leases, NAME, OTHER) is False
    assert leases.holder(NAME) == lease
    assert fail_run(leases, NAME, ONE) is False
    assert leases.holder(NAME) is None


def test_a_failed_run_for_which_word_was_left_starts_over(bench: Bench, leases: Leases) -> None:
    lease = begin(leases, bench.bus, NAME, ONE, bench.clock.now())
    assert leases.request_rerun(NAME, bench.clock.now())
    assert fail_run(leases, NAME, ONE) is True
    assert leases.holder(NAME) == lease


@pytest.mark.parametrize(("end", "times"), [(POSTPONED, [1, 2]), (FAILED, [1, 1]), (None, [1, 1])])
def test_a_run_that_is_postponed_is_counted_and_one_that_failed_begins_anew(
    bench: Bench, leases: Leases, end: str | None, times: list[int]
) -> None:
    counted = []
    for owner in (ONE, OTHER):
        assert begin(leases, bench.bus, NAME, owner, bench.clock.now())
        counted.append(leases.postponed(NAME))
        ends = (end,) if end else ()
        assert fail_run(leases, NAME, owner, *ends) is False
    assert counted == times


@pytest.mark.parametrize(
    ("error", "found"),
    [
        ({"Error": "PassingError", "Cause": json.dumps({"errorMessage": "busy", "trace": []})},
         ("PassingError", "busy")),
        ({"Error": "Odd", "Cause": "60 s are over"}, ("Odd", "60 s are over")),
        ({"Error": "Odd", "Cause": json.dumps({"message": "no"})}, ("Odd", '{"message": "no"}')),
        ({"Error": "Odd", "Cause": "[1]"}, ("Odd", "[1]")),
        ({"Error": "Odd", "Cause": json.dumps({"errorMessage": "x" * 1001})}, ("Odd", "x" * 1000)),
        ({}, ("Error", "")),
    ],
    ids=str,
)  # fmt: skip
def test_an_error_is_its_class_and_its_message_without_a_trace(
    error: JSON, found: tuple[str, str]
) -> None:
    assert error_of(error) == found


def test_a_mistake_that_quotes_a_key_value_is_told_without_it() -> None:
    value = new_value("kw")
    for cause in (f"invalid literal: '{value}'", json.dumps({"errorMessage": f"no {value}"})):
        assert value not in error_of({"Error": "ValueError", "Cause": cause})[1]
