"""Which APIs and which methods: modes, exemptions, ANY and OPTIONS, dry runs, bad input."""

from __future__ import annotations

import json

import pytest

from keyward.values import JSON
from tests.machines.api_lab import PETS, Lab
from tests.machines.machine import refusal
from tests.support import load_event

HEALTH: JSON = {"/health": {"get": None}, "/pets": {"get": None}}


def exempt(**more: str) -> JSON:
    return {"api": "*", "method": "GET", "path": "/health", "reason": "probe", **more}


@pytest.mark.parametrize("mode", ["off", "observe", None])
def test_only_enforce_changes_anything(lab: Lab, mode: str | None) -> None:
    api_id = lab.api(mode=mode)
    lab.forget()
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.calls()[1] == []


def test_of_an_api_that_is_switched_off_only_the_names_of_its_stages_are_read(lab: Lab) -> None:
    api_id = lab.api(mode="off")
    lab.forget()
    lab.run(api_id)
    assert lab.bench.operations() == ["GetRestApi", "GetStages"]
    assert lab.bench.tables["ApisTable"].scan()["Items"] == []


def test_the_default_mode_holds_for_apis_without_a_tag(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEFAULT_MODE", "enforce")
    api_id = lab.api(mode=None)
    lab.run(api_id)
    assert lab.live(api_id)["GET /pets"]


def test_a_tag_with_a_mode_that_is_none_fails_with_the_remedy(lab: Lab) -> None:
    api_id = lab.api(mode="enfroce")
    run = lab.run(api_id, asked={"by": "audit"})
    assert refusal(run)["error"] == "InvalidInputError"
    assert "enforce, warn, observe, off" in lab.events("ApiFailed")[0]["reason"]


def test_observe_tells_what_enforce_would_do(lab: Lab) -> None:
    api_id = lab.api(mode="observe")
    lab.forget()
    lab.run(api_id)
    reads, _ = lab.calls()
    assert len(reads) <= 4
    (event,) = lab.events("ApiExposed")
    assert event["stage"] == "prod"
    assert [action["action"] for action in event["actions"]] == [
        "attach_stage",
        "attach_stage",
        "require_key",
        "deploy_api",
    ]


def test_an_exposure_is_told_once_and_again_when_it_changes(lab: Lab) -> None:
    api_id = lab.api(mode="observe")
    lab.run(api_id)
    lab.run(api_id)
    assert lab.event_types() == ["ApiExposed"]
    lab.edit(api_id, {"/more": {"get": None}}, mode="merge")
    lab.deploy(api_id)
    lab.run(api_id)
    assert lab.event_types() == ["ApiExposed", "ApiExposed"]


def test_an_exposure_that_comes_back_is_told_again(lab: Lab) -> None:
    api_id = lab.api(mode="observe")
    lab.run(api_id)
    for paths in ({"/pets": {"get": ["api_key"]}}, {"/pets": {"get": None}}):
        lab.edit(api_id, paths)
        lab.deploy(api_id)
        lab.run(api_id)
    assert lab.event_types() == ["ApiExposed", "ApiExposed"]


def test_an_exempt_method_stays_open_until_its_exemption_ends(lab: Lab) -> None:
    lab.policy(exemptions=[exempt(expires="2027-01-01")])
    api_id = lab.api(HEALTH)
    lab.run(api_id)
    assert lab.live(api_id) == {"GET /health": False, "GET /pets": True}
    # 1 January 2027, 00:00 UTC
    lab.bench.clock.advance(1_798_761_600 - lab.bench.clock.now())
    lab.run(api_id)
    assert lab.live(api_id) == {"GET /health": True, "GET /pets": True}


def test_an_exemption_of_another_api_does_not_count(lab: Lab) -> None:
    lab.policy(exemptions=[exempt(api="somebody-else")])
    api_id = lab.api(HEALTH)
    lab.run(api_id)
    assert lab.live(api_id)["GET /health"]


def test_any_closes_options_too_and_says_so(lab: Lab) -> None:
    any_method = {"x-amazon-apigateway-any-method": None}
    api_id = lab.api({"/all": any_method, "/both": {**any_method, "options": None}})
    lab.run(api_id)
    assert lab.live(api_id) == {"ANY /all": True, "ANY /both": True, "OPTIONS /both": False}
    (event,) = lab.events("ApiProtected")
    notes = {a["path"]: a.get("note") for a in event["actions"] if a["action"] == "require_key"}
    assert "OPTIONS" in notes["/all"]
    assert notes["/both"] is None


def test_methods_with_an_authorizer_need_a_key_too_unless_the_policy_says_otherwise(
    lab: Lab,
) -> None:
    paths = {"/open": {"get": None}, "/signed": {"get": ["signed"]}, "/own": {"get": ["token"]}}
    lab.policy(require_key="unauthorized")
    api_id = lab.api(paths)
    lab.run(api_id)
    assert lab.live(api_id) == {"GET /open": True, "GET /signed": False, "GET /own": False}
    lab.policy(require_key="all")
    lab.run(api_id)
    assert all(lab.live(api_id).values())


def test_a_dry_run_tells_the_actions_and_changes_nothing(lab: Lab) -> None:
    given = load_event("protect-api-dry-run")
    api_id = lab.api()
    lab.forget()
    run = lab.machine.run(given | {"rest_api_id": api_id})
    assert run.output["dry_run"] is True
    assert run.output["rest_api_id"] == api_id
    assert [action["action"] for action in run.output["actions"]] == [
        "attach_stage",
        "attach_stage",
        "require_key",
        "deploy_api",
    ]
    assert set(run.output) == {"dry_run", "rest_api_id", "actions"}
    assert lab.calls()[1] == []
    for table in ("ApisTable", "LeasesTable"):
        assert lab.bench.tables[table].scan()["Items"] == []
    assert lab.event_types() == []


def test_a_dry_run_of_a_protected_api_has_no_actions(lab: Lab) -> None:
    api_id = lab.api()
    lab.run(api_id)
    assert lab.run(api_id, dry_run=True).output["actions"] == []


def test_a_dry_run_shows_what_would_be_held(lab: Lab) -> None:
    api_id = lab.attached()
    lab.edit(api_id, PETS | {"/new": {"get": None}})
    (action,) = lab.run(api_id, dry_run=True).output["actions"]
    assert action["action"] == "hold_stage"
    assert action["differences"][0]["path"] == "/new"
    run = lab.run(api_id, approve=action["fingerprint"])
    assert run.status == "SUCCEEDED"
    assert lab.live(api_id)["GET /new"]


def test_a_dry_run_in_mode_observe_shows_what_enforce_would_do(lab: Lab) -> None:
    api_id = lab.api(mode="observe")
    actions = lab.run(api_id, dry_run=True).output["actions"]
    assert {"action": "require_key", "method": "GET", "path": "/pets"} in actions


BAD: list[tuple[JSON, str]] = [
    ({}, "rest_api_id"),
    ({"rest_api_id": 7}, "rest_api_id"),
    ({"rest_api_id": "../etc"}, "rest_api_id"),
    ({"rest_api_id": "a1b2c3d4e5", "dry_run": "yes"}, "dry_run"),
    ({"rest_api_id": "a1b2c3d4e5", "stage": "no stage"}, "stage"),
    ({"rest_api_id": "a1b2c3d4e5", "approve": "all of it"}, "approve"),
    ({"rest_api_id": "a1b2c3d4e5", "dryrun": True}, "dryrun"),
]


@pytest.mark.parametrize(("given", "field"), BAD, ids=json.dumps)
def test_bad_input_is_refused_at_once_by_the_name_of_the_field(
    lab: Lab, given: JSON, field: str
) -> None:
    run = lab.machine.run(given)
    assert refusal(run)["error"] == "InvalidInputError"
    assert refusal(run)["reason"].startswith(f"{field}: ")
    assert lab.events() == []
    assert run.retries == 0
    assert lab.bench.operations() == []


def test_a_stage_that_the_api_has_not_is_named_with_those_it_has(lab: Lab) -> None:
    api_id = lab.api(stages=("dev", "prod"))
    run = lab.run(api_id, stage="live")
    assert refusal(run)["error"] == "InvalidInputError"
    assert "dev, prod" in refusal(run)["reason"]


def test_of_an_api_that_is_not_there_nothing_is_left_to_protect(lab: Lab) -> None:
    run = lab.machine.run(load_event("protect-api") | {"asked": {"by": "audit"}})
    assert run.status == "SUCCEEDED"
    assert lab.event_types() == []


def test_two_plans_of_one_name_are_an_error_that_says_so(lab: Lab) -> None:
    api_id = lab.api()
    for _ in range(2):
        lab.client.create_usage_plan(name="free")
    run = lab.run(api_id)
    assert run.error == "DuplicatePlanError"
    assert "2 usage plans named 'free'" in lab.events("ApiFailed")[0]["reason"]
