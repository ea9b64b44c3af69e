"""A sample of the proof, the same histories each time; `make prove` plays others, and more."""

from __future__ import annotations

import pytest

from tests.prove.expected import EXPECTED
from tests.prove.history import history
from tests.prove.prove import found, verdict

# A count, not a time: a slow machine proves as much as a fast one.
PARTS, HISTORIES = 8, 50
# The first half is in `make test`.
SAMPLE = [*range(PARTS // 2), *(pytest.param(n, marks=pytest.mark.sizes) for n in range(4, PARTS))]


@pytest.mark.parametrize("part", SAMPLE)
def test_what_must_hold_does_after_random_histories(part: int) -> None:
    seeds = range(part * HISTORIES, (part + 1) * HISTORIES)
    told = [
        f"make prove SEED={one.history.seed}: {one.failures}" for one in found(map(verdict, seeds))
    ]
    assert told == []


def test_an_open_entry_still_fails_until_its_line_is_removed() -> None:
    mended = [
        entry
        for entry, expected in EXPECTED.items()
        if not any(
            check == expected.check and expected.words in said
            for check, said in verdict(expected.seed).failures
        )
    ]
    assert mended == []


def test_a_seed_plays_the_same_history_with_the_same_end() -> None:
    first, second = verdict(7), verdict(7)
    assert history(7) == first.history
    assert first == second
