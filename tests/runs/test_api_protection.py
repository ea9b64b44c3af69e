"""What a dry run of protect-api tells, and what a run in mode enforce does and notes before."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.apis.model import APPROVED, DEPLOYMENT, ROLLBACK
from keyward.apis.progress import ROLL_BACK, stage_to_verify
from keyward.errors import InvalidInputError, StageMovedError, WrongAnswerError
from keyward.events.caller import CallerIdentity
from keyward.values import JSON, iso
from tests.runs.protection_lab import CLOSED, MORE, ProtectionLab, names
from tests.runs.read_lab import PETS, exempt
from tests.support import Bench


@pytest.fixture
def lab(bench: Bench) -> ProtectionLab:
    return ProtectionLab(bench)


@pytest.mark.parametrize("mode", ["enforce", "warn", None])
def test_a_dry_run_is_that_of_mode_enforce_and_writes_nothing(
    lab: ProtectionLab, mode: str | None
) -> None:
    api = lab.api(mode=mode)
    lab.bench.registry.plans.save_id("other", "p", "people")
    actions = lab.dry(api)
    assert names(actions) == ["attach_stage", "attach_stage", "require_key", "deploy_api"]
    assert lab.all_noted() == []


def test_a_dry_run_in_mode_off_does_nothing(lab: ProtectionLab) -> None:
    api = lab.api(mode="off")
    before = len(lab.bench.operations())
    assert lab.dry(api) == []
    assert lab.calls(before) == ["GetRestApi"]


def test_a_dry_run_of_a_rollback_names_the_stage_and_its_deployment(lab: ProtectionLab) -> None:
    api = lab.api(mode="enforce")
    lab.ours(api, lab.live(api))
    action = {"action": ROLL_BACK, "stage": "prod", "deployment_id": lab.live(api)}
    before = lab.all_noted()
    assert lab.dry(api, rollback=True, stage="prod") == [action]
    assert lab.all_noted() == before
    assert "attach_stage" in names(lab.dry(api, stage="prod"))
    lab.hold(api, kind=ROLLBACK, deployment_id=lab.live(api))
    assert lab.dry(api, rollback=True, stage="prod") == []


def test_a_dry_run_may_be_of_one_stage(lab: ProtectionLab) -> None:
    api = lab.attached(PETS, "prod", "test")
    deployed = [action for action in lab.dry(api, stage="test") if "stage" in action]
    assert [action["stage"] for action in deployed] == ["test"]


def test_what_is_too_much_for_one_plan_comes_later(
    lab: ProtectionLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keyward.runs.apis.read.MAX_EXPOSED_STAGES", 1)
    api = lab.attached(PETS, "prod", "test", "dev")
    lab.hold(api, "prod", told_at=1)
    first, *later = [action for action in lab.dry(api) if "stage" in action]
    assert first["action"] == "deploy_api"
    assert [one["action"] for one in later] == ["plan_later", "plan_later"]
    assert {"prod", "test", "dev"} == {first["stage"], *(one["stage"] for one in later)}
    steps = lab.steps(api)
    assert [item["stage"] for item in steps["deploy"]] == [first["stage"]]
    assert steps["stages"] == [{"stage": first["stage"], "outcome": "unchanged"}]
    assert steps["has_more"] is True
    for one in later:
        lab.hold(api, one["stage"], told_at=1)
    assert lab.steps(api)["has_more"] is False
    lab.hold(api, later[0]["stage"], told_at=1, decision=APPROVED)
    assert lab.steps(api)["has_more"] is True


# Mode enforce.


def test_in_mode_enforce_what_is_exposed_is_closed(lab: ProtectionLab) -> None:
    api = lab.attached(PETS, "prod", "shut")
    lab.edit(api, CLOSED)
    lab.deploy(api, "shut")
    lab.edit(api, PETS)
    steps = lab.steps(api)
    [require], [deploy] = steps["require"], steps["deploy"]
    assert (require["method"], require["path"]) == ("GET", "/pets")
    assert (deploy["stage"], deploy["deployment_id"]) == ("prod", lab.live(api))
    assert (steps["attach"], steps["has_more"], steps["api_name"]) == ((), False, "shop")
    assert steps["stages"] == [
        {"stage": "prod", "outcome": "unchanged"},
        {"stage": "shut", "outcome": "unchanged"},
    ]
    records = lab.records(api)
    assert names([*records.planned["prod"]]) == ["require_key", "deploy_api"]
    served = lab.bench.registry.apis.served
    assert served.load(api, lab.live(api), lab.bench.clock.now())


def test_of_an_api_that_is_closed_no_working_copy_is_read(lab: ProtectionLab) -> None:
    api = lab.attached(CLOSED)
    assert lab.steps(api)["deploy"] == ()
    assert "GetResources" not in lab.bench.operations()


@pytest.mark.parametrize(("name", "is_closed"), [("shop", False), ("store", True)])
def test_an_exemption_may_name_its_api(lab: ProtectionLab, name: str, is_closed: bool) -> None:
    api = lab.attached()
    lab.policy = exempt(name)
    assert bool(lab.steps(api)["deploy"]) is is_closed


def test_what_was_required_and_is_exempt_now_is_taken_back(lab: ProtectionLab) -> None:
    api = lab.attached()
    lab.steps(api)
    lab.require(api)
    lab.policy = exempt()
    [require] = lab.steps(api)["require"]
    assert (require["path"], require["is_waived"]) == ("/pets", True)


def test_unfinished_work_is_held_and_told(lab: ProtectionLab) -> None:
    api = lab.attached()
    lab.edit(api, MORE)
    steps = lab.steps(api)
    [hold] = lab.records(api).holds
    assert (hold.stage, hold.kind) == ("prod", DEPLOYMENT)
    held = {"stage": "prod", "outcome": "held", "fingerprint": hold.fingerprint}
    assert steps["stages"] == [{"stage": "prod", "outcome": "unchanged"}, held]
    assert steps["deploy"] == ()
    assert "outbox#ApiHeld#prod" in lab.records(api).outbox
    assert lab.steps(api)["has_more"] is False
    approved = lab.steps(api, approve=hold.fingerprint)
    assert [item["fingerprint"] for item in approved["deploy"]] == [hold.fingerprint]


def test_an_approval_is_of_what_is_held_planned_or_answered(lab: ProtectionLab) -> None:
    api = lab.attached()
    [deploy] = lab.steps(api)["deploy"]
    assert lab.records(api).answers == {}
    assert lab.steps(api, approve=deploy["fingerprint"])["deploy"] == (deploy,)
    assert lab.records(api).answers == {"prod": deploy["fingerprint"]}
    with pytest.raises(WrongAnswerError) as refused:
        lab.steps(api, approve="0f1e2d3c4b5a6978")
    assert str(refused.value).startswith("approve: must be the fingerprint of a stage that is")
    assert "0f1e2d3c4b5a6978" in str(refused.value)
    lab.bench.registry.apis.note_answer(api, "test", "0f1e2d3c4b5a6978")
    assert lab.steps(api, approve="0f1e2d3c4b5a6978")["deploy"] == (deploy,)


def moving(lab: ProtectionLab, api: str, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The team deploys to the stage while the working copy is read."""
    read = lab.bench.gateway.working_copy

    def and_deploy(rest_api_id: str) -> Any:
        found = read(rest_api_id)
        lab.deploy(api, stage)
        return found

    monkeypatch.setattr(lab.bench.gateway, "working_copy", and_deploy)


