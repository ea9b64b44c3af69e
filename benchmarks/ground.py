"""An account on the emulator without Keyward, with the quotas enforced: where peers are measured.

It imports no package, so that a peer's own environment can run it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from emulator.clock import VirtualClock
from emulator.emulator import Emulator
from keyward.values import JSON
from local.lifetime.documents import document

# A call of API Gateway is assumed to take so long; nothing else takes any time.
CALL_SECONDS = 0.05
STAGE = "prod"


@dataclass
class Ground:
    """The account."""

    clock: VirtualClock = field(default_factory=VirtualClock)

    def __post_init__(self) -> None:
        self.emulator = Emulator(clock=self.clock)

    def plan(self) -> str:
        """Make a usage plan: its id."""
        limits = {"rateLimit": 5, "burstLimit": 10}
        made = self.emulator.call("CreateUsagePlan", {"name": "free", "throttle": limits})
        return str(made["id"])

    def api(self, methods: int, stages: tuple[str, ...] = (STAGE,)) -> str:
        """Make and deploy an API of so many open methods: its id."""
        body = json.dumps(document(paths(methods))).encode()
        api_id = str(self.emulator.call("ImportRestApi", {"body": body})["id"])
        for stage in stages:
            self.emulator.call("CreateDeployment", {"restApiId": api_id, "stageName": stage})
        return api_id

    def begin(self) -> float:
        """Enforce the quotas, whose buckets are full, and forget the calls so far: the time."""
        self.emulator.ledger.clear()
        self.emulator.enforce_quotas(True)
        return self.clock.now()


def paths(methods: int, security: list[str] | None = None) -> JSON:
    """So many methods, two a path: an API has 300 resources at most. By default none of them asks
    for a key."""
    two = {"get": security, "post": security}
    return {f"/things{number}": two for number in range(methods // 2)}
