"""Tests that look at the page in a browser leave when there is no Chromium, and say so."""

from __future__ import annotations

import pytest

from tests.report.browser import chromium

MARK = "browser"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARK}: opens the page in headless Chromium")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if chromium():
        return
    left_out = [item for item in items if item.get_closest_marker(MARK)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_report_header() -> str | None:
    if chromium():
        return None
    return "no Chromium (apt-get install chromium): tests of the report in a browser are left out"
