"""What tests of several files of this folder begin with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.machines.life_lab import LifeLab
from tests.runs.import_desk import ImportDesk, desk_of
from tests.runs.policy_desk import Edits
from tests.support import Bench, workbench


@pytest.fixture
def bench() -> Iterator[Bench]:
    """The adapters on an empty account."""
    with workbench() as made:
        yield made


@pytest.fixture
def new_stack(bench: Bench) -> Edits:
    """A stack whose policy nobody has read yet."""
    return Edits(bench)


@pytest.fixture
def edits(new_stack: Edits) -> Edits:
    """Edits of a policy whose first version is in force."""
    assert new_stack.in_force.version == 1
    return new_stack


@pytest.fixture
def acme(life: LifeLab) -> LifeLab:
    """A customer with a key in the plan free."""
    life.signed_up()
    return life


@pytest.fixture
def desk(life: LifeLab) -> ImportDesk:
    """A run of issue-keys in an account that has the two plans."""
    return desk_of(life)
