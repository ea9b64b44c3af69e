"""What a run of protect-api does in modes off, observe and warn, and before it looks at a mode."""

from __future__ import annotations

import pytest

from keyward.apis.model import DEPLOYMENT, KEYS, PENDING, PLAN, ROLLBACK
from keyward.apis.progress import ROLL_BACK, stage_to_verify
from keyward.aws.tables.outbox import record_name
from keyward.errors import ApiNotFoundError, WrongAnswerError
from keyward.policy.model import Policy
from keyward.values import DAY, JSON, iso
from tests.runs.protection_lab import CLOSED, ProtectionLab
from tests.runs.read_lab import PETS, policy
from tests.support import MACHINE, Bench


@pytest.fixture
def lab(bench: Bench) -> ProtectionLab:
    return ProtectionLab(bench)


def back(deployment_id: str) -> JSON:
    return stage_to_verify("prod", deployment_id, {}, ROLL_BACK) | {"rollback": True}


def test_in_mode_off_holds_end_and_stages_are_named(lab: ProtectionLab) -> None:
    api = lab.api(PETS, "prod", "test", mode="off")
    lab.hold(api, "prod", kind=KEYS)
    found = lab.steps(api)
    assert found == {"stages": [{"stage": name, "outcome": "off"} for name in ("prod", "test")]}
    assert lab.records(api).holds == ()
    assert lab.steps(api, stage="test") == {"stages": [{"stage": "test", "outcome": "off"}]}


def test_an_api_that_is_gone_is_told(lab: ProtectionLab) -> None:
    with pytest.raises(ApiNotFoundError):
        lab.steps("a1b2c3d4e5")


@pytest.mark.parametrize("mode", ["enforce", "off", "observe"])
def test_what_a_person_wants_back_comes_alone(lab: ProtectionLab, mode: str) -> None:
    api = lab.api(mode=mode)
    live = lab.live(api)
    lab.ours(api, live)
    lab.bench.registry.apis.request_rollback(api, "prod", lab.bench.clock.now())
    assert lab.steps(api, stage="prod", rollback=True) == {"verify": (back(live),)}
    assert lab.records(api).planned == {}


def test_what_cannot_come_back_is_refused_or_told(lab: ProtectionLab) -> None:
    api = lab.api(CLOSED, mode="observe")
    lab.bench.registry.apis.request_rollback(api, "prod", lab.bench.clock.now())
    with pytest.raises(WrongAnswerError):
        lab.steps(api, stage="prod", rollback=True)
    lab.bench.registry.apis.request_rollback(api, "prod", lab.bench.clock.now())
    assert "stages" in lab.steps(api)
    [event] = lab.records(api).outbox.values()
    assert (event["detail_type"], event["detail"]["execution_arn"]) == ("ApiFailed", MACHINE)


# Modes observe and warn.


@pytest.mark.parametrize("mode", ["observe", None])
def test_in_mode_observe_what_is_exposed_is_told_and_nothing_is_done(
    lab: ProtectionLab, mode: str | None
) -> None:
    api = lab.attached(PETS, "prod", mode=mode)
    lab.edit(api, CLOSED)
    lab.deploy(api, "shut")
    assert lab.steps(api) == {
        "exposed": ({"stage": "prod", "log_arn": "", "log_format": ""},),
        "attach": (),
        "api_name": "shop",
        "stages": [
            {"stage": "prod", "outcome": "exposed"},
            {"stage": "shut", "outcome": "unchanged"},
        ],
    }
    records = lab.records(api)
    assert {*records.exposures} == {"prod"}
    event = records.outbox["outbox#ApiExposed#prod"]
    assert event["detail"]["execution_arn"] == MACHINE
    assert "GetResources" not in lab.bench.operations()


def logged(lab: ProtectionLab, api: str, stage: str) -> None:
    values = {"destinationArn": f"arn:aws:logs:eu-west-1:123456789012:log-group:{stage}"}
    values["format"] = "$context.requestId"
    operations = [
        {"op": "replace", "path": f"/accessLogSettings/{name}", "value": value}
        for name, value in values.items()
    ]
    lab.bench.client.update_stage(restApiId=api, stageName=stage, patchOperations=operations)


