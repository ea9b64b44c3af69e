"""Recordings of `make live-check`: what was answered then is answered again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator.model import JSON
from emulator.tests.conformance.account import Account
from emulator.tests.conformance.replay import Replay
from emulator.tests.conformance.tags import believed, recorded

FOLDER = Path(__file__).parent / "recordings"
# Made by a rehearsal on the emulator itself. One of a real account has the tag `recorded`.
REHEARSED = "rehearsed.jsonl"
FILES = [
    pytest.param(
        path, marks=(believed if path.name == REHEARSED else recorded)(path.name), id=path.stem
    )
    for path in sorted(FOLDER.glob("*.jsonl"))
]


def lines_of(path: Path) -> list[JSON]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("path", FILES)
def test_a_recording_is_answered_again(account: Account, path: Path) -> None:
    assert Replay(account).differences(lines_of(path)) == []


@believed("a rehearsal on the emulator")
def test_an_answer_that_changed_is_named(account: Account) -> None:
    lines = lines_of(FOLDER / REHEARSED)
    changed = next(n for n, line in enumerate(lines) if line["operation"] == "GetUsagePlan")
    lines[changed]["answer"]["tags"] = {"a": "other"}
    lines[0]["status"] = 409
    found = Replay(account).differences(lines)
    assert [text.partition(":")[0] for text in found] == [
        "line 1, CreateUsagePlan",
        f"line {changed + 1}, GetUsagePlan",
    ]
