"""What takes longer than a second is shown on a terminal, and nowhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyward.cli import progress
from keyward.cli.progress import Progress
from tests.cli.desk import Desk, desk_of

POLICY = "layers/keyward/keyward/policy/default.json"


@pytest.fixture
def desk(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Desk]:
    """A desk at a terminal, of somebody who waits for nothing."""
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0)
    (tmp_path / "openapi.json").write_text('{"openapi": "3.0.1", "paths": {}}')
    with desk_of(capsys) as made:
        monkeypatch.setattr("keyward.cli.look.sleep", made.bench.clock.advance)
        made.bench.send("CustomerSignedUp", customer_id="acme", plan="free")
        made.bench.send("CustomerSignedUp", customer_id="bad", plan=5)
        made.bench.advance(3600)
        made.bench.api({"/pets": {"get": None}})
        yield made


# Commands that may take long, with what is on the line while they do.
LONG = (
    ("look", "looking"),
    ("outcomes --since 7d", "reading"),
    ("history acme", "history"),
    ("status", "status"),
    ("holds", "holds"),
    (f"policy diff {POLICY}", "diff"),
    ("undo --customer acme --dry-run", "reading"),
    ("undo --since 2h --what suspension", "reading"),
    ("report", "report"),
    ("key scan {here}", "scanning"),
    ("lint {here}/openapi.json", "checking"),
    ("dlq list", "reading"),
    ("dlq resend --all --set plan=pro", "sending"),
    ("dlq drop --all --yes", "reading"),
)


def test_a_long_command_shows_that_it_is_busy_on_a_terminal_only(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words, label in LONG:
        command = words.format(here=tmp_path).split()
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        _, out, err = desk.run(*command)
        assert label in err, words
        # Each drawing is erased before anything else is printed.
        assert all(line == "" or line.startswith("note: ") for line in erased(err)), err
        assert "\r" not in out
        assert "\r" not in desk.run(*command, "--json")[2]
        monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
        assert "\r" not in desk.run(*command)[2]


def erased(text: str) -> list[str]:
    """The lines as a terminal shows them at the end."""
    return [line.rpartition("\r")[2] for line in text.split("\n")]


def test_a_bar_tells_how_many_of_how_many(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0)
    with Progress("look", is_shown=True) as shown:
        list(shown.each("looking", "abcd"))
    lines = capsys.readouterr().err.split("\r")
    assert f"looking  [{'#' * 15}{'-' * 15}]  2 of 4  0 s" in lines


def test_whoever_waits_is_told_the_seconds_and_who_is_asked_is_not_disturbed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(progress, "TICK_SECONDS", 0.01)
    with Progress("status", is_shown=True) as shown:
        told = ""
        while "status  0 s" not in told:
            time.sleep(0.01)
            told += capsys.readouterr().err
        shown.end()
        capsys.readouterr()
        shown.draw()
    assert capsys.readouterr().err == ""
