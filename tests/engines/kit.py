"""Where the engines of others are (tools/engines.sh fetches them), and the figures of a run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import tree

PLACE = tree.ROOT / "build" / "engines"
HERE = Path(__file__).parent
# (engine, what was compared, how many of them agreed, how many there were)
FIGURES: list[tuple[str, str, int, int]] = []


def agreed(engine: str, what: str, agree: int, compared: int) -> None:
    """Note for the table at the end of the run."""
    FIGURES.append((engine, what, agree, compared))


def module(name: str) -> Path:
    """A package of npm; the test is skipped, by name, where it could not be had."""
    path = PLACE / "node_modules" / name
    if not path.is_dir():
        pytest.skip(f"NOT COMPARED: {name} cannot be had here (tools/engines.sh says why)")
    return path


def program(name: str) -> Path:
    """A program of PyPI; the test is skipped, by name, where it could not be had."""
    path = PLACE / "venv" / "bin" / name
    if not path.exists():
        pytest.skip(f"NOT COMPARED: {name} cannot be had here (tools/engines.sh says why)")
    return path


def node(script: str, *arguments: str, given: Any = None) -> Any:
    """The JSON that a script of this folder answers to JSON on its standard input."""
    command = ["node", str(HERE / script), str(PLACE / "node_modules"), *arguments]
    ended = subprocess.run(
        command, input=json.dumps(given), capture_output=True, text=True, check=False, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)
