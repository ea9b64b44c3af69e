"""A batch of new keys: what is written down before its call, and what follows from the answer."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from emulator.errors import bad_request
from keyward.aws.gateway import Gateway
from keyward.aws.tables.import_progress import LANDED, REFUSED
from keyward.aws.tables.imports import Imports
from keyward.customers.key import CREATING, Journal, KeyRecord, Labels
from keyward.runs.keys import bulk
from keyward.values import JSON
from tests.runs.import_desk import (
    AGAIN,
    IMPORT_CALL,
    LATER,
    OTHER,
    OWNER,
    WAIT,
    ImportDesk,
)


def batch_of(began: int, owner: str = OWNER) -> str:
    return hashlib.sha256(f"{owner} {float(began)}".encode()).hexdigest()[:12]


def gateway_keys(desk: ImportDesk) -> list[JSON]:
    found = desk.life.client.get_api_keys(includeValues=True, limit=500)["items"]
    return sorted(found, key=lambda key: str(key["name"]))


class Died(BaseException):
    """The process ends here."""


def test_a_batch_is_written_down_and_made_by_one_call(desk: ImportDesk) -> None:
    desk.join("acme", description="The first")
    desk.join("beta", plan="pro")
    desk.operations()
    assert desk.make() == LATER
    assert desk.operations() == ["GetUsagePlans", IMPORT_CALL]
    now, batch = desk.now, batch_of(desk.now)
    assert desk.state().batches == {batch: LANDED}
    assert desk.state().rows == 100
    assert (desk.waiting(), desk.imported()) == ([], ["acme", "beta"])
    assert desk.own_runs() == {}
    keys = gateway_keys(desk)
    fingerprints = desk.life.bench.registry.fingerprints
    for key, (name, plan, text) in zip(
        keys, [("acme", "free", "The first"), ("beta", "pro", None)], strict=True
    ):
        assert key["name"] == f"{name}/1"
        assert key["enabled"]
        assert key.get("description") == text
        assert desk.life.plans_of(key["id"]) == [plan]
        assert desk.key(name) == KeyRecord(
            name,
            1,
            CREATING,
            attached_at=now,
            labels=Labels(text, {}),
            fingerprint=fingerprints.of(key["value"]),
            journal=Journal(started_at=now, plan=plan, batch=batch),
        )
    assert desk.lease_owner() == OWNER


def test_a_row_shows_no_value_that_its_plan_is_written_for(desk: ImportDesk) -> None:
    desk.join("acme")
    value = f"kw-{desk.begun}-{1:030d}"
    desk.make()
    [key] = gateway_keys(desk)
    assert key["value"] == value
    record = desk.key("acme")
    assert record
    row = bulk.Row(record, "", value)
    assert value not in repr(row)
    assert row.plan == "free"


def test_a_batch_without_anybody_makes_no_call(desk: ImportDesk) -> None:
    desk.join("acme")
    desk.imports.note_verified(7, [])
    assert desk.life.bench.registry.leases.acquire("customer#acme", OTHER, desk.now)
    desk.operations()
    assert desk.make() == WAIT
    assert desk.operations() == ["GetUsagePlans"]
    assert (desk.waiting(), desk.key("acme")) == (["acme"], None)
    assert (desk.state().batches, desk.state().verified_at) == ({}, 7)
    # A call of the turn was not made.
    assert desk.count("calls.spent") == -1
    assert desk.count("calls.begun") == 1


@pytest.mark.parametrize(("seconds", "is_made"), [(20, True), (21, False)])
def test_a_batch_that_took_long_to_write_down_is_given_up(
    desk: ImportDesk, seconds: int, is_made: bool
) -> None:
    desk.join("acme")
    desk.imports.note_verified(7, [])
    desk.at_value = lambda: desk.life.bench.clock.advance(seconds)
    began = desk.now
    assert desk.make() == (LATER if is_made else WAIT)
    assert bool(gateway_keys(desk)) == is_made
    assert desk.imported() == (["acme"] if is_made else [])
    assert [*desk.state().batches] == ([batch_of(began)] if is_made else [])
    assert bool(desk.key("acme")) == is_made
    if not is_made:
        assert desk.imports.waiting("new") == [("acme", began + 21)]
        assert desk.state().verified_at == 7
        assert desk.count("calls.spent") == -1


@pytest.mark.parametrize(
    ("room", "step", "later"), [(Imports, "begin", 0), (Gateway, "import_keys", 5)]
)
def test_the_journal_has_the_batch_before_each_step(
    desk: ImportDesk, monkeypatch: pytest.MonkeyPatch, room: type, step: str, later: int
) -> None:
    desk.join("acme")
    desk.at_value = lambda: desk.life.bench.clock.advance(5)
    began = desk.now

    def dies(*given: Any) -> None:
        raise Died

    monkeypatch.setattr(room, step, dies)
    with pytest.raises(Died):
        desk.make()
    assert desk.state().batches == {batch_of(began): began + later}
    record = desk.key("acme")
    assert bool(record) == bool(later)
    if record:
        assert (record.journal.started_at, record.attached_at) == (began, began)


@pytest.mark.parametrize("fault", ["throttle", "conflict"])
def test_a_call_without_effect_is_made_again_a_second_later(desk: ImportDesk, fault: str) -> None:
    desk.join("acme")
    desk.imports.note_verified(7, [])
    desk.life.fault(IMPORT_CALL, fault)
    room = desk.count("calls.spent")
    assert desk.make() == LATER
    assert (desk.waiting(), desk.key("acme")) == (["acme"], None)
    assert desk.imports.waiting("new") == [("acme", desk.now)]
    assert (desk.state().batches, desk.state().verified_at) == ({}, 7)
    # Who may call next waits: what was left is gone, and a second more.
    assert desk.count("calls.spent") - room > 10
    desk.life.bench.clock.advance(2)
    assert desk.make() == LATER
    assert [key["name"] for key in gateway_keys(desk)] == ["acme/1"]


@pytest.mark.parametrize("fault", ["timeout_after", "timeout_before", "500"])
def test_a_call_without_an_answer_is_looked_up_when_it_can_run_no_more(
    desk: ImportDesk, fault: str
) -> None:
    desk.join("acme")
    desk.life.fault(IMPORT_CALL, fault)
    assert desk.make() == LATER
    assert desk.imported() == ["acme"]
    assert desk.state().batches == {batch_of(desk.now): desk.now}
    assert desk.state().rows == 50


@pytest.mark.parametrize(
    ("rows", "answer", "left"), [(100, REFUSED, 50), (26, REFUSED, 25), (25, LANDED, 25)]
)
def test_a_call_that_is_refused_is_made_for_fewer(
    desk: ImportDesk, monkeypatch: pytest.MonkeyPatch, rows: int, answer: int, left: int
) -> None:
    call = desk.life.bench.emulator.call

    def refusing(operation: str, params: JSON) -> JSON:
        if operation == IMPORT_CALL:
            raise bad_request("too many")
        return call(operation, params)

    desk.join("acme")
    desk.rows(rows)
    monkeypatch.setattr(desk.life.bench.emulator, "call", refusing)
    assert desk.make() == LATER
    assert desk.state().batches == {batch_of(desk.now): answer}
    assert desk.state().rows == left
    assert desk.imported() == ["acme"]


def test_a_full_batch_lets_the_next_be_twice_as_large_and_come_at_once(
    desk: ImportDesk,
) -> None:
    desk.join("acme", "beta", "gamma", "delta")
    desk.rows(3)
    assert desk.make() == AGAIN
    assert (len(desk.imported()), len(desk.waiting())) == (3, 1)
    assert desk.state().rows == 6


def test_a_batch_never_has_more_rows_than_the_most(
    desk: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MAX_ROWS", 5)
    desk.join("acme", "beta", "gamma")
    desk.rows(3)
    assert desk.make() == AGAIN
    assert desk.state().rows == 5
