"""What a run notes of an API before it acts: holds, actions, and what a run that died left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyward.apis import words
from keyward.apis.actions import Attach, Deploy, Held, Require
from keyward.apis.hold_words import HeldStage
from keyward.apis.model import (
    APPROVED,
    PENDING,
    PLAN,
    REJECTED,
    REMIND_SECONDS,
    ROLLBACK,
    Attachment,
    Deployment,
    Difference,
    Hold,
    StageSnapshot,
    WorkingMethod,
)
from keyward.apis.plan import ApiPlan, rolled_back
from keyward.events.caller import Editor
from keyward.values import JSON
from tests.runs.journal_lab import API, ATTACH, DEPLOY, NOW, REQUIRE, JournalLab
from tests.support import MACHINE, STACK, Bench

EDITOR = Editor("ann", "PutMethod", "2026-11-19T01:00:00Z")
OTHER = Editor("bob", "PutMethod", "2026-11-18T01:00:00Z")
FOUND = Difference("is new", "GET", "/pets")
HELD = ApiPlan(held=(Held("prod", "mark", (FOUND,)),))
# The plan whose actions for `prod` are REQUIRE and DEPLOY.
CLOSES = ApiPlan(require=(Require("/pets", "GET"),), deploy=(Deploy("prod", "live", "mark"),))
JOINS = ApiPlan(attach=(Attach("free", ("prod",)),))
RESTS = ApiPlan(settled={"prod": "live"})


@pytest.fixture
def lab(bench: Bench) -> JournalLab:
    return JournalLab(bench)


def announced(difference: Difference = FOUND, **more: object) -> JSON:
    known: JSON = {"rest_api_id": API, "stage": "prod", "fingerprint": "mark"}
    known |= {"differences": (difference,), "since": NOW}
    return words.held(HeldStage(**known | more), STACK, MACHINE)


def test_nothing_to_do_is_no_news(lab: JournalLab) -> None:
    assert lab.plan(ApiPlan()) is False
    assert lab.noted() == set()


def test_attachments_of_others_are_noted_as_seen_now(lab: JournalLab) -> None:
    seen = (
        Attachment("prod", "free", "p1", int(NOW), True, by_hand=True),
        Attachment("test", "pro", "p2", int(NOW), True, by_hand=True),
    )
    assert lab.plan(ApiPlan(first_seen=seen)) is False
    assert lab.records.attachments == seen
    stages = lab.bench.registry.plan_stages
    assert (stages.of("free"), stages.of("pro")) == ([(API, "prod")], [(API, "test")])
    item = lab.bench.tables["PlansTable"].get_item(Key={"plan": "stages#free"})["Item"]
    assert item["read_at"] == int(NOW)


def test_a_new_hold_is_noted_and_told_with_who_edited(lab: JournalLab) -> None:
    lab.bench.registry.apis.note_editor(API, OTHER)
    lab.bench.registry.edits.note(API, "r1", "GET", EDITOR)
    method = WorkingMethod("r1", "/pets", "GET", {})
    assert lab.plan(HELD, working=(method,)) is True
    known = replace(FOUND, editor=EDITOR)
    assert lab.outbox == {"outbox#ApiHeld#prod": announced(known, editor=OTHER)}
    assert lab.records.holds == (Hold("prod", "mark", held_at=int(NOW), told_at=int(NOW)),)


def test_without_a_working_copy_nobody_edited(lab: JournalLab) -> None:
    lab.bench.registry.edits.note(API, "r1", "GET", EDITOR)
    assert lab.plan(HELD)
    assert lab.outbox == {"outbox#ApiHeld#prod": announced()}


@pytest.mark.parametrize(("kind", "deployment_id"), [(ROLLBACK, "former"), (PLAN, None)])
def test_a_hold_of_another_kind_is_nobodys_edit(
    lab: JournalLab, kind: str, deployment_id: str | None
) -> None:
    lab.bench.registry.edits.note(API, "r1", "GET", EDITOR)
    held = Held("prod", "mark", (FOUND,), approvable=False, kind=kind, deployment_id=deployment_id)
    method = WorkingMethod("r1", "/pets", "GET", {})
    assert lab.plan(ApiPlan(held=(held,)), working=(method,))
    assert lab.outbox == {"outbox#ApiHeld#prod": announced(kind=kind, approvable=False)}
    [hold] = lab.records.holds
    assert (hold.kind, hold.deployment_id, hold.decision) == (kind, deployment_id, PENDING)


@pytest.mark.parametrize(
    ("decision", "age", "is_reminded"),
    [
        (PENDING, REMIND_SECONDS - 1, False),
        (PENDING, REMIND_SECONDS, True),
        (APPROVED, REMIND_SECONDS, True),
        (REJECTED, REMIND_SECONDS, False),
    ],
)
def test_of_an_old_hold_people_are_reminded(
    lab: JournalLab, decision: str, age: int, is_reminded: bool
) -> None:
    before = lab.held(at=NOW - age, decision=decision)
    lab.told()
    plan = ApiPlan(held=(Held("prod", "mark", (FOUND,), before),))
    assert lab.plan(plan) is is_reminded
    event = announced(since=NOW - age, reminder=True)
    assert lab.outbox == ({"outbox#ApiHeld#prod": event} if is_reminded else {})
    told_at = int(NOW) if is_reminded else before.told_at
    assert lab.records.holds == (replace(before, told_at=told_at),)


def test_actions_are_noted_for_each_stage(lab: JournalLab) -> None:
    both = replace(JOINS, attach=(Attach("free", ("prod", "dev")),))
    stages = [StageSnapshot(name, "live") for name in ("test", "prod", "dev")]
    assert lab.plan(both, *stages) is False
    assert {stage: len(actions) for stage, actions in lab.records.planned.items()} == {
        "prod": 1,
        "dev": 1,
    }
    [done] = lab.records.planned["dev"]
    assert done["action"] == "attach_stage"


def test_actions_come_beside_those_of_a_run_that_died(lab: JournalLab) -> None:
    lab.planned("prod", ATTACH, DEPLOY)
    lab.plan(CLOSES)
    assert lab.records.planned == {"prod": (ATTACH, DEPLOY, REQUIRE)}


def test_actions_that_are_noted_are_not_written_again(lab: JournalLab) -> None:
    lab.planned("prod", REQUIRE, DEPLOY)
    item = {"rest_api_id": API, "record": "planned#prod", "stage": "prod", "kept": True}
    lab.bench.tables["ApisTable"].put_item(Item=item | {"actions": [REQUIRE, DEPLOY]})
    lab.plan(CLOSES)
    found = lab.bench.tables["ApisTable"].get_item(
        Key={"rest_api_id": API, "record": "planned#prod"}
    )
    assert found["Item"]["kept"]


@pytest.mark.parametrize(
    ("live", "is_deploying", "left"),
    [
        ("ours", False, (ATTACH, REQUIRE)),
        ("live", True, (ATTACH, REQUIRE)),
        ("live", False, (ATTACH,)),
    ],
)
def test_a_deployment_that_nothing_needs_any_more_is_not_waited_for(
    lab: JournalLab, live: str, is_deploying: bool, left: tuple[JSON, ...]
) -> None:
    lab.planned("prod", ATTACH, REQUIRE, DEPLOY)
    lab.ours("ours")
    if is_deploying:
        lab.deploying("prod")
    lab.plan(replace(JOINS, attach=(Attach("pro", ("prod",)),)), StageSnapshot("prod", live))
    *before, last = lab.records.planned["prod"]
    assert (tuple(before), last["plan"]) == (left, "pro")


def test_without_a_deployment_all_that_was_noted_stays(lab: JournalLab) -> None:
    lab.planned("prod", REQUIRE)
    lab.plan(JOINS)
    assert lab.records.planned["prod"][0] == REQUIRE


@pytest.mark.parametrize(
    ("live", "is_deploying", "done"),
    [
        ("ours", False, [ATTACH, REQUIRE, DEPLOY]),
        ("live", True, [ATTACH, REQUIRE]),
        ("live", False, [ATTACH]),
    ],
)
def test_what_a_run_that_died_did_is_told(
    lab: JournalLab, live: str, is_deploying: bool, done: list[JSON]
) -> None:
    lab.planned("prod", ATTACH, REQUIRE, DEPLOY)
    lab.ours("ours")
    if is_deploying:
        lab.deploying("prod")
    assert lab.plan(ApiPlan(settled={"prod": live})) is True
    assert lab.outbox == {"outbox#ApiProtected#prod": lab.acted("ApiProtected", done)}
    assert lab.noted() == {"deployment#ours", "outbox#ApiProtected#prod"}


def test_what_is_to_be_taken_back_stays_noted(lab: JournalLab) -> None:
    lab.planned("prod", ATTACH)
    waives = replace(RESTS, waive=(Require("/pets", "GET", is_waived=True),))
    assert lab.plan(waives) is False
    assert lab.noted() == {"planned#prod"}


@pytest.mark.parametrize("noted", ["planned", "exposure", "hold", None])
def test_of_a_stage_at_rest_all_is_forgotten(lab: JournalLab, noted: str | None) -> None:
    if noted == "exposure":
        lab.exposed("prod")
    if noted == "hold":
        lab.held()
        lab.told()
    if noted == "planned":
        lab.planned("prod", REQUIRE)
    else:
        lab.note("deploying#prod")
    lab.note("deploying#test")
    assert lab.plan(RESTS) is False
    assert lab.outbox == {}
    left = {"deploying#test"} if noted else {"deploying#test", "deploying#prod"}
    assert lab.noted() == left


def test_news_of_one_stage_and_the_rest_of_another_are_both_noted(lab: JournalLab) -> None:
    lab.planned("test", ATTACH)
    plan = replace(HELD, settled={"dev": "live", "test": "live"})
    assert lab.plan(plan) is True
    assert {*lab.outbox} == {"outbox#ApiHeld#prod", "outbox#ApiProtected#test"}


def test_a_stage_that_was_rolled_back_is_held_there(lab: JournalLab) -> None:
    ours = Deployment("ours", "prod", "former", (), "mark")
    lab.journal.hold_back(ours)
    event = announced(rolled_back("former"), kind=ROLLBACK)
    assert lab.outbox == {"outbox#ApiHeld#prod": event}
    now = int(NOW)
    held = Hold("prod", "mark", PENDING, ROLLBACK, now, now, "former")
    assert lab.records.holds == (held,)
