"""The time of the cases: a run on a real account stays below its quotas (api-gateway.md 1)."""

from __future__ import annotations

import threading
import time
from typing import Protocol

# seconds between two calls of an operation; a little more than the quota asks for
SECONDS_BETWEEN = {
    "raw": 0.5,
    "CreateApiKey": 0.25,
    "DeleteApiKey": 0.25,
    "CreateResource": 0.25,
    "DeleteResource": 0.25,
    "GetResources": 0.5,
    "CreateDeployment": 5.5,
    "UpdateUsagePlan": 20.5,
    "PutRestApi": 1.2,
    "ImportRestApi": 30.5,
    "CreateRestApi": 30.5,
    "CreateRegionalRestApi": 3.2,
    "DeleteRestApi": 30.5,
}
SECONDS_BETWEEN_ANY = 0.2


class Clock(Protocol):
    """The account's time."""

    def now(self) -> float:
        """Epoch seconds, UTC."""

    def advance(self, seconds: float) -> None:
        """Return when `seconds` have passed."""


class PassingTime:
    """The time of an account elsewhere: who wants some to pass must wait."""

    def now(self) -> float:
        """Epoch seconds, UTC."""
        return time.time()

    def advance(self, seconds: float) -> None:
        """Return when `seconds` have passed."""
        time.sleep(seconds)


class Pacer:
    """Holds a call back until its turn has come."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}

    def wait(self, operation: str) -> None:
        """Returns when the operation may be called."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next.get(operation, 0.0), self._next.get("", 0.0))
            self._next[operation] = turn + SECONDS_BETWEEN.get(operation, 0.0)
            self._next[""] = turn + SECONDS_BETWEEN_ANY
        time.sleep(turn - now)
