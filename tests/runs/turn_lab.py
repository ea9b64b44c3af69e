"""One run on one API, on its way into a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keyward.apis.progress import REQUIRE, Progress
from keyward.aws.tables.call_schedule import TurnItem
from keyward.runs.apis.turn import ApiTurn
from keyward.runs.schedule import CALLS
from keyward.values import JSON
from tests.support import Bench

API, SUBJECT = "a1b2c3d4e5", "api#a1b2c3d4e5"
RUNS = "arn:aws:states:us-east-1:123456789012:execution:protect-api"
RUN, OTHER = f"{RUNS}:run-1", f"{RUNS}:run-2"
# Half of the account's calls: 5 a second, 20 at once.
FIVE = {CALLS: 5.0}


@dataclass
class TurnLab:
    """One run on one API, and the account's calls."""

    bench: Bench

    @property
    def now(self) -> float:
        return self.bench.clock.now()

    def run(self, step: str = REQUIRE, **more: Any) -> ApiTurn:
        progress = Progress(API, RUN, next=step, **more)
        return ApiTurn(self.bench.context(), progress)

    def leased(self, step: str = REQUIRE, **more: Any) -> ApiTurn:
        lease = self.bench.registry.leases.acquire(SUBJECT, RUN, self.now)
        assert lease
        return self.run(step, lease=lease.as_json(), **more)

    def busy(self, seconds: float) -> None:
        """Who asks for five calls has its turn in so many seconds."""
        self.bench.context().turns.debit({CALLS: 15 + 5 * seconds}, self.now)

    def turn(self, subject: str = SUBJECT) -> TurnItem | None:
        return self.bench.registry.schedule.turn(subject)

    def used(self) -> float:
        return self.bench.context().turns.in_use(self.now)[0]

    def expires_in(self) -> float:
        item = self.bench.tables["LeasesTable"].get_item(Key={"lease": SUBJECT})["Item"]
        return float(item["expires_at"] - int(self.now))

    def told(self) -> list[JSON]:
        return [entry["Detail"] for entry in self.bench.bus.entries]
