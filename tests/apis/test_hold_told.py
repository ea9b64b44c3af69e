"""ApiHeld is all that a person needs: whose work it is, what differs, how to answer; and again
daily, as long as nobody does."""

from __future__ import annotations

import shlex

import pytest

from keyward.events.caller import Editor
from keyward.values import JSON
from tests.machines.api_lab import PETS, Lab
from tests.machines.machine import refusal

DAY = 24 * 3600
ADA = Editor("arn:aws:iam::123456789012:user/ada", "PutMethod", "2026-11-23T09:40:00Z")


def held(lab: Lab) -> tuple[str, JSON]:
    """An API that is held, and the detail of ApiHeld."""
    api_id = lab.attached()
    lab.edit(api_id, PETS | {"/new": {"get": None}})
    lab.bench.registry.apis.note_editor(api_id, ADA)
    lab.run(api_id)
    (event,) = lab.events("ApiHeld")
    lab.forget()
    return api_id, event


def test_a_hold_says_whose_work_it_is_path_by_path(lab: Lab) -> None:
    _, event = held(lab)
    assert event["last_editor"] == ADA.as_json()
    lines = event["message"].splitlines()
    assert any(ADA.who in line and "PutMethod" in line for line in lines)
    place = lines.index("/new:")
    assert lines[place + 1].split() == ["GET", *event["differences"][0]["difference"].split()]


def test_each_path_names_whoever_edited_it_last(lab: Lab) -> None:
    api_id = lab.attached()
    lab.edit(api_id, PETS | {"/new": {"get": None}, "/old": {"get": None}})
    ids = {item["path"]: item["id"] for item in lab.client.get_resources(restApiId=api_id)["items"]}
    grace = Editor("grace", "UpdateMethod", "2026-11-23T10:00:00Z")
    early = Editor("early", "CreateResource", "2026-11-23T08:00:00Z")
    edits = lab.bench.registry.edits
    edits.note(api_id, ids["/new"], "*", early)
    edits.note(api_id, ids["/new"], "GET", ADA)
    edits.note(api_id, ids["/old"], "*", grace)
    lab.run(api_id)
    (event,) = lab.events("ApiHeld")
    told = {one["path"]: one.get("last_editor", {}).get("who") for one in event["differences"]}
    assert told == {"/new": ADA.who, "/old": "grace"}
    lines = event["message"].splitlines()
    assert ADA.who in lines[lines.index("/new:") + 1]
    assert "grace" in lines[lines.index("/old:") + 1]


def test_an_editor_that_was_not_seen_is_not_made_up(lab: Lab) -> None:
    api_id = lab.attached()
    lab.edit(api_id, PETS | {"/new": {"get": None}})
    lab.run(api_id)
    (event,) = lab.events("ApiHeld")
    assert "last_editor" not in event
    assert "not seen" in event["message"]


@pytest.mark.parametrize("word", ["approve", "reject"])
def test_the_commands_are_those_that_answer(lab: Lab, word: str) -> None:
    api_id, event = held(lab)
    command = event["answers"][word]["command"]
    assert shlex.split(command) == ["keyward", word, api_id, "prod", event["fingerprint"]]
    assert command in event["message"]
    assert event["remedy"] == event["answers"]["approve"]["command"]


def test_the_console_input_that_approves_publishes(lab: Lab) -> None:
    api_id, event = held(lab)
    assert lab.machine.run(event["answers"]["approve"]["console_input"]).status == "SUCCEEDED"
    assert lab.live(api_id)["GET /new"]


def test_the_console_input_that_rejects_silences(lab: Lab) -> None:
    api_id, event = held(lab)
    assert lab.machine.run(event["answers"]["reject"]["console_input"]).status == "SUCCEEDED"
    lab.bench.clock.advance(2 * DAY)
    lab.run(api_id)
    assert lab.event_types() == []
    assert "GET /new" not in lab.live(api_id)


def test_a_rejection_of_something_else_says_so(lab: Lab) -> None:
    api_id, _ = held(lab)
    run = lab.run(api_id, reject="1111111111111111")
    assert refusal(run)["reason"].startswith(
        "reject: must be the fingerprint of a stage that is held"
    )


def test_people_are_reminded_once_a_day_until_they_answer(lab: Lab) -> None:
    api_id, first = held(lab)
    for _ in range(3):
        lab.bench.clock.advance(DAY - 600)
        for _ in range(3):
            lab.run(api_id)
            lab.bench.clock.advance(60)
    reminders = lab.events("ApiHeld")
    assert len(reminders) == 3
    assert all(event["reminder"] for event in reminders)
    assert {event["held_since"] for event in reminders} == {first["held_since"]}
    assert {event["fingerprint"] for event in reminders} == {first["fingerprint"]}


def test_nobody_is_reminded_of_a_stage_that_is_no_longer_exposed(lab: Lab) -> None:
    api_id, _ = held(lab)
    lab.edit(api_id, {"/pets": {"get": ["api_key"], "options": None}})
    lab.deploy(api_id)
    lab.bench.clock.advance(DAY)
    lab.run(api_id)
    assert lab.event_types() == []
    assert lab.bench.registry.apis.load_records(api_id).holds == ()


def test_a_reminder_takes_no_decision_back(lab: Lab) -> None:
    api_id, event = held(lab)
    apis = lab.bench.registry.apis
    (before,) = apis.load_records(api_id).holds
    apis.decide(api_id, "prod", event["fingerprint"], "approved")
    told = {"detail_type": "ApiHeld", "detail": {}}
    apis.remind(api_id, before, told, lab.bench.clock.now())
    (after,) = apis.load_records(api_id).holds
    assert after.decision == "approved"


def test_a_canary_offers_no_approval_that_would_change_nothing(lab: Lab) -> None:
    api_id = lab.attached()
    lab.client.create_deployment(
        restApiId=api_id, stageName="prod", canarySettings={"percentTraffic": 10.0}
    )
    lab.run(api_id)
    (event,) = lab.events("ApiHeld")
    assert set(event["answers"]) == {"reject"}
    assert "The whole stage:" in event["message"]


def test_a_policy_that_never_holds_publishes_and_closes_what_is_new(lab: Lab) -> None:
    lab.policy(hold="never")
    api_id = lab.attached()
    lab.edit(api_id, PETS | {"/new": {"get": None}})
    lab.forget()
    lab.run(api_id)
    assert lab.event_types() == ["ApiProtected"]
    assert lab.live(api_id) == {"GET /pets": True, "OPTIONS /pets": False, "GET /new": True}
    assert "GetExport" not in lab.bench.operations()


def test_a_canary_is_left_alone_whatever_the_policy_says(lab: Lab) -> None:
    lab.policy(hold="never")
    api_id = lab.attached()
    lab.client.create_deployment(
        restApiId=api_id, stageName="prod", canarySettings={"percentTraffic": 10.0}
    )
    lab.forget()
    lab.run(api_id)
    assert lab.calls()[1] == []
    assert lab.event_types() == ["ApiHeld"]


def test_what_hold_may_be_is_in_the_schema(lab: Lab) -> None:
    api_id = lab.attached()
    lab.policy(hold="sometimes")
    lab.edit(api_id, PETS | {"/new": {"get": None}})
    lab.run(api_id)
    refused = lab.bench.registry.policies.current(lab.bench.clock.now()).refused
    assert str(refused).startswith("hold: must be always, never")
    assert "GET /new" not in lab.live(api_id)
