"""What all tests share: the guard around them, and laboratories made at first use."""

import os

from emulator.tests.guard import loopback_only
from emulator.tests.real_data import (
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_report_header,
)
from tests.announced import listed_events_only
from tests.lab_fixtures import account, lab, life, shared_lab, shared_life
from tests.leftovers import nothing_left
from tests.support import STACK

os.environ.setdefault("STACK_NAME", STACK)

__all__ = [
    "account",
    "lab",
    "life",
    "listed_events_only",
    "loopback_only",
    "nothing_left",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_report_header",
    "shared_lab",
    "shared_life",
]
