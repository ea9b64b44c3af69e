"""`make engines` runs this folder, `make test` leaves it out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engines import kit


@pytest.fixture(autouse=True)
def figures(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test noted goes with its report, also from a worker of pytest-xdist."""
    kit.FIGURES.clear()
    yield
    request.node.user_properties += [("engines", list(figure)) for figure in kit.FIGURES]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One table: what agreed of what was compared."""
    reports = [one for one in terminalreporter.stats.get("", []) if one.when == "teardown"]
    rows = [row for one in reports for name, row in one.user_properties if name == "engines"]
    if rows:
        terminalreporter.section("third engines: agreed/compared")
    for engine, what, agree, compared in sorted(rows):
        terminalreporter.write_line(f"{engine:<16}{what:<58}{agree:>7} / {compared}")
