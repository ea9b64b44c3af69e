"""Wait out a throttled call within a task that only reads."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from keyward.errors import ThrottledError

Answer = TypeVar("Answer")
MAX_PAUSE_SECONDS = 4.0


@dataclass
class Patience:
    """So many `seconds` of waiting for all calls of one task, of which none begins after `until`
    (epoch seconds, by `clock`); `pause` waits."""

    seconds: float
    pause: Callable[[float], object]
    until: float = math.inf
    clock: Callable[[], float] = time.time

    def call(self, read: Callable[[], Answer]) -> Answer:
        """Read, again after each 429 while there is time. Raises ThrottledError without.

        A 429 had no effect, so the same call is safe again (API Gateway, "Throttling").
        """
        longest = 0.5
        if self.clock() >= self.until:
            raise ThrottledError("the reading took longer than one call of the function may")
        while True:
            try:
                return read()
            except ThrottledError:
                # Jitter: runs that were refused together shall not come back together.
                seconds = longest * random.uniform(0.5, 1)
                if seconds > self.seconds:
                    raise
            self.seconds -= seconds
            self.pause(seconds)
            longest = min(2 * longest, MAX_PAUSE_SECONDS)


@dataclass
class Paced(Patience):
    """Patience that begins at most `rate` calls a second, so that most of the account's calls are
    left to others."""

    rate: float = 5
    free_at: float = 0

    def call(self, read: Callable[[], Answer]) -> Answer:
        """Read in its turn. Raises ThrottledError."""
        now = self.clock()
        if self.free_at > now:
            self.pause(self.free_at - now)
        self.free_at = max(self.free_at, now) + 1 / self.rate
        return super().call(read)
