"""Tests that read the real documents and records leave when those are not beside the tree."""

from __future__ import annotations

import pytest

from tests.emulator.openapi_lab import SHARED

MARK = "real_data"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARK}: reads ../shared/data (or KEYWARD_SHARED)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if (SHARED / "data").is_dir():
        return
    left_out = [item for item in items if item.get_closest_marker(MARK)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_report_header() -> str | None:
    if (SHARED / "data").is_dir():
        return None
    return f"{SHARED / 'data'} is not there: tests on real documents are left out"
