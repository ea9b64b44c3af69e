"""One laboratory a module, emptied before each test: making one costs more than most tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.machines.api_lab import Lab, laboratory
from tests.machines.audit_lab import AuditLab, audit_laboratory
from tests.machines.life_lab import LifeLab, life_laboratory


@pytest.fixture(scope="module")
def shared_lab() -> Iterator[Lab]:
    with laboratory() as made:
        yield made


@pytest.fixture
def lab(shared_lab: Lab) -> Lab:
    """APIs on the emulator, and protect-api to run on them; empty."""
    shared_lab.reset()
    return shared_lab


@pytest.fixture(scope="module")
def shared_life() -> Iterator[LifeLab]:
    with life_laboratory() as made:
        yield made


@pytest.fixture
def life(shared_life: LifeLab) -> LifeLab:
    """Customers, and reconcile-customer to run for them; empty."""
    shared_life.reset()
    return shared_life


@pytest.fixture
def account(lab: Lab) -> Iterator[AuditLab]:
    """An empty account, and audit-account to run on it."""
    with audit_laboratory(lab) as made:
        yield made
