"""`make test`: the tests, in groups that suit the machine, and one line that adds them up.

`make test-sizes` runs those that `make test` leaves out: large ones, and more of the same.
Tests on a local AWS wait most of the time: for polls, time-outs and each other. All groups run at
once. Those whose tests wait for nothing are processes of low priority, which have what the
waiting leaves of the machine. A group prints when it is over.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tools import tally

ROOT = Path(__file__).resolve().parent.parent
STACK = "tests/stack"
LOCAL = f"{STACK}/local"
PROVE = "tests/prove"
# `make engines` runs these: what they compare with must be fetched first.
ENGINES = "tests/engines"
MACHINES = "tests/machines"
# The tests of what people and developers hold, beside those of the rooms that decide and call.
EDGES = tuple(
    f"tests/{name}" for name in ("cli", "lint", "live_check", "report", "rules", "updates")
)
# These wait for a dead run's lease to end, and for the schedule of each minute.
LONGEST = ("test_repeats.py", "test_single_faults.py", "test_stopped_runs.py")
WAITING = ("the local AWS", "the whole stack")
# How often a line says how far the runs are.
PROGRESS_SECONDS = 30
# The tests that wait get three quarters of a processor that both want.
NICE = ("nice", "-n", "5")
ROOMS_WITH_SIZES = ("audit", "cli", "customers", "events", "lint", "machines", "runs", "updates")
NO_SIZES = ["-m", "not sizes"]


def groups() -> dict[str, list[str]]:
    """What each run of pytest is told, by its name."""
    rooms = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").iterdir())
    quick = [room for room in rooms if (ROOT / room).is_dir() and not room.endswith("__")]
    for elsewhere in (STACK, PROVE, MACHINES, ENGINES, *EDGES):
        quick.remove(elsewhere)
    return {
        # Three of about one weight: without xdist nothing is collected twice, nor sent.
        "the machines": [*NO_SIZES, PROVE, MACHINES],
        "the rooms": [*NO_SIZES, *quick],
        "the edges and the emulator": [*NO_SIZES, *EDGES, "emulator/tests"],
        WAITING[0]: [*NO_SIZES, LOCAL],
        WAITING[1]: ["-n", "4", "--dist", "loadfile", "--no-loadscope-reorder", *_stack()],
    }


def sizes() -> dict[str, list[str]]:
    """The run of `make test-sizes`."""
    rooms = [f"tests/{room}" for room in ROOMS_WITH_SIZES]
    return {"sizes": ["-n", "2", "-m", "sizes", *rooms, PROVE, LOCAL, "emulator/tests"]}


def _stack() -> list[str]:
    """The files of the whole stack, those first that wait longest."""
    files = sorted(path.name for path in (ROOT / STACK).glob("test_*.py"))
    files.sort(key=lambda name: name not in LONGEST)
    return [f"{STACK}/{name}" for name in files]


def main(arguments: Sequence[str] = ()) -> int:
    """Run all groups, whatever fails; the exit status is 0 only when every test passed. With
    `sizes` in the arguments: the large ones."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(os.environ.get(tally.FILE) or Path(folder, "tally"))
        before = tally.total(file)
        started = time.monotonic()
        chosen = sizes() if "sizes" in arguments else groups()
        print(f"test: at once: {', '.join(chosen)}", flush=True)
        runs = [Run(name, told, Path(folder)) for name, told in chosen.items()]
        for run in sorted(runs, key=lambda run: run.name not in WAITING):
            while not run.is_over():
                parts = ", ".join(f"{one.name} {one.progress()}" for one in runs)
                print(f"test: after {time.monotonic() - started:.0f} s: {parts}", flush=True)
            run.add_to(file)
            print(f"test: {run.name}: over after {time.monotonic() - started:.0f} s", flush=True)
        passed, failed = (now - was for now, was in zip(tally.total(file), before, strict=True))
    print(f"test: {time.monotonic() - started:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


class Run:
    """A run of pytest beside others; what it prints is shown at its end."""

    def __init__(self, name: str, arguments: list[str], folder: Path) -> None:
        self.name = name
        self._output = folder / f"{name}.output"
        # A tally of its own, as failures of the others must not count for this one.
        self._tally = folder / f"{name}.tally"
        nice = () if name in WAITING else NICE
        with self._output.open("wb") as stream:
            self._process = subprocess.Popen(
                [*nice, sys.executable, "-m", "pytest", *arguments],
                cwd=ROOT,
                env=tally.environment(self._tally),
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    def is_over(self) -> bool:
        """Wait for its end, but not for long."""
        try:
            self._process.wait(PROGRESS_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        return True

    def progress(self) -> str:
        """How far it is, as pytest says at the end of a line of its output."""
        told = re.findall(
            r"\[ *(\d+%)\]", self._output.read_text(encoding="utf-8", errors="replace")
        )
        return told[-1] if told else "0%"

    def add_to(self, file: Path) -> None:
        """Show what it printed, and add its counts to the file's, once it is over. A run that broke
        off without a failed test counts as one failure."""
        code = self._process.returncode
        print(self._output.read_text(encoding="utf-8", errors="replace"), flush=True)
        if code and not tally.total(self._tally)[1]:
            tally.add_failure(self._tally)
        with file.open("a", encoding="utf-8") as total:
            total.write(" ".join(map(str, tally.total(self._tally))) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
