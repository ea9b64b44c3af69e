"""`make live-check` goes on after a break, and removes what it made and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from emulator import server
from emulator.emulator import Emulator
from emulator.service_model import is_write
from keyward.values import JSON
from tests import tree
from tools.live_check import __main__ as command
from tools.live_check import play
from tools.live_check.removal import remove
from tools.live_check.run import Run
from tools.live_check.state import State, opened
from tools.live_check.world import Rehearsal

# Of API Gateway alone: they need no stack.
FEW = ["attach-twice", "stage-twice", "csv-cells"]


@pytest.fixture
def world() -> Iterator[Rehearsal]:
    """An API Gateway, and nothing else."""
    running = server.start(Emulator())
    urls = {"aws": "http://127.0.0.1:1", "apigateway": running.url, "invoke": running.invoke_url}
    yield Rehearsal(urls | {"region": "us-east-1", "outputs": {}}, look_every=0.01)
    running.stop()


def begun(world: Rehearsal, folder: Path) -> Run:
    return Run(world, opened(folder / "state.json", world.account, world.region))


def writes(world: Rehearsal) -> list[str]:
    return [call["operation"] for call in world.local.calls() if is_write(call["operation"])]


def test_a_run_that_broke_off_asks_nothing_twice(world: Rehearsal, tmp_path: Path) -> None:
    play.ask(begun(world, tmp_path), tmp_path, FEW, before="stage-twice")
    made = len(writes(world))
    again = begun(world, tmp_path)
    play.ask(again, tmp_path, FEW, before="stage-twice")
    assert len(writes(world)) == made
    play.ask(again, tmp_path, FEW)
    assert {name: row["agrees"] for name, row in again.state.results.items()} == dict.fromkeys(
        FEW, True
    )


def test_what_was_made_is_removed_and_what_is_called_alike_stays(
    world: Rehearsal, tmp_path: Path
) -> None:
    run = begun(world, tmp_path)
    theirs = play.strangers(run)
    play.ask(run, tmp_path, FEW)
    # a call whose answer never came: the file does not know of the key
    run.gateway.create_api_key(name=run.name("lost"))
    assert play.things(run) != theirs
    assert remove(run) == []
    assert play.things(run) == theirs
    assert run.state.made == []


def test_what_cannot_be_removed_is_named_and_stays_in_the_file(
    world: Rehearsal, tmp_path: Path
) -> None:
    run = begun(world, tmp_path)
    api = run.api("stuck", {"/pets": {"get": True}})
    run.plan("stuck", api)
    faults = [{"operation": "DeleteUsagePlan", "call": n, "fault": "conflict"} for n in (1, 2, 3)]
    world.local.order("faults", faults)
    [line] = remove(run)
    assert "plan" in line
    assert [kind for kind, _ in begun(world, tmp_path).state.made] == ["plan"]
    assert remove(run) == []


def test_no_value_of_a_key_is_in_a_file(world: Rehearsal, tmp_path: Path) -> None:
    run = begun(world, tmp_path)
    play.ask(run, tmp_path, [*FEW, "value-signs"])
    keys = run.gateway.get_api_keys(includeValues=True)["items"]
    texts = [path.read_text("utf-8") for path in tmp_path.iterdir()]
    assert len(texts) == 2
    assert keys
    assert [key["name"] for key in keys for text in texts if key["value"][:20] in text] == []


def test_an_account_where_keyward_works_is_refused(world: Rehearsal, tmp_path: Path) -> None:
    run = begun(world, tmp_path)
    assert play.refusal(run) == ""
    run.gateway.create_rest_api(name="shop", tags={"keyward": "enforce"})
    assert "shop" in play.refusal(run)


def test_without_a_stack_only_what_needs_none_is_asked(
    world: Rehearsal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refused(name: str, run: str) -> JSON:
        raise PermissionError("cloudformation:CreateStack")

    monkeypatch.setattr(world, "deploy", refused)
    run = begun(world, tmp_path)
    play.ask(run, tmp_path, ["stack", "protected", "key-opens", "trail", "csv-cells"])
    rows = run.state.results
    assert "CreateStack" in rows["stack"]["seen"]
    assert rows["csv-cells"]["agrees"]
    assert {rows[name]["agrees"] for name in ("protected", "key-opens", "trail")} == {None}


def test_a_file_of_another_account_is_refused(tmp_path: Path) -> None:
    State("abc123", "111111111111", "eu-west-1", file=tmp_path / "state.json").save()
    with pytest.raises(ValueError, match="111111111111"):
        opened(tmp_path / "state.json", "222222222222", "eu-west-1")


def test_nothing_is_made_before_somebody_says_yes(
    world: Rehearsal,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    monkeypatch.setattr(command, "Aws", lambda: world)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    assert command.main([]) == 2
    assert writes(world) == []
    assert "It costs at most" in capsys.readouterr().out
    assert sum(play.COSTS.values()) < 1


def test_an_account_that_does_not_answer_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nobody() -> Any:
        raise EndpointConnectionError(endpoint_url="https://sts.invalid")

    monkeypatch.setattr(command, "Aws", nobody)
    assert command.main(["--yes"]) == 2
    assert capsys.readouterr().out.startswith("live-check: AWS cannot be reached")


def test_a_wrong_id_is_named_with_the_right_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--only", "nosuch"])
    assert ended.value.code == 2
    assert "quota-offset" in capsys.readouterr().err


def test_the_document_lists_every_check_once() -> None:
    text = (tree.ROOT / "docs" / "live-checks.md").read_text("utf-8")
    assert re.findall(r"^- `([a-z0-9-]+)`: ", text, re.MULTILINE) == play.ids()
    assert [check.id for check in play.ALL if not (check.source and check.engine)] == []
