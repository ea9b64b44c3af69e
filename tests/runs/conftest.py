"""What tests of several files of this folder begin with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.machines.life_lab import LifeLab
from tests.runs.import_desk import ImportDesk, desk_of
from tests.runs.policy_desk import Edits
from tests.support import workbench


@pytest.fixture
def new_stack() -> Iterator[Edits]:
    """A stack whose policy nobody has read yet."""
    with workbench() as bench:
        yield Edits(bench)


@pytest.fixture
def edits(new_stack: Edits) -> Edits:
    """Edits of a policy whose first version is in force."""
    assert new_stack.in_force.version == 1
    return new_stack


@pytest.fixture
def desk(life: LifeLab) -> ImportDesk:
    """A run of issue-keys in an account that has the two plans."""
    return desk_of(life)
