"""What holds for every test of the emulator."""

from collections.abc import Iterator
from typing import Any

import pytest

from emulator.emulator import Emulator
from emulator.server import Running, start
from emulator.tests.door_lab import ACCESS_KEY, Account
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


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def gw(account: Account) -> Any:
    return account.gw


@pytest.fixture
def emulator() -> Emulator:
    return Emulator(callers={ACCESS_KEY: "issuer"})


@pytest.fixture
def running(emulator: Emulator) -> Iterator[Running]:
    started = start(emulator)
    yield started
    started.stop()
