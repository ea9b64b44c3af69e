"""One action of a run: what it finds and writes of a key, and a key's way into and out of plans."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyward.customers.key import CREATED, CREATING, Journal, KeyRecord, Succession
from keyward.errors import (
    InvalidInputError,
    KeyGoneError,
    KeyInOtherPlanError,
    TryUnderwayError,
)
from keyward.runs.keys.step import attach, placed, removed
from keyward.values import IMPORT_READ_SECONDS, in_flight_seconds, iso
from tests.machines.life_lab import LifeLab
from tests.runs.step_lab import ARN, ASKED, last_line, step, waiting

BUSY = Journal(plan="b", leaving="a", refused="c", awaited=("a", "b", "c"), started_at=5)
IN_TWO = KeyRecord("acme", 1, CREATED, "id1", plans=("a", "z"), succession=Succession(7))


@pytest.mark.parametrize("is_of_gateway", [True, False])
def test_what_is_saved_is_told_and_in_the_ledger(acme: LifeLab, is_of_gateway: bool) -> None:
    work = step(acme, is_of_gateway=is_of_gateway, reason="fraud")
    record = work.find()
    assert record
    work.save(replace(record, enabled=False))
    assert acme.records() == (replace(record, enabled=False),)
    [event] = waiting(acme)
    assert event["detail_type"] == "KeySuspended"
    assert event["detail"]["caused_by"]["event_id"] == "e1"
    seconds = acme.bench.context().policy.propagation_seconds
    by = iso(int(acme.bench.clock.now()) + seconds) if is_of_gateway else None
    assert (event["detail"].get("effective_by"), work.effective_by()) == (by, by)
    line = last_line(acme)
    assert (line["before"]["enabled"], line["after"]["enabled"]) == (True, False)
    assert (line["reason"], line["asked"]) == ("fraud", ASKED)


@pytest.mark.parametrize("is_of_gateway", [True, False])
def test_a_key_that_is_issued_says_why_and_what_it_opens(
    acme: LifeLab, is_of_gateway: bool
) -> None:
    acme.stage()
    step(acme).save(replace(acme.records()[0], plans=()))
    work = step(
        acme, is_of_gateway=is_of_gateway, action="attach_key", reason="some tags are left out"
    )
    record = work.find()
    assert record
    work.save(placed(record, "free", 0))
    [event] = [one["detail"] for one in waiting(acme) if one["detail_type"] == "KeyIssued"]
    assert event["reason"].startswith("some tags are left out")
    assert ("opens" in event) == is_of_gateway


def test_an_extension_is_in_the_ledger_with_its_end(acme: LifeLab) -> None:
    work = step(acme, action="extend_quota")
    record = work.find()
    assert record
    work.save(record, QuotaExtended={"total": 5, "period_ends": "2026-02-01", "plan": "free"})
    line = last_line(acme)
    assert (line["after"], line["until"]) == ({"granted": 5}, "2026-02-01")


def test_a_deleted_key_leaves_a_tombstone_a_word_and_a_line(acme: LifeLab) -> None:
    work = step(acme, action="delete_key", reason="closed")
    record = work.find()
    assert record
    work.bury(record)
    customers = acme.bench.registry.customers
    assert (acme.records(), customers.last_number("acme")) == ((), 1)
    [event] = waiting(acme)
    assert (event["detail_type"], event["detail"]["key_id"]) == ("KeyRevoked", record.key_id)
    line = last_line(acme)
    assert (line["action"], line["key"]) == ("delete_key", "acme/1")
    assert (line["before"]["state"], line["after"]["state"]) == ("CREATED", "DELETED")


def test_a_tombstone_keeps_the_highest_number(acme: LifeLab) -> None:
    second = step(acme)
    record = second.find()
    assert record
    second.save(replace(record, number=2))
    for number in (2, 1):
        work = step(acme, number=number, action="delete_key")
        left = work.find()
        assert left
        work.bury(left)
    assert acme.bench.registry.customers.last_number("acme") == 2


@pytest.mark.parametrize("is_there", [True, False])
def test_a_key_that_was_not_created_is_no_key_to_act_on(acme: LifeLab, is_there: bool) -> None:
    if is_there:
        step(acme).save(KeyRecord("acme", 2, CREATING))
    with pytest.raises(InvalidInputError) as refused:
        step(acme, number=2).created_record()
    words = "action.number: must name a key that was created. Plan the customer anew"
    assert str(refused.value) == words


@pytest.mark.parametrize("leaving", ["free", None])
def test_a_plan_is_written_down_before_the_key_joins_it(acme: LifeLab, leaving: str | None) -> None:
    work, now = step(acme), int(acme.bench.clock.now())
    record = work.find()
    assert record
    journal = work.journal_plan(record, "pro", leaving)
    assert acme.records() == (journal,)
    begun = journal.journal
    assert (begun.plan, begun.leaving, begun.started_at) == ("pro", leaving, now)
    assert journal.attached_at == now


def test_a_key_of_another_stack_is_none_that_was_made_before(acme: LifeLab) -> None:
    record = acme.records()[0]
    work = step(acme)
    assert [key.key_id for key in work.made_before(record)] == [record.key_id]
    [plan] = acme.client.get_usage_plans()["items"]
    arn = f"arn:aws:apigateway:eu-west-1::/usageplans/{plan['id']}"
    acme.client.tag_resource(resourceArn=arn, tags={"keyward": "another"})
    assert work.made_before(record) == []


@pytest.mark.parametrize("calls", [1, 3])
def test_a_try_that_may_still_land_is_waited_for(acme: LifeLab, calls: int) -> None:
    work, now = step(acme), int(acme.bench.clock.now())
    record = acme.records()[0].with_journal(started_at=now)
    with pytest.raises(TryUnderwayError, match="create acme/1 may still be under way"):
        work.check_landed(record, "create", calls)
    work.check_landed(record.with_journal(started_at=now - 3600), "create", calls)


def test_an_import_that_may_still_land_is_waited_for(acme: LifeLab) -> None:
    now, imports = acme.bench.clock.now(), acme.bench.registry.imports
    record = acme.records()[0].with_journal(started_at=int(now) - 3600, batch="b1")
    step(acme).check_landed(record, "create")
    imports.note("b1", now)
    with pytest.raises(TryUnderwayError):
        step(acme).check_landed(record, "create")
    # ImportApiKeys takes longer than any other call.
    acme.bench.clock.advance(in_flight_seconds())
    with pytest.raises(TryUnderwayError):
        step(acme).check_landed(record, "create")
    acme.bench.clock.advance(IMPORT_READ_SECONDS)
    step(acme).check_landed(record, "create")


def test_a_key_that_is_gone_joins_no_plan_and_is_named(acme: LifeLab) -> None:
    record, work = acme.records()[0], step(acme)
    plans = work.run.plans(ARN)
    acme.client.delete_api_key(apiKey=record.key_id)
    with pytest.raises(KeyGoneError) as gone:
        attach(record, "free", str(plans.stored_id("free")), acme.bench.gateway, plans)
    assert str(gone.value) == (
        f"key {record.key_id} (acme/1) is no longer on API Gateway. "
        "Delete its record in the Keys table to have a new one made"
    )


def test_a_key_whose_plan_holds_the_stage_joins_no_other(acme: LifeLab) -> None:
    record, work = acme.records()[0], step(acme)
    acme.known_plans("pro")
    acme.stage()
    plans = work.run.plans(ARN)
    ids = {name: str(plans.stored_id(name)) for name in ("free", "pro")}
    with pytest.raises(KeyInOtherPlanError) as refused:
        attach(record, "pro", ids["pro"], acme.bench.gateway, plans)
    assert str(refused.value) == (
        f"key {record.key_id} cannot join plan {ids['pro']}: it is in {ids['free']}, which holds "
        "the same stage. Detach it there, then send the event again"
    )


@pytest.mark.parametrize(
    ("plan", "left", "plans", "leaving", "refused", "awaited"),
    [
        ("b", "a", ("b", "z"), None, "c", ("c",)),
        ("b", None, ("a", "z", "b"), "a", "c", ("a", "c")),
        ("c", "z", ("a", "c"), "a", None, ("a", "b")),
        ("a", None, ("a", "z"), None, "c", ("b", "c")),
    ],
)
def test_a_key_in_a_plan_is_out_of_the_one_it_left(
    plan: str,
    left: str | None,
    plans: tuple[str, ...],
    leaving: str | None,
    refused: str | None,
    awaited: tuple[str, ...],
) -> None:
    record = placed(replace(IN_TWO, journal=BUSY), plan, 9, left)
    assert (record.plans, record.succession.rotation) == (plans, 9)
    assert record.journal == Journal(
        leaving=leaving, refused=refused, awaited=awaited, started_at=5
    )
    assert placed(IN_TWO, plan, 1, left).succession.rotation == 7


@pytest.mark.parametrize(
    ("plan", "plans", "journal"),
    [
        ("a", ("z",), replace(BUSY, leaving=None, awaited=("b", "c"))),
        ("b", ("a", "z"), replace(BUSY, plan=None, awaited=("a", "c"))),
        ("c", ("a", "z"), replace(BUSY, refused=None, awaited=("a", "b"))),
    ],
)
def test_a_key_that_left_a_plan_has_no_more_to_do_with_it(
    plan: str, plans: tuple[str, ...], journal: Journal
) -> None:
    record = removed(replace(IN_TWO, journal=BUSY), plan, 9)
    assert (record.plans, record.succession.rotation, record.journal) == (plans, 9, journal)
    assert removed(replace(IN_TWO, succession=Succession()), plan).succession.rotation == 0
