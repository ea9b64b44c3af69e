"""What a run notes of an API in modes observe and warn, and how what was noted comes to its end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyward.apis import words
from keyward.apis.actions import Attach, Held
from keyward.apis.compare import digest
from keyward.apis.loops import REMEMBERED_SECONDS, Closing
from keyward.apis.model import APPROVED, DEPLOYMENT, KEYS, PLAN, ROLLBACK, Attachment
from keyward.apis.observed import Exposure
from keyward.apis.plan import ApiPlan
from keyward.events.caller import CallerIdentity
from keyward.runs.apis.journal import UNREADABLE
from keyward.values import JSON
from tests.runs.journal_lab import (
    API,
    ATTACH,
    DEPLOY,
    NOW,
    REQUIRE,
    JournalLab,
    StageSnapshot,
    failed,
)
from tests.support import MACHINE, Bench

PROD, TEST, DEV = (StageSnapshot(name, "live") for name in ("prod", "test", "dev"))
OPEN = Exposure("prod", "mark", (REQUIRE, {"action": "deploy_api", "stage": "prod"}))
# All that may be noted of a stage until it is protected.
NOTED = {"deploying#prod", "exposure#prod", "hold#prod", "planned#prod"}


@pytest.fixture
def lab(bench: Bench) -> JournalLab:
    return JournalLab(bench)


def everything(lab: JournalLab) -> None:
    """A stage of which all is noted, and one beside it."""
    for stage in ("prod", "test"):
        lab.exposed(stage)
        lab.planned(stage, ATTACH, DEPLOY)
        lab.note(f"deploying#{stage}")
    for stage in ("prod", "test"):
        lab.held(stage)


def left_of(lab: JournalLab, stage: str = "prod") -> set[str]:
    return {name for name in lab.noted() if name.endswith(f"#{stage}")}


def test_a_stage_that_is_protected_is_told_and_what_led_to_it_forgotten(lab: JournalLab) -> None:
    everything(lab)
    others = left_of(lab, "test")
    lab.journal.protected("prod", [ATTACH], "no customer")
    assert left_of(lab) == {"outbox#ApiProtected#prod"}
    assert left_of(lab, "test") == others
    event = lab.acted("ApiProtected", [ATTACH], "no customer")
    assert lab.outbox["outbox#ApiProtected#prod"] == event
    assert event["detail"]["reason"] == "no customer"


def test_a_probe_that_was_not_left_out_needs_no_reason(lab: JournalLab) -> None:
    lab.journal.protected("prod", [DEPLOY])
    assert lab.outbox == {"outbox#ApiProtected#prod": lab.acted("ApiProtected", [DEPLOY])}


def closings(lab: JournalLab, number: int, stage: str = "prod") -> tuple[Closing, ...]:
    made = tuple(
        Closing(stage, f"d{place}", int(NOW) - 100 + place, int(NOW) - 200, ("GET /pets",))
        for place in range(number)
    )
    for one in made:
        lab.bench.registry.storms.closing(API, one)
    return made


def test_a_source_that_opens_a_stage_again_and_again_is_told(lab: JournalLab) -> None:
    made = closings(lab, 3)
    mover = CallerIdentity("prod", "pipeline", at="2026-11-23T10:05:00Z")
    lab.bench.registry.storms.moved(API, mover, "theirs")
    old = Closing("prod", "old", int(NOW) - REMEMBERED_SECONDS, 0, ("GET /pets",))
    lab.bench.registry.storms.closing(API, old)
    lab.journal.protected("prod", [REQUIRE, DEPLOY])
    event = words.source_open(API, "prod", ["GET /pets"], made, mover, MACHINE)
    assert lab.outbox["outbox#SourceOpen#prod"] == event
    assert {*lab.outbox} == {"outbox#SourceOpen#prod", "outbox#ApiProtected#prod"}


@pytest.mark.parametrize(
    ("number", "stage", "actions"),
    [(2, "prod", [DEPLOY]), (3, "test", [DEPLOY]), (3, "prod", [ATTACH])],
    ids=["twice", "another stage", "nothing deployed"],
)
def test_a_source_that_opened_nothing_again_is_not_told(
    lab: JournalLab, number: int, stage: str, actions: list[JSON]
) -> None:
    closings(lab, number, stage)
    lab.journal.protected("prod", actions)
    assert {*lab.outbox} == {"outbox#ApiProtected#prod"}


def test_a_stage_that_joined_its_plans_and_exposes_nothing_is_protected(lab: JournalLab) -> None:
    lab.exposed("test")
    lab.planned("prod", ATTACH)
    lab.journal.attached("prod", [ATTACH], lab.records)
    assert lab.outbox == {"outbox#ApiProtected#prod": lab.acted("ApiProtected", [ATTACH])}
    assert left_of(lab) == {"outbox#ApiProtected#prod"}


def test_a_stage_that_joined_its_plans_and_is_open_is_not_protected(lab: JournalLab) -> None:
    everything(lab)
    lab.told()
    lab.journal.attached("prod", [ATTACH], lab.records)
    event = lab.acted("PolicyApplied", [ATTACH], words.ATTACHED)
    assert lab.outbox == {"outbox#PolicyApplied#prod": event}
    assert left_of(lab) == {"deploying#prod", "exposure#prod", "outbox#PolicyApplied#prod"}


def test_in_mode_observe_what_a_run_that_died_attached_is_told(lab: JournalLab) -> None:
    for stage in ("prod", "test", "dev"):
        lab.planned(stage, ATTACH)
    lab.exposed("dev")
    held = ApiPlan(held=(Held("test", "mark", (), kind=PLAN),))
    lab.attachments(held, PROD, TEST, DEV)
    assert {*lab.outbox} == {
        "outbox#ApiHeld#test",
        "outbox#ApiProtected#prod",
        "outbox#PolicyApplied#dev",
    }
    assert lab.outbox["outbox#ApiProtected#prod"] == lab.acted("ApiProtected", [ATTACH])
    assert {*lab.records.planned} == {"test"}


def test_what_is_under_way_or_was_more_than_attached_is_not_told(lab: JournalLab) -> None:
    for stage in ("prod", "test"):
        lab.planned(stage, ATTACH)
    lab.planned("dev", ATTACH, REQUIRE)
    lab.planned("gone", ATTACH)
    lab.attachments(ApiPlan(attach=(Attach("pro", ("prod", "test")),)), PROD, TEST, DEV)
    assert lab.outbox == {}
    assert {*lab.records.planned} == {"prod", "test", "dev", "gone"}
    for stage in ("prod", "test"):
        assert len(lab.records.planned[stage]) == 2


def test_a_hold_for_a_plan_ends_where_nothing_needs_it_any_more(lab: JournalLab) -> None:
    before = lab.held("prod", kind=PLAN)
    lab.held("test", kind=PLAN)
    lab.held("dev", kind=DEPLOYMENT)
    lab.attachments(ApiPlan(held=(Held("prod", "mark", (), before, kind=PLAN),)), PROD, TEST, DEV)
    assert {hold.stage for hold in lab.records.holds} == {"prod", "dev"}
    assert {*lab.outbox} == {"outbox#ApiHeld#prod", "outbox#ApiHeld#dev"}


def exposures(
    lab: JournalLab, *found: Exposure, stages: tuple[str, ...] = ("prod",), on: str | None = None
) -> list[str]:
    return lab.journal.exposures(found, lab.records, stages, on)


def test_what_is_exposed_is_noted_and_told_once(lab: JournalLab) -> None:
    assert exposures(lab, OPEN) == ["prod"]
    event = words.exposed(API, "prod", OPEN.actions, MACHINE)
    assert lab.outbox == {"outbox#ApiExposed#prod": event}
    assert lab.records.exposures == {"prod": "mark"}
    lab.told()
    assert exposures(lab, OPEN) == []
    assert lab.outbox == {}
    both = (OPEN, replace(OPEN, stage="test"))
    assert exposures(lab, *both, stages=("prod", "test")) == ["test"]
    assert exposures(lab, replace(OPEN, fingerprint="other")) == ["prod"]
    assert lab.records.exposures == {"prod": "other", "test": "mark"}


def test_mode_warn_tells_anew_with_its_day_and_with_another_day(lab: JournalLab) -> None:
    exposures(lab, OPEN)
    lab.told()
    for day in ("2026-12-01", "2026-12-02"):
        assert exposures(lab, OPEN, on=day) == ["prod"]
        event = words.exposed(API, "prod", OPEN.actions, MACHINE, day)
        assert lab.outbox == {"outbox#ApiWarned#prod": event}
        assert lab.records.exposures == {"prod": digest(["mark", day])}
        lab.told()
        assert exposures(lab, OPEN, on=day) == []


def test_what_is_no_longer_exposed_is_new_when_it_comes_again(lab: JournalLab) -> None:
    for stage in ("prod", "test", "dev"):
        lab.exposed(stage)
    assert exposures(lab, OPEN, stages=("prod", "test", "other")) == []
    assert {*lab.records.exposures} == {"prod", "dev"}
    assert exposures(lab, OPEN, replace(OPEN, stage="test"), stages=("prod", "test")) == ["test"]


@pytest.mark.parametrize(
    ("tagged", "before", "day", "after"),
    [
        (True, None, "2026-12-01", "2026-12-01"),
        (True, "2026-12-01", "2026-12-02", "2026-12-02"),
        (True, None, None, None),
        (True, "2026-12-01", None, "2026-12-01"),
        (False, "2026-12-01", None, None),
        (False, None, "2026-12-01", None),
        (False, "2026-12-01", "2026-12-02", None),
    ],
)
def test_the_day_of_mode_warn_is_noted_while_the_api_is_in_it(
    lab: JournalLab, tagged: bool, before: str | None, day: str | None, after: str | None
) -> None:
    if before:
        lab.bench.registry.apis.warn(API, before)
    lab.journal.warning(tagged, lab.records, day)
    assert lab.records.enforce_on == after


def test_a_day_that_is_noted_is_not_written_again(lab: JournalLab) -> None:
    item = {"rest_api_id": API, "record": "warning", "enforce_on": "2026-12-01", "kept": True}
    table = lab.bench.tables["ApisTable"]
    table.put_item(Item=item)
    lab.journal.warning(True, lab.records, "2026-12-01")
    assert table.get_item(Key={"rest_api_id": API, "record": "warning"})["Item"] == item


@pytest.mark.parametrize("noted", ["hold", "planned", "exposure"])
def test_what_was_noted_of_a_stage_that_is_gone_is_forgotten(lab: JournalLab, noted: str) -> None:
    for stage in ("prod", "test"):
        if noted == "hold":
            lab.held(stage)
        elif noted == "planned":
            lab.planned(stage, ATTACH)
        else:
            lab.exposed(stage)
        lab.note(f"deploying#{stage}")
        at = Attachment(stage, "free", "p1", int(NOW), True)
        lab.bench.registry.apis.attached(API, at)
    lab.told()
    lab.journal.gone(lab.records, iter(["test", "dev"]))
    kept = {f"{noted}#test", "deploying#test", "attachment#test#free"}
    assert lab.noted() == kept


def test_holds_end_all_or_of_some_kinds_with_what_waits_to_tell_them(lab: JournalLab) -> None:
    for stage, kind in (("dev", KEYS), ("prod", DEPLOYMENT), ("test", ROLLBACK)):
        lab.held(stage, kind=kind, decision=APPROVED)
    lab.planned("prod", ATTACH)
    lab.journal.end_holds(lab.records, (DEPLOYMENT, ROLLBACK))
    assert lab.noted() == {"hold#dev", "outbox#ApiHeld#dev", "planned#prod"}
    lab.held("prod", kind=PLAN)
    lab.journal.end_holds(lab.records)
    assert lab.noted() == {"planned#prod"}


def test_a_stage_that_failed_is_told_and_planned_anew(lab: JournalLab) -> None:
    everything(lab)
    lab.told()
    lab.journal.failed("prod", "it did not work")
    assert lab.outbox == {"outbox#ApiFailed#prod": failed("prod", "it did not work")}
    assert NOTED - left_of(lab) == {"planned#prod"}
    assert {*lab.records.planned} == {"test"}


def test_a_stage_that_nobody_could_read_keeps_what_was_planned(lab: JournalLab) -> None:
    everything(lab)
    lab.told()
    lab.journal.unverified("prod")
    assert lab.outbox == {"outbox#ApiFailed#prod": failed("prod", UNREADABLE)}
    assert left_of(lab) >= NOTED


def test_a_stage_that_went_back_is_told_and_its_rollback_done(lab: JournalLab) -> None:
    everything(lab)
    lab.told()
    lab.note("rollback#prod", "rollback#test")
    lab.journal.rolled_back("prod", "ours", "as was wanted")
    action = {"action": "roll_back_stage", "stage": "prod", "deployment_id": "ours"}
    event = lab.acted("ApiRolledBack", [action], "as was wanted")
    assert lab.outbox == {"outbox#ApiRolledBack#prod": event}
    assert NOTED - left_of(lab) == {"planned#prod"}
    assert "rollback#prod" not in lab.noted()
    assert left_of(lab, "test") >= {"rollback#test", "planned#test"}


@pytest.mark.parametrize("is_held", [True, False])
def test_a_rollback_that_cannot_be_done_is_given_up(lab: JournalLab, is_held: bool) -> None:
    everything(lab)
    lab.note("rollback#prod", "mover#prod")
    lab.journal.give_up("prod", is_held)
    held = {"hold#prod", "outbox#ApiHeld#prod"}
    assert left_of(lab) == (NOTED | held if not is_held else NOTED - held)
    assert "hold#test" in lab.noted()
