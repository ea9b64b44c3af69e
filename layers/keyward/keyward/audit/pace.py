"""Set the pace of a list of work by what the account's schedule leaves."""

from __future__ import annotations

import math
from collections.abc import Callable

from keyward.runs.schedule import AUDIT, CALLS, LANES, QUOTAS
from keyward.runs.turns import READS as READING
from keyward.runs.turns import Turns
from keyward.values import frozen

Clock = Callable[[], float]
# A function runs for 900 s at most; nobody waits for a round that takes so long.
ROUND_SECONDS = 300
# Calls a turn, and how often an item is tried.
READS, TRIES = 20, 5
# Runs that were just started have asked for their turns by then.
SETTLE_SECONDS = 2


@frozen
class Pace:
    """How a list of work takes its turns.

    `cost` is what a turn is for at most. An item is tried again so often when something passing
    prevents it, and fails after so many deaths of the process. `wait` asks for a turn: 0 when it is
    there, else in how many seconds to ask again. `settle` hears how much of the turns was not used,
    below zero what was used beyond them.
    """

    cost: float
    tries: int
    deaths: int
    wait: Callable[[float], int]
    settle: Callable[[float], None]


def pace_of_reading(turns: Turns, audit: str, clock: Clock) -> Pace:
    """The pace of calls of API Gateway, in turns of the lane of audits; `clock` gives epoch
    seconds."""
    until = clock() + ROUND_SECONDS

    def wait(calls: float) -> int:
        now = clock()
        if now >= until:
            return 1
        place = turns.take(f"audit#{audit}", audit, AUDIT, {CALLS: calls}, now, READING)
        return 0 if place.is_there else max(1, math.ceil(place.ready_at - now))

    def settle(left: float) -> None:
        """A list that was longer than a turn delays the next one."""
        if left > 0:
            turns.give_back({CALLS: left}, clock())
        elif left < 0:
            turns.debit({CALLS: -left}, clock())

    return Pace(cost=READS, tries=TRIES, deaths=1, wait=wait, settle=settle)


def pace_of_starts(turns: Turns, clock: Clock) -> Pace:
    """The pace of starting runs, ten at a time. They take turns of their own: more are started when
    what waits in all lanes is soon done."""
    rate = QUOTAS[CALLS][0] * turns.share / 100
    begun: list[float] = []

    def wait(_: float) -> int:
        if begun:
            return SETTLE_SECONDS
        waiting = sum(turns.waiting(lane, CALLS, clock()) for lane in LANES)
        seconds = math.ceil(waiting / rate) - 2 * SETTLE_SECONDS
        if seconds <= 0:
            begun.append(waiting)
        return max(0, seconds)

    return Pace(cost=10, tries=TRIES, deaths=2, wait=wait, settle=lambda left: None)
