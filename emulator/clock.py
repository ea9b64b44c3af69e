"""Real and virtual time: quotas, throttles, usage days and propagation run on it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where the emulator gets its time from."""

    def now(self) -> float:
        """Epoch seconds, UTC."""


class RealClock:
    """The machine's clock."""

    def now(self) -> float:
        """Epoch seconds, UTC."""
        return time.time()


class VirtualClock:
    """A clock that stands still until somebody advances it: simulations pass weeks in seconds."""

    def __init__(self, start: float = 1_795_000_000.0) -> None:
        self._now = start

    def now(self) -> float:
        """Epoch seconds, UTC."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._now += seconds
