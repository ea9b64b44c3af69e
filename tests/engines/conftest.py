"""`make engines` runs this folder, `make test` leaves it out."""

from __future__ import annotations

import pytest

from tests.engines import kit


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One table: what agreed of what was compared."""
    if not kit.FIGURES:
        return
    terminalreporter.section("third engines: agreed/compared")
    for engine, what, agree, compared in kit.FIGURES:
        terminalreporter.write_line(f"{engine:<16}{what:<58}{agree:>7} / {compared}")
