"""What the tests of issue-keys share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.bench import Bench
from tests.machines.import_lab import ImportLab


@pytest.fixture
def lab() -> Iterator[ImportLab]:
    """An empty crowd's bench, with the account's quotas."""
    with Bench(quotas=True) as bench:
        yield ImportLab(bench)
