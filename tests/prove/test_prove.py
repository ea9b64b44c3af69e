"""A sample of the proof, the same histories each time; `make prove` plays others, and more."""

from __future__ import annotations

import os
import time

from tests.prove.expected import EXPECTED
from tests.prove.history import history
from tests.prove.prove import Verdict, found, verdict

SECONDS = float(os.environ.get("PROVE_SECONDS", "60"))
# Fewer than these in a minute, and the sample says little.
FEWEST = 50


def test_what_must_hold_does_after_a_minute_of_random_histories() -> None:
    begun, seeds, failed = time.monotonic(), iter(range(1_000_000)), list[Verdict]()
    played = 0
    while played < FEWEST or time.monotonic() - begun < SECONDS:
        failed += found(iter([verdict(next(seeds))]))
        played += 1
    told = [f"make prove SEED={one.history.seed}: {one.failures}" for one in failed]
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
