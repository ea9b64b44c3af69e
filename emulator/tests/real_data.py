"""Tests that read the real documents and records leave when those are not beside the tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.tests.openapi_lab import SHARED

REAL_DATA = "real_data"


def real_data() -> Path:
    """Where the real documents and records are, or would be."""
    return SHARED / "data"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{REAL_DATA}: reads ../shared/data (or KEYWARD_SHARED)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if real_data().is_dir():
        return
    left_out = [item for item in items if item.get_closest_marker(REAL_DATA)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_report_header() -> str | None:
    if real_data().is_dir():
        return None
    return f"{real_data()} is not there: tests on real documents are left out"
