"""Virtual time that everything shares: what is due next is done next.

Functions run in threads of their own, one at a time, so that a call that takes time lets others
run meanwhile; a simulation of many gives the same figures each time."""

from __future__ import annotations

import heapq
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from emulator.clock import VirtualClock

Action = Callable[[], None]
Then = Callable[[Any, BaseException | None], None]


class Died(BaseException):
    """The process of a function died here: nothing of it goes on."""


@dataclass
class Invocation:
    """A function at work. Once it is `killed`, it dies where it waits or calls."""

    function: str
    work: Callable[[], Any]
    then: Then
    killed: bool = False
    answer: Any = None
    error: BaseException | None = None
    done: bool = False

    def run(self) -> None:
        """Keep what it returned or raised."""
        try:
            self.answer = self.work()
        except BaseException as raised:  # noqa: BLE001 - whoever invoked it decides
            self.error = raised
        self.done = True


class Worker:
    """A thread that runs one invocation after the other; it stands still unless it has the turn."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._gate = _closed()
        self.invocation: Invocation | None = None
        threading.Thread(target=self._live, daemon=True).start()

    def go_on(self) -> None:
        """Give the turn to this thread until it waits or ends. For the thread of the scheduler."""
        self._gate.release()
        self._scheduler.turn.acquire()
        invocation = self.invocation
        if invocation and invocation.done:
            self.invocation = None
            self._scheduler.idle.append(self)
            invocation.then(invocation.answer, invocation.error)

    def sleep(self, seconds: float) -> None:
        """Let others run for so long. Raises Died when the process was killed meanwhile."""
        if not self._scheduler.passes(seconds):
            self._scheduler.after(seconds, self.go_on)
            self._scheduler.turn.release()
            self._gate.acquire()
        self.check()

    def check(self) -> None:
        """Raise Died when the process was killed."""
        if self.invocation and self.invocation.killed:
            raise Died

    def end(self) -> None:
        """Let the idle thread end."""
        self._gate.release()

    def _live(self) -> None:
        self._scheduler.own.worker = self
        while True:
            self._gate.acquire()
            if self.invocation is None:
                return
            self.invocation.run()
            self._scheduler.turn.release()


def _closed() -> threading.Lock:
    """A gate that is shut: a lock costs a tenth of a semaphore."""
    gate = threading.Lock()
    gate.acquire()
    return gate


class Scheduler:
    """What is to be done, by its time. Background actions come back for ever (schedules) or only
    watch (time-outs): nobody waits for them."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.turn = _closed()
        self.own = threading.local()
        self.idle: list[Worker] = []
        self._due: list[tuple[float, int, bool, Action]] = []
        self._order = count()
        self._foreground = 0
        # Until when the run that is under way goes on; outside of one no time passes.
        self._until = -math.inf

    def after(self, seconds: float, action: Action, *, background: bool = False) -> None:
        """Do it so many seconds from now."""
        self._foreground += not background
        at = self.clock.now() + max(0.0, seconds)
        heapq.heappush(self._due, (at, next(self._order), background, action))

    def run(self, until: float | None = None) -> None:
        """Do what is due until a time (epoch seconds); by default until nothing is under way."""
        self._until = math.inf if until is None else until
        try:
            while self._due and (self._foreground if until is None else self._due[0][0] <= until):
                at, _, background, action = heapq.heappop(self._due)
                self._foreground -= not background
                self.clock.advance(max(0.0, at - self.clock.now()))
                action()
        finally:
            self._until = -math.inf
        if until is not None:
            self.clock.advance(max(0.0, until - self.clock.now()))

    def passes(self, seconds: float) -> bool:
        """Let the time pass if nothing else is due in it, and say whether it did: a function that
        waits alone needs no change of threads, which costs more than most of its calls."""
        at = self.clock.now() + max(0.0, seconds)
        if at > self._until or (self._due and self._due[0][0] <= at):
            return False
        self.clock.advance(max(0.0, at - self.clock.now()))
        return True

    def begin(self, invocation: Invocation) -> None:
        """Run an invocation in a thread until it waits or ends."""
        worker = self.idle.pop() if self.idle else Worker(self)
        worker.invocation = invocation
        worker.go_on()

    @property
    def worker(self) -> Worker | None:
        """The thread that has the turn; None outside of functions."""
        return getattr(self.own, "worker", None)

    def sleep(self, seconds: float) -> None:
        """Let time pass for the function that calls; outside of one nothing passes."""
        if self.worker:
            self.worker.sleep(seconds)

    def close(self) -> None:
        """End all threads that have nothing to do."""
        for worker in self.idle:
            worker.end()
        self.idle.clear()
