"""When a customer is looked at again after a run that was refused for good."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from keyward.customers.key import CREATED, End, KeyRecord
from keyward.customers.key_item import key_item
from keyward.runs.due import Refusal, call_for_room, next_due, note_refusal
from keyward.values import DAY, HOUR, JSON
from tests.support import Bench, workbench

ACME = {"customer_id": "acme", "plan": "free", "status": "active"}


@pytest.fixture
def bench() -> Iterator[Bench]:
    with workbench() as made:
        made.tables["CustomersTable"].put_item(Item=ACME)
        yield made


def key(bench: Bench, number: int = 1, customer: str = "acme", **more: Any) -> None:
    made = KeyRecord(customer, number, CREATED, f"id{number}", plans=("free",), **more)
    bench.tables["KeysTable"].put_item(Item={"customer_id": customer} | key_item(made))


def refuse(
    bench: Bench, error: str = "UnknownPlanError", reason: str = "why", by: str = "audit"
) -> Refusal:
    task: JSON = {"execution_arn": f"run-{bench.clock.now()}", "entered": "now"}
    task |= {"error": {"Error": error}, "asked": {"by": by}}
    return note_refusal("acme", task, reason, bench.context())


def due(bench: Bench, customer: str = "acme") -> int | None:
    """In how many seconds the customer is due."""
    found = dict(bench.registry.customers.due(bench.clock.now() + 100 * DAY))
    return found[customer] - int(bench.clock.now()) if customer in found else None


def test_it_is_an_hour_and_twice_as_long_each_time_up_to_a_day(bench: Bench) -> None:
    found = []
    for _ in range(7):
        now = bench.clock.now()
        found.append(refuse(bench).again_at - now)
        assert due(bench) == int(now + found[-1]) - int(now)
        bench.clock.advance(DAY)
    assert found == [HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 16 * HOUR, DAY, DAY]


def test_a_step_that_is_replayed_gets_its_first_answer(bench: Bench) -> None:
    assert refuse(bench) == refuse(bench)
    bench.clock.advance(1)
    assert refuse(bench).again_at == bench.clock.now() + 2 * HOUR


@pytest.mark.parametrize(
    ("by", "reasons", "is_told"),
    [
        ("audit", ("a", "a"), True),
        ("audit", ("a", "b"), False),
        ("event", ("a", "a"), False),
        ("console", ("a", "a"), False),
    ],
)
def test_only_the_same_refusal_that_nobody_asked_for_is_not_told_again(
    bench: Bench, by: str, reasons: tuple[str, str], is_told: bool
) -> None:
    assert not refuse(bench, reason=reasons[0], by=by).is_told
    bench.clock.advance(1)
    assert refuse(bench, reason=reasons[1], by=by).is_told is is_told


@pytest.mark.parametrize("by", ["audit", "event", "console"])
def test_who_is_still_suspended_is_told_once_a_reason_whoever_asks(bench: Bench, by: str) -> None:
    told = []
    for reason in ("a", "a", "b", "b"):
        told.append(refuse(bench, "StillSuspendedError", reason, by).is_told)
        bench.clock.advance(1)
    assert told == [False, True, False, True]


def test_steps_of_one_run_and_refusals_of_others_are_counted_apart(bench: Bench) -> None:
    task = {"execution_arn": "run", "error": {"Error": "UnknownPlanError"}}
    context, now = bench.context(), bench.clock.now()
    found = [
        note_refusal(name, task | {"entered": entered}, "why", context).again_at - now
        for name, entered in (("acme", "1"), ("globex", "g"), ("acme", "2"), ("acme", "2"))
    ]
    assert found == [HOUR, HOUR, 2 * HOUR, 2 * HOUR]


def test_a_record_that_is_no_better_is_not_told_again(bench: Bench) -> None:
    refuse(bench, "InvalidRecordError")
    bench.clock.advance(1)
    assert refuse(bench, "InvalidRecordError").is_told


def test_a_record_that_cannot_be_read_is_looked_at_after_the_hour(bench: Bench) -> None:
    bench.tables["CustomersTable"].put_item(Item=ACME | {"plan": 5})
    assert refuse(bench).again_at == bench.clock.now() + HOUR
    assert due(bench) == HOUR


def test_a_refusal_that_names_nobody_is_told(bench: Bench) -> None:
    task = {"error": {"Error": "UnknownPlanError"}}
    assert not note_refusal("acme", task, "why", bench.context()).is_told


@pytest.mark.parametrize("error", ["InvalidRecordError", "CustomerNotFoundError"])
def test_a_record_that_cannot_be_right_is_looked_at_only_if_something_is_due(
    bench: Bench, error: str
) -> None:
    refusal = refuse(bench, error)
    assert refusal.again_at == bench.clock.now() + HOUR
    assert due(bench) is None
    bench.registry.customers.hasten_due("acme", bench.clock.now() + 60, bench.clock.now())
    bench.clock.advance(1)
    refuse(bench, error)
    assert due(bench) == 2 * HOUR


@pytest.mark.parametrize("error", ["UnknownPlanError", "SomethingElse"])
def test_what_is_due_before_is_done_in_its_time(bench: Bench, error: str) -> None:
    now = int(bench.clock.now())
    key(bench, end=End(replaced_by=2, retire_at=now + 600, delete_at=now + DAY))
    assert next_due("acme", bench.registry.customers.load_keys("acme"), bench.context(), now) == (
        now + 600
    )
    assert refuse(bench, error).again_at == now + 600
    assert due(bench) == 600


def test_a_customer_without_a_record_is_never_due(bench: Bench) -> None:
    records = bench.registry.customers.load_keys("globex")
    assert next_due("globex", records, bench.context(), 0) is None


def waiting(bench: Bench) -> list[str]:
    return bench.registry.customers.call_for_room(9)


def test_in_a_full_account_a_leaked_key_makes_room_at_once_and_once(bench: Bench) -> None:
    now = int(bench.clock.now())
    key(bench, enabled=False, reason="leaked", end=End(retire_at=now - HOUR))
    assert refuse(bench, "KeysFullError").again_at == bench.clock.now()
    assert due(bench) == 0
    bench.clock.advance(1)
    assert refuse(bench, "KeysFullError").again_at == bench.clock.now() + 2 * HOUR
    assert waiting(bench) == ["acme"]


def grace(bench: Bench, customer: str) -> None:
    now = int(bench.clock.now())
    ended = End(replaced_by=2, retire_at=now - HOUR, delete_at=now + DAY)
    key(bench, customer=customer, enabled=False, end=ended)


def test_in_a_full_account_a_key_in_its_grace_gives_way_to_who_has_none(bench: Bench) -> None:
    grace(bench, "globex")
    assert refuse(bench, "KeysFullError").again_at == bench.clock.now() + HOUR
    assert due(bench, "globex") == 0
    [ended] = bench.registry.customers.load_keys("globex").keys
    assert ended.end.delete_at == int(bench.clock.now())
    assert ended.reason == (
        "its place was needed for a customer without a key, as the account has no room for more"
    )
    assert waiting(bench) == ["acme"]


def test_a_key_in_its_grace_stays_for_who_has_a_key_that_works(bench: Bench) -> None:
    grace(bench, "globex")
    key(bench)
    refuse(bench, "KeysFullError")
    assert due(bench, "globex") is None
    assert waiting(bench) == ["acme"]


def test_a_key_that_is_off_is_none_that_works(bench: Bench) -> None:
    grace(bench, "globex")
    key(bench, enabled=False)
    refuse(bench, "KeysFullError")
    assert due(bench, "globex") == 0


def test_another_refusal_waits_for_no_room(bench: Bench) -> None:
    grace(bench, "globex")
    refuse(bench)
    assert (waiting(bench), due(bench, "globex")) == ([], None)


def test_as_many_are_called_as_keys_were_freed_the_longest_waiting_first(bench: Bench) -> None:
    for name in ("acme", "globex", "initech"):
        bench.registry.customers.wait_for_room(name, bench.clock.now())
        bench.clock.advance(1)
    call_for_room(bench.context(), 2)
    assert [due(bench, name) for name in ("acme", "globex", "initech")] == [0, 0, None]
    assert waiting(bench) == ["initech"]
