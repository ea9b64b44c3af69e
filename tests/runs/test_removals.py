"""Removed records of customers: which are held, what is told, and what an answer does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from keyward.customers.bookkeeping import KEYWARD
from keyward.customers.key import CREATED, CREATING, KeyRecord
from keyward.customers.removal import Removal
from keyward.errors import PassingError
from keyward.policy.parse import default_text
from keyward.runs import removals
from keyward.runs.removals import MAX_CHARACTERS, answer, note
from keyward.values import HOUR, JSON
from tests.support import Bench, put_in_force, workbench

LEAK: JSON = {"requested_at": 7, "leaked": True}


@pytest.fixture
def bench() -> Iterator[Bench]:
    """One removal an hour of a customer with a working key is let through."""
    with workbench() as made:
        policy = json.loads(default_text()) | {"most_removals_an_hour": 1}
        made.ssm.put_parameter(Name="policy", Value=json.dumps(policy), Overwrite=True)
        put_in_force(made.registry)
        yield made


def record(name: str, **more: Any) -> JSON:
    return {"customer_id": name, "plan": "free", "status": "active"} | more


def with_key(bench: Bench, name: str, **more: Any) -> None:
    state: dict[str, Any] = {"state": CREATED, "key_id": f"key-{name}", "plans": ("free",)} | more
    bench.save_key(KeyRecord(name, 1, **state))


def remove(bench: Bench, name: str, *, after: int = 0, **more: Any) -> Removal:
    at = int(bench.clock.now()) + after
    return note(bench.context(), name, at, f"cause-{name}", record(name, **more))


def stored(bench: Bench, name: str) -> Removal | None:
    return bench.registry.customers.removal(name)


def desired(bench: Bench, name: str) -> JSON | None:
    found = bench.registry.customers.desired(name)
    return found and {member: value for member, value in found.items() if member != KEYWARD}


def due(bench: Bench) -> list[str]:
    return [name for name, _ in bench.registry.customers.due(bench.clock.now())]


@pytest.mark.parametrize(
    "key",
    [
        {},
        {"enabled": False},
        {"state": CREATING, "key_id": None, "enabled": False},
    ],
    ids=str,
)
def test_only_removals_that_stop_a_working_key_are_counted(bench: Bench, key: JSON) -> None:
    for name in ("a", "b"):
        with_key(bench, name, **key)
    first, second = remove(bench, "a"), remove(bench, "b")
    is_working = key.get("enabled", True) or key.get("state") == CREATING
    kept = [record("a"), record("b")] if is_working else [None, None]
    at = int(bench.clock.now())
    assert first == Removal("a", at, "cause-a", record=kept[0])
    assert second == Removal("b", at, "cause-b", held=is_working, record=kept[1])
    assert [stored(bench, "a"), stored(bench, "b")] == [first, second]


def test_a_customer_without_a_key_is_never_held_and_a_leak_is_kept(bench: Bench) -> None:
    for name in ("a", "b", "c"):
        assert remove(bench, name, rotation=LEAK) == Removal(
            name, int(bench.clock.now()), f"cause-{name}", leak=LEAK
        )
    assert bench.bus.entries == []


def test_the_same_removal_and_an_older_one_change_nothing(bench: Bench) -> None:
    with_key(bench, "a")
    first = remove(bench, "a")
    bench.registry.removals.change(Removal("a", first.at, "cause-a", stopped=True), first)
    kept = stored(bench, "a")
    assert kept != first
    for after in (0, -1):
        assert remove(bench, "a", after=after) == kept
    assert stored(bench, "a") == kept
    newer = remove(bench, "a", after=1)
    assert (newer.at, newer.stopped, stored(bench, "a")) == (first.at + 1, False, newer)


def test_what_is_held_is_told_once_an_hour(bench: Bench) -> None:
    start = bench.clock.now() - bench.clock.now() % HOUR
    bench.clock.advance(start + HOUR - bench.clock.now())
    names = [f"customer-{number}" for number in range(5)]
    for name in names:
        with_key(bench, name)
    for name in names[:3]:
        remove(bench, name)
    [entry] = bench.bus.entries
    assert (entry["DetailType"], entry["Detail"]) == (
        "CustomerFailed",
        {
            "customer_id": "customer-1",
            "error": "RemovalsHeldError",
            "reason": "more than 1 records of customers were removed within an hour: the keys of "
            "the others work on until somebody answers",
            "remedy": "keyward holds",
            "caused_by": {
                "event_id": "cause-customer-1",
                "detail_type": "Customers record",
                "source": "aws.dynamodb",
            },
        },
    )
    marks = [mark for mark in bench.tables["LeasesTable"].scan()["Items"] if "ttl" in mark]
    assert [mark["ttl"] for mark in marks] == [int(bench.clock.now()) + 2 * HOUR]
    bench.clock.advance(HOUR - 1)
    remove(bench, names[3])
    assert len(bench.bus.entries) == 1
    bench.clock.advance(2)
    with_key(bench, "customer-0")
    remove(bench, "customer-0", after=HOUR)
    remove(bench, names[4], after=HOUR)
    assert [entry["Detail"]["customer_id"] for entry in bench.bus.entries] == [
        "customer-1",
        names[4],
    ]


@pytest.mark.parametrize(
    ("more", "is_kept"),
    [({}, True), ({"status": 7}, False), ({"note": "fit"}, True), ({"note": "big"}, False)],
    ids=str,
)
def test_a_record_is_kept_where_somebody_could_put_it_back(
    bench: Bench, more: JSON, is_kept: bool
) -> None:
    with_key(bench, "a")
    if "note" in more:
        short = MAX_CHARACTERS - len(str(record("a", note=""))) - (more["note"] == "fit")
        more = {"note": "x" * short}
    removal = remove(bench, "a", **more)
    assert removal.record == (record("a", **more) if is_kept else None)


def hold(bench: Bench, *names: str) -> None:
    """The first is let through, the others are held."""
    for name in names:
        with_key(bench, name)
        remove(bench, name)
        bench.clock.advance(1)


def test_approved_removals_count_and_are_due_at_once(bench: Bench) -> None:
    hold(bench, "a", "b", "c")
    before = [stored(bench, name) for name in "abc"]
    assert [removal.held for removal in before if removal] == [False, True, True]
    for suspended in (["b", "c"], []):
        assert answer(bench.context(), True) == suspended
        found = [stored(bench, name) for name in "abc"]
        assert found[0] == before[0]
        assert [(r.held, r.record) for r in found[1:] if r] == [(False, None)] * 2
        assert sorted(due(bench)) == ["b", "c"]
        assert [desired(bench, name) for name in "abc"] == [None] * 3
        assert bench.registry.removals.recent() == []


def test_rejected_removals_are_put_back_with_those_of_the_hour(bench: Bench) -> None:
    hold(bench, "a", "b", "c")
    for _ in range(2):
        assert answer(bench.context(), False) == []
        assert [desired(bench, name) for name in "abc"] == [record(name) for name in "abc"]
        assert [stored(bench, name) for name in "abc"] == [None] * 3
        assert bench.registry.removals.recent() == []
    assert due(bench) == []


@pytest.mark.parametrize("known", [None, {"requested_at": 3, "leaked": True}, {"requested_at": 3}])
def test_a_leak_that_was_told_since_comes_back_with_the_record(
    bench: Bench, known: JSON | None
) -> None:
    more = {"rotation": known} if known else {}
    with_key(bench, "a")
    removal = remove(bench, "a", **more)
    told = Removal("a", removal.at, removal.cause, record=removal.record, leak=LEAK)
    bench.registry.removals.change(told, removal)
    answer(bench.context(), False)
    is_known = bool(known and known.get("leaked"))
    assert desired(bench, "a") == record("a", rotation=known if is_known else LEAK)


def test_what_nobody_can_put_back_is_forgotten(bench: Bench) -> None:
    with_key(bench, "a")
    remove(bench, "a", status=7)
    answer(bench.context(), False)
    assert (stored(bench, "a"), desired(bench, "a")) == (None, None)


@pytest.mark.parametrize("is_approved", [True, False])
def test_more_than_one_lot_is_answered_by_the_next_message(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, is_approved: bool
) -> None:
    monkeypatch.setattr(removals, "LOT", 2)
    hold(bench, "a", "b", "c", "d")
    with pytest.raises(PassingError) as passing:
        answer(bench.context(), is_approved)
    assert str(passing.value) == "more removals are held: the message comes again"
    assert [*bench.registry.removals.held()] == ["d"]
    assert bench.registry.removals.recent() == ["a"]
    assert desired(bench, "a") is None
    answer(bench.context(), is_approved)
    assert [*bench.registry.removals.held()] == []
    assert bench.registry.removals.recent() == []
    assert (desired(bench, "a") is None) is is_approved
