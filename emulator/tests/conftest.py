"""What holds for every test of the emulator."""

from emulator.tests.guard import loopback_only
from emulator.tests.real_data import (
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_report_header,
)

__all__ = [
    "loopback_only",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_report_header",
]
