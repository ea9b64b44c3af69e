"""The end that somebody asked for by SIGINT or SIGTERM."""

from __future__ import annotations

import os
import select
import signal


class Ending:
    """Hears the two signals from now on, in the main thread.

    A byte in a pipe says that one came. `threading.Event` misses one that comes as its wait begins,
    until the next: Python runs a handler only where the wait is interrupted.
    """

    def __init__(self) -> None:
        self._came, write = os.pipe()
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for a signal, for ever by default, and tell whether one came: now or before."""
        return bool(select.select([self._came], [], [], seconds)[0])
