"""`make test`: the tests, in groups that suit the machine, and one line that adds them up.

`make test-sizes` runs those that `make test` leaves out, because they are large and no more.
Tests on a local AWS wait most of the time: for polls, time-outs and each other. All other tests
run beside them in two workers of low priority, and so have what the waiting leaves of the machine.
"""

from __future__ import annotations

import os
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
BESIDE = "rooms, rules and the emulator"
# These wait for a dead run's lease to end, and for the schedule of each minute.
LONGEST = ("test_repeats.py", "test_single_faults.py", "test_stopped_runs.py")
# The tests that wait get three quarters of a processor that both want.
NICE = ("nice", "-n", "5")
ROOMS_WITH_SIZES = ("audit", "cli", "customers", "events", "lint", "machines", "runs", "updates")
NO_SIZES = ["-m", "not sizes"]


def groups() -> dict[str, list[str]]:
    """What each run of pytest is told, by its name."""
    rooms = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").iterdir())
    quick = [room for room in rooms if (ROOT / room).is_dir() and not room.endswith("__")]
    for elsewhere in (STACK, PROVE, ENGINES):
        quick.remove(elsewhere)
    return {
        # The random histories take longest: they begin first, so that nothing waits.
        BESIDE: ["-n", "2", *NO_SIZES, PROVE, *quick, "emulator/tests"],
        "the local AWS": [*NO_SIZES, LOCAL],
        "the whole stack": ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder", *_stack()],
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
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(os.environ.get(tally.FILE) or Path(folder, "tally"))
        before = tally.total(file)
        started = time.monotonic()
        chosen = sizes() if "sizes" in arguments else groups()
        quick = chosen.pop(BESIDE, None)
        beside = Beside(file, quick, Path(folder, "beside")) if quick else None
        for name, arguments in chosen.items():
            print(f"test: {name}", flush=True)
            failures += not run(file, arguments)
            print(f"test: {name}: over after {time.monotonic() - started:.0f} s", flush=True)
        if beside:
            print(f"test: {BESIDE}", flush=True)
            failures += not beside.end()
        passed, failed = (now - was for now, was in zip(tally.total(file), before, strict=True))
    print(f"test: {time.monotonic() - started:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failures else 0


def run(file: Path, arguments: list[str]) -> bool:
    """One run of pytest; a run that broke off without a failed test counts as one failure."""
    _, failed = tally.total(file)
    command = [sys.executable, "-m", "pytest", *arguments]
    code = subprocess.call(command, cwd=ROOT, env=tally.environment(file))
    if code and tally.total(file)[1] == failed:
        tally.add_failure(file)
    return code == 0


class Beside:
    """A run of pytest beside others; what it prints is shown at its end."""

    def __init__(self, file: Path, arguments: list[str], output: Path) -> None:
        self._output = output
        # A tally of its own, as failures of the others must not count for this one.
        self._file, self._own = file, output.with_suffix(".tally")
        command = [*NICE, sys.executable, "-m", "pytest", *arguments]
        with output.open("wb") as stream:
            self._run = subprocess.Popen(
                command,
                cwd=ROOT,
                env=tally.environment(self._own),
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    def end(self) -> bool:
        """Wait for it, show what it printed, and add its counts. True when all passed."""
        code = self._run.wait()
        print(self._output.read_text(encoding="utf-8", errors="replace"), flush=True)
        if code and not tally.total(self._own)[1]:
            tally.add_failure(self._own)
        with self._file.open("a", encoding="utf-8") as total:
            total.write(" ".join(map(str, tally.total(self._own))) + "\n")
        return code == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
