"""Add up several runs of pytest: a plugin that notes what each run passed and failed.

`PYTEST_PLUGINS=tools.tally` loads the plugin; `KEYWARD_TALLY` names the file that it appends to.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FILE = "KEYWARD_TALLY"
Counts = tuple[int, int]


def pytest_configure(config: pytest.Config) -> None:
    """Count here, and neither in workers of pytest-xdist nor in what a test starts."""
    file = os.environ.pop(FILE, None)
    if file and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Tally(Path(file)))


class Tally:
    """Counts a run; a broken fixture counts as a failure, a test that passed counts once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._passed = self._failed = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a report."""
        self._passed += report.when == "call" and report.passed
        self._failed += report.failed

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count a file that could not be imported."""
        self._failed += report.failed

    def pytest_sessionfinish(self) -> None:
        """Append the counts."""
        with self._file.open("a", encoding="utf-8") as tally:
            tally.write(f"{self._passed} {self._failed}\n")


def total(file: Path) -> Counts:
    """The passed and failed tests of all runs so far."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    counts = [tuple(map(int, line.split())) for line in lines]
    return sum(passed for passed, _ in counts), sum(failed for _, failed in counts)


def add_failure(file: Path) -> None:
    """Count a run that broke off without a failed test."""
    with file.open("a", encoding="utf-8") as tally:
        tally.write("0 1\n")


def environment(file: Path) -> dict[str, str]:
    """The variables under which runs of pytest, started anywhere, add to the file."""
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return dict(os.environ) | {FILE: str(file), "PYTEST_PLUGINS": "tools.tally", "PYTHONPATH": path}
