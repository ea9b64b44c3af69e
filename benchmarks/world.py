"""Virtual time that several executions share: a discrete-event simulation on threads."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Sequence
from itertools import count

from emulator.clock import VirtualClock

Gate = threading.Semaphore


class World:
    """A clock on which jobs wait for each other's turn. One runs at a time, the one that is due
    next, so that a simulation of many gives the same figures each time."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Gate]] = []
        self._order = count()
        self._turn_over = Gate(0)
        self._own = threading.local()
        self._failures: list[BaseException] = []

    def now(self) -> float:
        """Epoch seconds."""
        return self._clock.now()

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass for the caller; other jobs run meanwhile."""
        gate: Gate | None = getattr(self._own, "gate", None)
        if gate is None:
            self._clock.advance(seconds)
            return
        self._wait(self.now() + seconds, gate)
        self._turn_over.release()
        gate.acquire()

    def run(self, jobs: Sequence[Callable[[], None]]) -> None:
        """Begin all jobs now and return when the last has ended. Raises what a job raised."""
        for job in jobs:
            gate = Gate(0)
            self._wait(self.now(), gate)
            threading.Thread(target=self._job, args=(job, gate), daemon=True).start()
        while self._due:
            at, _, gate = heapq.heappop(self._due)
            self._clock.advance(max(0.0, at - self.now()))
            gate.release()
            self._turn_over.acquire()
        if self._failures:
            raise self._failures[0]

    def _wait(self, until: float, gate: Gate) -> None:
        heapq.heappush(self._due, (until, next(self._order), gate))

    def _job(self, job: Callable[[], None], gate: Gate) -> None:
        self._own.gate = gate
        gate.acquire()
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - kept here, raised by `run`
            self._failures.append(error)
        finally:
            self._turn_over.release()