def test_an_event_that_waits_without_its_report_is_reported(lab: ProtectionLab) -> None:
    api = lab.api(PETS, "prod", "test", mode="observe")
    logged(lab, api, "prod")
    first = lab.steps(api)
    assert [log["stage"] for log in first["exposed"]] == ["prod", "test"]
    [log, _] = first["exposed"]
    assert log["log_arn"].endswith(":log-group:prod")
    assert log["log_format"] == "$context.requestId"
    assert lab.steps(api)["exposed"] == first["exposed"]
    box, now = lab.bench.registry.apis.outbox, lab.bench.clock.now()
    name = record_name("ApiExposed", "prod")
    event = lab.records(api).outbox[name]
    box.put(api, name, event | {"detail": event["detail"] | {"report": {}}}, now)
    assert [log["stage"] for log in lab.steps(api)["exposed"]] == ["test"]
    box.forget(api, [*lab.records(api).outbox])
    assert lab.steps(api)["exposed"] == ()
    box.put(api, record_name("ApiWarned", "test"), event, now)
    box.put(api, record_name("ApiHeld", "prod"), event, now)
    assert [log["stage"] for log in lab.steps(api)["exposed"]] == ["test"]


def test_in_mode_observe_holds_for_deployments_and_rollbacks_end(lab: ProtectionLab) -> None:
    api = lab.api(CLOSED, "prod", "test", "dev", mode="observe")
    for stage, kind in (("prod", DEPLOYMENT), ("test", ROLLBACK), ("dev", KEYS)):
        lab.hold(api, stage, kind=kind)
    lab.steps(api)
    assert [hold.stage for hold in lab.records(api).holds] == ["dev"]


def named(api: str) -> Policy:
    return policy(usage_plans={"free": {"apis": [api], "stages": ["prod"]}})


def test_in_mode_observe_stages_join_the_plans_that_name_their_api(lab: ProtectionLab) -> None:
    api = lab.api(CLOSED, "prod", mode="observe")
    lab.policy = named(api)
    assert lab.steps(api)["attach"] == ({"plan": "free", "stages": ["prod"]},)
    assert {*lab.records(api).planned} == {"prod"}


def test_a_stage_in_a_plan_of_others_is_held_until_that_is_approved(lab: ProtectionLab) -> None:
    api = lab.api(CLOSED, "prod", mode="observe")
    lab.policy = named(api)
    lab.plan("theirs", (api, "prod"))
    found = lab.steps(api)
    [hold] = lab.records(api).holds
    assert (hold.kind, hold.decision) == (PLAN, PENDING)
    held = {"stage": "prod", "outcome": "held", "fingerprint": hold.fingerprint}
    assert found["stages"] == [{"stage": "prod", "outcome": "unchanged"}, held]
    assert found["attach"] == ()
    assert lab.steps(api)["attach"] == ()
    lab.bench.registry.apis.note_answer(api, "prod", hold.fingerprint)
    assert lab.steps(api, approve=hold.fingerprint)["attach"] == (
        {"plan": "free", "stages": ["prod"]},
    )
    with pytest.raises(WrongAnswerError):
        lab.steps(api, approve="0f1e2d3c4b5a6978")


def test_mode_warn_tells_its_day_keeps_it_and_then_enforces(lab: ProtectionLab) -> None:
    api = lab.attached(mode="warn")
    day = iso(lab.bench.clock.now() + lab.policy.warn_days * DAY)[:10]
    assert lab.steps(api)["exposed"]
    records = lab.records(api)
    assert records.enforce_on == day
    assert records.outbox["outbox#ApiWarned#prod"]["detail"]["enforce_on"] == day
    lab.bench.clock.advance(DAY)
    lab.steps(api)
    assert lab.records(api).enforce_on == day
    lab.bench.clock.advance(lab.policy.warn_days * DAY)
    assert lab.steps(api)["deploy"]
    assert lab.records(api).enforce_on == day
    lab.tag(api, "observe")
    lab.steps(api)
    assert lab.records(api).enforce_on is None
