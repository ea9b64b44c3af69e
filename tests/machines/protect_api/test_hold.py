"""protect-api never publishes somebody's unfinished work, and never breaks somebody's stage."""

from __future__ import annotations

import pytest

from keyward.values import JSON
from tests.machines.api_lab import PETS, Lab

OTHER_BACKEND = {
    "type": "http",
    "httpMethod": "GET",
    "uri": "https://example.org/other",
    "responses": {"default": {"statusCode": "200"}},
}


def other_integration() -> JSON:
    return {"/pets": {"get": {"x-amazon-apigateway-integration": OTHER_BACKEND}, "options": None}}


EDITS: dict[str, tuple[JSON, str, str]] = {
    "a new method": ({"/pets": {"get": None, "options": None, "post": None}}, "POST", "/pets"),
    "a removed method": ({"/pets": {"get": None}}, "OPTIONS", "/pets"),
    "a new path": (PETS | {"/new": {"get": ["api_key"]}}, "GET", "/new"),
    "another integration": (other_integration(), "GET", "/pets"),
    "another authorization": ({"/pets": {"get": ["signed"], "options": None}}, "GET", "/pets"),
    "a key for an exempt method": (
        {"/pets": {"get": None, "options": ["api_key"]}},
        "OPTIONS",
        "/pets",
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_unfinished_work_holds_the_stage_and_is_told(lab: Lab, edit: str) -> None:
    paths, verb, path = EDITS[edit]
    api_id = lab.attached()
    before = lab.live(api_id)
    lab.edit(api_id, paths)
    lab.forget()
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.calls()[1] == []
    assert lab.live(api_id) == before
    (event,) = lab.events("ApiHeld")
    assert (event["rest_api_id"], event["stage"]) == (api_id, "prod")
    assert (verb, path) in {(item["method"], item["path"]) for item in event["differences"]}
    assert event["not_compared"]
    assert len(event["fingerprint"]) == 16


def test_a_difference_tells_the_names_of_fields_and_not_what_is_in_them(lab: Lab) -> None:
    api_id = lab.attached()
    lab.edit(api_id, other_integration())
    lab.run(api_id)
    (event,) = lab.events("ApiHeld")
    (difference,) = event["differences"]
    assert "uri" in difference["difference"]
    assert "example.org" not in str(event)


def held(lab: Lab) -> tuple[str, str]:
    """An API that is held, and its fingerprint."""
    api_id = lab.attached()
    lab.edit(api_id, PETS | {"/new": {"get": None}})
    lab.run(api_id)
    (event,) = lab.events("ApiHeld")
    lab.forget()
    return api_id, event["fingerprint"]


def test_a_hold_is_told_once(lab: Lab) -> None:
    api_id, _ = held(lab)
    lab.run(api_id)
    assert lab.event_types() == []


def test_a_hold_with_another_content_is_told_again(lab: Lab) -> None:
    api_id, fingerprint = held(lab)
    lab.edit(api_id, {"/newer": {"get": None}}, mode="merge")
    lab.run(api_id)
    (event,) = lab.events("ApiHeld")
    assert event["fingerprint"] != fingerprint


def test_an_approved_deployment_is_published_with_its_new_methods_closed(lab: Lab) -> None:
    api_id, fingerprint = held(lab)
    assert lab.run(api_id, approve=fingerprint).status == "SUCCEEDED"
    assert lab.live(api_id) == {"GET /pets": True, "OPTIONS /pets": False, "GET /new": True}
    assert lab.event_types() == ["ApiProtected"]


def test_an_answer_that_comes_again_is_no_wrong_answer(lab: Lab) -> None:
    api_id, fingerprint = held(lab)
    lab.run(api_id, approve=fingerprint)
    lab.forget()
    again = lab.run(api_id, approve=fingerprint)
    assert (again.status, lab.event_types()) == ("SUCCEEDED", [])
    assert "refused" not in again.output


def test_an_approval_counts_for_any_later_run(lab: Lab) -> None:
    api_id, fingerprint = held(lab)
    assert lab.bench.registry.apis.decide(api_id, "prod", fingerprint, "approved")
    lab.run(api_id)
    assert lab.live(api_id)["GET /new"]


def test_an_approval_covers_exactly_what_was_approved(lab: Lab) -> None:
    api_id, fingerprint = held(lab)
    lab.edit(api_id, {"/sneaked-in": {"get": None}}, mode="merge")
    lab.run(api_id, approve=fingerprint)
    assert "GET /sneaked-in" not in lab.live(api_id)
    assert lab.event_types() == ["ApiHeld"]


def test_an_approval_does_not_outlive_its_publication(lab: Lab) -> None:
    api_id, fingerprint = held(lab)
    lab.run(api_id, approve=fingerprint)
    lab.edit(api_id, PETS | {"/new": {"get": None}, "/next": {"get": None}})
    lab.edit(api_id, PETS)
    lab.deploy(api_id)
    lab.edit(api_id, PETS | {"/new": {"get": None}})
    lab.forget()
    lab.run(api_id)
    assert lab.event_types() == ["ApiHeld"]


def test_a_rejected_deployment_is_silent_until_it_changes(lab: Lab) -> None:
    api_id, fingerprint = held(lab)
    lab.bench.registry.apis.decide(api_id, "prod", fingerprint, "rejected")
    lab.run(api_id)
    assert lab.event_types() == []
    assert "GET /new" not in lab.live(api_id)
    lab.edit(api_id, {"/newer": {"get": None}}, mode="merge")
    lab.run(api_id)
    assert lab.event_types() == ["ApiHeld"]


def test_a_stage_is_closed_when_its_unfinished_work_is_gone(lab: Lab) -> None:
    api_id, _ = held(lab)
    lab.edit(api_id, PETS)
    lab.run(api_id)
    assert lab.event_types() == ["ApiProtected"]
    assert lab.live(api_id)["GET /pets"]


def test_one_stage_is_held_and_the_other_closed(lab: Lab) -> None:
    api_id = lab.attached(stages=("dev", "prod"))
    lab.edit(api_id, PETS | {"/new": {"get": None}})
    lab.deploy(api_id, "dev")
    lab.run(api_id)
    assert [event["stage"] for event in lab.events("ApiHeld")] == ["prod"]
    assert [event["stage"] for event in lab.events("ApiProtected")] == ["dev"]
    assert lab.live(api_id, "dev") == {
        "GET /pets": True,
        "OPTIONS /pets": False,
        "GET /new": True,
    }
    assert lab.live(api_id, "prod") == {"GET /pets": False, "OPTIONS /pets": False}


def canary(lab: Lab, api_id: str, percent: float = 10.0) -> None:
    lab.client.create_deployment(
        restApiId=api_id, stageName="prod", canarySettings={"percentTraffic": percent}
    )


def test_a_canary_in_flight_holds_the_stage(lab: Lab) -> None:
    api_id = lab.attached()
    canary(lab, api_id)
    lab.forget()
    lab.run(api_id)
    assert lab.calls()[1] == []
    (event,) = lab.events("ApiHeld")
    assert "canary" in event["differences"][0]["difference"]


def test_a_canary_is_not_approved_away(lab: Lab) -> None:
    api_id = lab.attached()
    canary(lab, api_id)
    lab.run(api_id)
    (event,) = lab.events("ApiHeld")
    lab.forget()
    lab.run(api_id, approve=event["fingerprint"])
    assert lab.calls()[1] == []


def test_what_only_the_canary_exposes_counts(lab: Lab) -> None:
    api_id = lab.attached({"/pets": {"get": ["api_key"]}})
    lab.edit(api_id, PETS)
    canary(lab, api_id)
    lab.run(api_id)
    assert lab.event_types() == ["ApiHeld"]


def test_a_canary_that_was_promoted_is_over(lab: Lab) -> None:
    api_id = lab.attached()
    canary(lab, api_id)
    promote = [
        {"op": "copy", "from": "/canarySettings/deploymentId", "path": "/deploymentId"},
        {"op": "replace", "path": "/canarySettings/percentTraffic", "value": "0.0"},
    ]
    lab.client.update_stage(restApiId=api_id, stageName="prod", patchOperations=promote)
    lab.run(api_id)
    assert lab.event_types() == ["ApiProtected"]
    assert lab.live(api_id)["GET /pets"]


def test_an_api_whose_keys_come_from_an_authorizer_is_not_shut_for_good(lab: Lab) -> None:
    api_id = lab.attached()
    lab.client.update_rest_api(
        restApiId=api_id,
        patchOperations=[{"op": "replace", "path": "/apiKeySource", "value": "AUTHORIZER"}],
    )
    lab.forget()
    lab.run(api_id)
    assert lab.calls()[1] == []
    assert "AUTHORIZER" in str(lab.events("ApiHeld"))


def test_an_edit_just_before_the_deployment_is_planned_anew(lab: Lab) -> None:
    api_id = lab.attached()
    lab.before(
        "UpdateMethod", lambda: lab.edit(api_id, {"/sneaked-in": {"get": None}}, mode="merge")
    )
    run = lab.run(api_id)
    assert lab.plans_made(run) == 2
    assert "GET /sneaked-in" not in lab.live(api_id)
    assert lab.event_types() == ["ApiHeld"]


def test_a_stage_that_somebody_moves_meanwhile_is_planned_anew(lab: Lab) -> None:
    api_id = lab.attached()
    theirs: list[str] = []
    lab.before("CreateDeployment", lambda: theirs.append(lab.deploy(api_id)))
    run = lab.run(api_id)
    assert run.status == "SUCCEEDED"
    assert lab.plans_made(run) == 2
    assert lab.live(api_id)["GET /pets"]
    assert lab.event_types() == ["ApiProtected"]


def test_an_api_that_is_edited_all_the_time_is_postponed_after_three_more_plans(lab: Lab) -> None:
    api_id = lab.attached()

    def edit() -> None:
        lab.edit(api_id, PETS)
        lab.deploy(api_id)
        lab.before("CreateDeployment", edit)

    lab.before("CreateDeployment", edit)
    run = lab.run(api_id)
    assert (run.status, run.output["postponed"]) == ("SUCCEEDED", True)
    assert lab.plans_made(run) == 4
    assert lab.event_types() == []
    assert lab.bench.bus.later
