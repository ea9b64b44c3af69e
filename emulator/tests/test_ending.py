"""A process that is asked to end hears of it, whenever that is."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os, threading
from emulator.ending import Ending
ending = Ending()
assert not ending.wait(0)
if {before}:
    os.kill(os.getpid(), {number})
else:
    threading.Timer(0.1, os.kill, (os.getpid(), {number})).start()
assert ending.wait()
assert ending.wait(0)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("before", [True, False])
def test_a_signal_before_or_during_the_wait_ends_it(number: signal.Signals, before: bool) -> None:
    script = SCRIPT.format(number=int(number), before=before)
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
