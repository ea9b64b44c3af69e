"""`keyward holds`: the held stages, whose work they are, and the commands that answer."""

from __future__ import annotations

import json

import pytest

from keyward.aws.tables.apis import Apis
from keyward.cli import main
from keyward.cli.stack import Stack, StackClient
from keyward.values import JSON
from tests.machines.api_lab import PETS, Lab
from tests.machines.audit_lab import AuditLab

DAY = 24 * 3600


@pytest.fixture
def desk(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """The lab's tables, as a person finds them by the name of the stack."""
    monkeypatch.setattr(StackClient, "stack", lambda self, name: Stack(self.session, name, {}))
    monkeypatch.setattr(Stack, "apis", lambda self: Apis(lab.bench.tables["ApisTable"]))
    monkeypatch.setattr(Stack, "registry", lab.bench.registry)
    return lab


def held(lab: Lab) -> str:
    api_id = lab.attached()
    lab.edit(api_id, PETS | {"/new": {"get": None}})
    lab.run(api_id)
    return api_id


def listed(capture: pytest.CaptureFixture[str]) -> list[JSON]:
    capture.readouterr()
    code = main(["holds", "--json"])
    found: list[JSON] = json.loads(capture.readouterr().out)
    assert code == int(any(hold["decision"] == "pending" for hold in found))
    return found


def test_a_hold_is_listed_with_its_differences_and_the_commands_that_answer(
    desk: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    api_id = held(desk)
    (event,) = desk.events("ApiHeld")
    assert main(["holds"]) == 1
    said = capsys.readouterr().out
    assert said.startswith(f"{api_id} prod  pending, held since {event['held_since']}")
    assert "/new:" in said
    for answer in event["answers"].values():
        assert answer["command"] in said
    assert said.endswith("1 stage is held, 1 of them without an answer\n")


def test_a_reminder_updates_the_list_and_keeps_the_answer(
    desk: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    api_id = held(desk)
    (first,) = listed(capsys)
    desk.bench.clock.advance(DAY)
    desk.run(api_id)
    (second,) = listed(capsys)
    assert second["told_at"] > first["told_at"]
    assert second["held_at"] == first["held_at"]
    assert desk.machine.run(second["answers"]["reject"]["console_input"]).status == "SUCCEEDED"
    assert listed(capsys)[0]["decision"] == "rejected"


def test_each_nights_audit_reminds_of_a_hold_until_it_ends(
    desk: Lab, account: AuditLab, capsys: pytest.CaptureFixture[str]
) -> None:
    api_id = held(desk)
    for night in (1, 2, 3):
        desk.bench.clock.advance(DAY)
        account.mend()
        assert desk.event_types() == ["ApiHeld"] * (night + 1)
    desk.edit(api_id, PETS)
    desk.bench.clock.advance(DAY)
    account.mend()
    assert desk.live(api_id)["GET /pets"]
    assert listed(capsys) == []


def test_an_ended_hold_is_not_listed(desk: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    api_id = held(desk)
    desk.edit(api_id, PETS)
    desk.run(api_id)
    assert listed(capsys) == []
    assert main(["holds"]) == 0
    assert capsys.readouterr().out == "Nothing is held\n"


def test_a_requested_rollback_is_listed_as_a_rollback(
    desk: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    api_id = desk.attached()
    desk.run(api_id)
    desk.run(api_id, stage="prod", rollback=True)
    (hold,) = listed(capsys)
    assert (hold["rest_api_id"], hold["kind"]) == (api_id, "rollback")
    assert "rolled back" in hold["message"]
