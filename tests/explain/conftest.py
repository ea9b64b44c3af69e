"""One bench a module, and on it a customer whose calls are explained."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.explain.denial_lab import World, remembered
from tests.support import Bench, workbench


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with workbench() as made:
        yield made


@pytest.fixture
def world(bench: Bench) -> World:
    return remembered(bench)
