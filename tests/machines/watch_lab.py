"""Clients that ask a stage all the time while a run of protect-api is under way on the virtual
clock: after each control-plane call, which is before the next, and at every few seconds of each
wait."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from emulator import data_plane
from tests.machines.api_lab import Lab

# aws-recorded.md 10: what changes reaches every host after 40 to 85 s, answers are mixed meanwhile.
PROPAGATION_SECONDS = 85
LOOK_EVERY_SECONDS = 15
# Each request meets a host by chance: so often that none stays unseen for long.
ASKS = 2


@dataclass(frozen=True)
class Look:
    """What was answered at one moment: statuses by method, with the good key and without one, and
    the methods that the stage serves as the control plane has it: those that ask for no key."""

    at: float
    with_key: dict[str, set[int]]
    without: dict[str, set[int]]
    open: frozenset[str]


@dataclass
class Watch:
    """A stage of an API, asked for its methods (`GET /pets`)."""

    lab: Lab
    api_id: str
    methods: tuple[str, ...]
    key: str
    looks: list[Look] = field(default_factory=list)

    def look(self) -> None:
        """Ask for every method, with the key and without it."""
        emulator = self.lab.bench.emulator
        api = emulator.state.rest_apis[self.api_id]
        snapshot = api.deployments[api.stages["prod"].deployment_id].snapshot
        open_now = frozenset(
            f"{verb} {path}"
            for path, verbs in snapshot.paths.items()
            for verb, method in verbs.items()
            if not method.get("apiKeyRequired") and verb != "OPTIONS"
        )
        self.looks.append(
            Look(
                emulator.clock.now(),
                {method: self._asked(method, {"x-api-key": self.key}) for method in self.methods},
                {method: self._asked(method, {}) for method in self.methods},
                open_now,
            )
        )

    def _asked(self, method: str, headers: dict[str, str]) -> set[int]:
        verb, path = method.split()
        verb = verb.replace("ANY", "GET")
        path = re.sub(r"\{[^}]*\}", "x", path)
        ask = (self.lab.bench.emulator, verb, self.api_id, "prod", path, "", headers, b"")
        return {data_plane.handle(*ask)[0] for _ in range(ASKS)}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look after every control-plane call, and every some seconds while the clock advances."""
        emulator, clock = self.lab.bench.emulator, self.lab.bench.clock
        call, advance = emulator.call, clock.advance

        self.look()

        def watched(operation: str, *args: Any, **more: Any) -> Any:
            try:
                return call(operation, *args, **more)
            finally:
                self.look()

        def stepwise(seconds: float) -> None:
            while seconds > 0:
                step = min(seconds, LOOK_EVERY_SECONDS)
                advance(step)
                seconds -= step
                self.look()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(emulator, "call", watched)
            patch.setattr(clock, "advance", stepwise)
            yield

    def never_refused(self) -> bool:
        """Whether no request with the good key was answered with a 403, at any time."""
        return all(403 not in asked for look in self.looks for asked in look.with_key.values())

    def never_half_closed(self) -> bool:
        """Whether the stage served what it served before or, once, all methods closed: nothing in
        between, and never again what was before."""
        first = self.looks[0].open
        states = [look.open for look in self.looks]
        closed = states.index(frozenset()) if frozenset() in states else len(states)
        return set(states[:closed]) <= {first} and set(states[closed:]) <= {frozenset()}

    def never_opened(self) -> bool:
        """Whether a method that was closed at first was never answered without a key."""
        first = self.looks[0]
        shut = [method for method in self.methods if method not in first.open]
        return all(look.without[method] == {403} for look in self.looks for method in shut)

    def closed_for_good(self) -> bool:
        """Whether nobody without a key gets through once every host knows the closed stage."""
        closed = next(look.at for look in self.looks if not look.open)
        late = [look for look in self.looks if look.at > closed + PROPAGATION_SECONDS]
        return bool(late) and all(
            asked == {403} for look in late for asked in look.without.values()
        )


def slow(lab: Lab) -> None:
    """From now on changes take as long as they take on AWS."""
    lab.bench.emulator.set_propagation(PROPAGATION_SECONDS)


def customer(lab: Lab) -> str:
    """The value of a customer's key in plan pro, which is there before any other plan; nobody is
    throttled."""
    wide = {"throttle": {"rateLimit": 10000, "burstLimit": 5000}}
    lab.policy(usage_plans={"pro": wide})
    assert lab.run(lab.api()).status == "SUCCEEDED"
    key = lab.key_in("pro")
    lab.policy(usage_plans={"pro": wide, "free": wide})
    lab.bench.clock.advance(1000)
    return str(lab.client.get_api_key(apiKey=key, includeValue=True)["value"])
