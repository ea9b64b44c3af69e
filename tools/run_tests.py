"""`make test`: every test, in groups that suit the machine, and one line that adds them up.

Tests of the whole stack wait most of the time, so three of them run at once. All other tests share
two workers.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools import tally

ROOT = Path(__file__).resolve().parent.parent
STACK = "tests/stack"
LOCAL = f"{STACK}/local"
PROVE = "tests/prove"


def groups() -> dict[str, list[str]]:
    """What each run of pytest is told, by its name."""
    rooms = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").iterdir())
    quick = [room for room in rooms if (ROOT / room).is_dir() and not room.endswith("__")]
    quick.remove(STACK)
    quick.remove(PROVE)
    return {
        # The random histories are one test of a minute: it begins first, so that nothing waits.
        "rooms, rules and the emulator": ["-n", "2", PROVE, *quick, "emulator/tests"],
        "the local AWS": [LOCAL],
        "the whole stack": ["-n", "3", "--dist", "loadfile", STACK, f"--ignore={LOCAL}"],
    }


def main() -> int:
    """Run all groups, whatever fails; the exit status is 0 only when every test passed."""
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(os.environ.get(tally.FILE) or Path(folder, "tally"))
        before = tally.total(file)
        started = time.monotonic()
        for name, arguments in groups().items():
            print(f"test: {name}", flush=True)
            failures += not run(file, arguments)
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


if __name__ == "__main__":
    sys.exit(main())
