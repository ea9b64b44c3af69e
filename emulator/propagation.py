"""How changes reach the gateway hosts: at once, or late and one host after the other.

Recorded on AWS (aws-recorded.md 10): a new key, a disabled one, an attachment, a stage or a moved
stage takes 40 to 85 s to reach every host; meanwhile old and new answers come mixed, because each
request may meet another host. The control plane reads back at once. An API's first stage answers
at once.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from emulator.clock import Clock
from emulator.facts import Collector, Facts, collectors_of, first_stages
from emulator.model import JSON, State
from emulator.view import Entity, Fact, StageView, View, read

HOSTS = 6


@dataclass(frozen=True)
class Change:
    """What an entity was before, and when each host gets to know that it is so no more."""

    before: Fact
    seen_at: tuple[float, ...]


class Propagation:
    """Publishes changes to `HOSTS` virtual gateway hosts between `seconds`/2 and `seconds` later.

    The same `seed` and the same calls give the same moments and the same host for each request.
    """

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        self._clock = clock
        self._random = random.Random(seed)
        self._under_way: dict[Entity, list[Change]] = {}
        self._settled_at = 0.0
        self.seconds = 0.0

    def set(self, seconds: float) -> None:
        """From now on changes take up to `seconds`; 0: at once, and what is under way arrives too.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError("seconds must not be negative")
        self.seconds = float(seconds)
        if not seconds:
            self._under_way.clear()

    @contextmanager
    def around(self, state: State, operation: str, params: JSON) -> Iterator[None]:
        """Wraps a write: what it changed is published to each host in its own time.

        Also what a refused call changed: ImportApiKeys keeps the good rows (aws-recorded.md 2).
        """
        collectors = collectors_of(operation) if self.seconds else ()
        if not collectors:
            yield
            return
        before: Facts = {}
        for collect in collectors:
            before.update(collect(state, params))
        try:
            yield
        finally:
            self._publish_changes(before, state, collectors, params)

    def _publish_changes(
        self, before: Facts, state: State, collectors: tuple[Collector, ...], params: JSON
    ) -> None:
        after: Facts = {}
        for collect in collectors:
            after.update(collect(state, params))
        at_once = first_stages(before, after)
        for entity in {**before, **after}:
            old = before.get(entity)
            new = after[entity] if entity in after else read(state, entity)
            if entity not in at_once and not _same(old, new):
                self._publish(entity, old)

    def view(self, state: State) -> View:
        """What the host knows that the next request meets."""
        now = self._clock.now()
        if self._under_way and now >= self._settled_at:
            self._under_way.clear()
        if not self._under_way:
            return View(state)
        return HostView(state, self._under_way, self._random.randrange(HOSTS), now)

    def falls_within(self, percent: float) -> bool:
        """Whether a request is one of the `percent` that a canary gets."""
        return percent > 0 and self._random.random() * 100 < percent

    def _publish(self, entity: Entity, before: Fact) -> None:
        now = self._clock.now()
        earlier = [
            change for change in self._under_way.get(entity, []) if max(change.seen_at) > now
        ]
        floor = earlier[-1].seen_at if earlier else (now,) * HOSTS
        seen_at = tuple(map(max, self._moments(now), floor))
        self._under_way[entity] = [*earlier, Change(before, seen_at)]
        self._settled_at = max(self._settled_at, *seen_at)

    def _moments(self, now: float) -> list[float]:
        """One moment a host, spread over the second half of the time, so that answers do flap."""
        half = self.seconds / 2
        slots = [(host + self._random.random()) / HOSTS for host in range(HOSTS)]
        self._random.shuffle(slots)
        return [now + half + half * slot for slot in slots]


class HostView(View):
    """What one host knows: the truth, but for the changes that have not reached it."""

    def __init__(
        self, state: State, under_way: dict[Entity, list[Change]], host: int, now: float
    ) -> None:
        super().__init__(state)
        self._under_way = under_way
        self._host = host
        self._now = now

    def fact(self, entity: Entity) -> Fact:
        """What this host holds to be so."""
        for change in self._under_way.get(entity, ()):
            if change.seen_at[self._host] > self._now:
                return change.before
        return super().fact(entity)

    def plan_ids(self) -> list[str]:
        """The plans there are, and those that this host may still know."""
        gone = [entity[1] for entity in self._under_way if entity[0] == "limits"]
        return list(dict.fromkeys([*self.state.plans, *gone]))


def _same(old: Fact, new: Fact) -> bool:
    if isinstance(old, StageView) and isinstance(new, StageView):
        return (
            old.settings == new.settings
            and old.snapshot is new.snapshot
            and old.canary is new.canary
        )
    return bool(old == new)
