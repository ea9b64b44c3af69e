"""Plays many histories in two processes; a failure names its seed, which plays it again."""

from __future__ import annotations

import gc
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice

from emulator.ids import Ids
from local.bench import Bench
from tests.prove.checks import broken
from tests.prove.expected import EXPECTED, excused
from tests.prove.history import History, history
from tests.prove.play import play, policy

PROCESSES = 2
CHUNK = 50
# What is shown of what failed.
MAX_SHOWN = 20
PROGRESS_SECONDS = 60


@dataclass(frozen=True)
class Verdict:
    """A history, and what did not hold after it: (check, sentence)."""

    history: History
    failures: list[tuple[str, str]]


def verdict(seed: int) -> Verdict:
    """Play the history of a seed."""
    made = history(seed)
    # What fails is expected here: a line of log each would be thousands.
    logging.getLogger("keyward").disabled = True
    try:
        with Bench(policy=policy()) as bench:
            bench.emulator.ids = Ids(seed)
            try:
                return Verdict(made, broken(play(bench, made)))
            except Exception as error:  # noqa: BLE001 - a history that cannot be played is a finding
                return Verdict(made, [("played", f"{type(error).__name__}: {error}")])
    finally:
        logging.getLogger("keyward").disabled = False


def found(verdicts: Iterator[Verdict]) -> Iterator[Verdict]:
    """The verdicts with failures that no open entry of faults.md explains."""
    for one in verdicts:
        left = [failure for failure in one.failures if not excused(one.history, *failure)]
        if left:
            yield Verdict(one.history, left)


def _collect_seldom() -> None:
    """Collect garbage a tenth as often, and never what is there already: a twelfth of the time."""
    gc.freeze()
    gc.set_threshold(7000, 10, 10)


def _chunk(seeds: range) -> list[Verdict]:
    return list(found(map(verdict, seeds)))


def main(settings: dict[str, str]) -> int:
    """SEED=n plays one history; HISTORIES=n or SECONDS=n many, from the seed FIRST on."""
    if "SEED" in settings:
        one = verdict(int(settings["SEED"]))
        print(one.history)
        for check, said in one.failures:
            print(f"{check}: {said}")
        return int(bool(one.failures))
    histories = int(settings.get("HISTORIES") or 0)
    seconds = float(settings.get("SECONDS") or (0 if histories else 60))
    return _many(int(settings.get("FIRST") or 0), histories, seconds)


def _many(first: int, histories: int, seconds: float) -> int:
    told = begun = time.monotonic()
    played, shown = 0, 0
    failed: Counter[str] = Counter()
    with ProcessPoolExecutor(PROCESSES, initializer=_collect_seldom) as pool:
        chunks = _chunks(first, histories)
        while batch := list(islice(chunks, PROCESSES * 2)):
            for verdicts in pool.map(_chunk, batch):
                for one in verdicts:
                    failed.update({check for check, _ in one.failures})
                    if shown < MAX_SHOWN:
                        shown += 1
                        print(f"seed {one.history.seed}: {one.failures}", flush=True)
            played += sum(map(len, batch))
            if time.monotonic() - told > PROGRESS_SECONDS:
                told = time.monotonic()
                print(f"prove: {played} histories so far", file=sys.stderr, flush=True)
            if seconds and time.monotonic() - begun > seconds:
                break
    took = time.monotonic() - begun
    rate = played / took / PROCESSES
    print(
        f"prove: {played} histories from seed {first} in {took:.0f} s, {rate:.0f} a second and core"
    )
    print(f"prove: expected to fail: {', '.join(EXPECTED) or 'nothing'}; failed: {dict(failed)}")
    return int(bool(failed))


def _chunks(first: int, histories: int) -> Iterator[range]:
    at, end = first, first + histories if histories else 1 << 62
    while at < end:
        yield range(at, min(at + CHUNK, end))
        at += CHUNK