@pytest.mark.parametrize("stage", ["prod", "new"])
def test_a_stage_that_is_moved_while_it_is_read_is_not_held(
    lab: ProtectionLab, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = lab.attached()
    lab.edit(api, MORE)
    moving(lab, api, stage, monkeypatch)
    if stage == "new":
        lab.steps(api)
        assert lab.records(api).holds
        return
    with pytest.raises(StageMovedError) as moved:
        lab.steps(api)
    assert str(moved.value) == "stage prod was moved while the API was read"
    assert lab.records(api).holds == ()


def test_what_is_held_already_is_not_looked_at_twice(lab: ProtectionLab) -> None:
    api = lab.attached()
    lab.edit(api, MORE)
    lab.steps(api)
    before = len(lab.bench.operations())
    lab.steps(api)
    assert lab.calls(before).count("GetStages") == 1


def test_what_an_earlier_run_left_unproven_comes_first(lab: ProtectionLab) -> None:
    api = lab.attached()
    lab.ours(api, lab.live(api))
    action: JSON = {"action": "deploy_api", "stage": "prod", "fingerprint": "m"}
    lab.bench.registry.apis.plan_actions(api, "prod", [action])
    item = stage_to_verify("prod", lab.live(api), {})
    assert lab.steps(api) == {"verify": (item,), "unproven": True, "api_name": "shop"}
    at = iso(lab.bench.clock.now())
    lab.bench.registry.storms.moved(api, CallerIdentity("prod", at=at), "theirs")
    item = stage_to_verify("prod", lab.live(api), {}, ROLL_BACK) | {"to": "theirs"}
    assert lab.steps(api) == {"verify": (item,), "unproven": True, "api_name": "shop"}


def test_what_is_remembered_of_stages_that_are_gone_is_forgotten(lab: ProtectionLab) -> None:
    api = lab.attached(CLOSED)
    lab.hold(api, "gone")
    lab.steps(api, stage="prod")
    assert [hold.stage for hold in lab.records(api).holds] == ["gone"]
    lab.steps(api)
    assert lab.records(api).holds == ()


def test_a_stage_may_be_protected_alone(lab: ProtectionLab) -> None:
    api = lab.attached(PETS, "prod", "test")
    assert [item["stage"] for item in lab.steps(api, stage="test")["deploy"]] == ["test"]
    with pytest.raises(InvalidInputError, match="the API has no stage dev"):
        lab.steps(api, stage="dev")
