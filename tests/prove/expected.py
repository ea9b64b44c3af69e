"""What is known not to hold: open entries of faults.md, each with a seed that shows it.

Whoever mends an entry removes its line: a seed that no longer fails is a failure of the proof."""

from __future__ import annotations

from dataclasses import dataclass

from tests.prove.history import History


@dataclass(frozen=True)
class Expectation:
    """A check that fails, what its sentence holds, and a seed that shows it."""

    check: str
    words: str
    seed: int


EXPECTED: dict[str, Expectation] = {}


def excused(history: History, check: str, said: str) -> bool:
    """Whether an open entry explains the failure."""
    return any(one.check == check and one.words in said for one in EXPECTED.values())
