"""Where jobs are measured: the bench, with the account's quotas enforced."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local.bench import Bench
from local.lifetime.account import CALL_SECONDS

__all__ = ["CALL_SECONDS", "Budget", "Cost", "Desk", "desk", "event", "sample"]

JSON = dict[str, Any]
Budget = tuple[int, int] | None

EVENTS = Path(__file__).resolve().parent.parent / "events"
REFUSED = 429
# What comes by itself at night, and the team's own calls, cost no job anything.
AUDIT = "audit_account"
NIGHTLY = ("AuditPart", "Repair", "ReadUsage", "WriteReport")
BESIDE = (None, *(f"{name}Role" for name in NIGHTLY))
# The sample events have occurred by then.
STARTED = "2026-12-05T00:00:00Z"


@dataclass(frozen=True)
class Cost:
    """What a job cost. `seconds` are virtual, until the last run has ended; `refused` are calls
    that the quotas refused (429), beside `reads` and `writes`; a retry counts as a transition, as
    Step Functions bills it; `failed` are runs; `budget` is the most that DESIGN.md 7 allows."""

    job: str
    reads: int
    writes: int
    refused: int
    seconds: float
    lambda_calls: int
    transitions: int
    failed: int
    budget: Budget

    def as_json(self) -> JSON:
        """A row of latest.json."""
        return asdict(self)


@dataclass
class Desk:
    """A bench; `trail` are CloudTrail's events of the last job."""

    bench: Bench
    trail: list[JSON] = field(default_factory=list)

    def measure(
        self, job: str, action: Callable[[], object], reads: int | None = None, writes: int = 0
    ) -> Cost:
        """What `action`, and all that follows from it, costs under the account's quotas, whose
        buckets are full when it starts. Its budget: `reads` and `writes`, none when `reads` is
        None."""
        bench = self.bench
        self.trail.clear()
        bench.emulator.ledger.clear()
        bench.emulator.enforce_quotas(True)
        begun, runs, invoked = bench.clock.now(), len(bench.runs), _invoked(bench)
        action()
        bench.run()
        made = [run for run in bench.runs[runs:] if run.machine != AUDIT]
        calls = [call for call in bench.calls if call["caller"] not in BESIDE]
        refused = [call for call in calls if call["status"] == REFUSED]
        read = [c for c in calls if c["operation"].startswith("Get") and c not in refused]
        ended = max((run.ended or begun for run in made), default=bench.clock.now())
        return Cost(
            job,
            len(read),
            len(calls) - len(refused) - len(read),
            len(refused),
            round(ended - begun, 1),
            _invoked(bench) - invoked,
            sum(len(run.states) + run.retries for run in made),
            sum(run.status != "SUCCEEDED" for run in made),
            None if reads is None else (reads, writes),
        )

    def tell(self, name: str, customers: list[str]) -> None:
        """The event of a sample for each customer, all at the same moment."""
        for customer_id in customers:
            told = event(name)
            self.bench.send(told["detail-type"], **told["detail"] | {"customer_id": customer_id})

    def edit(self, rest_api_id: str, body: JSON) -> None:
        """The team replaces its working copy."""
        params = {"restApiId": rest_api_id, "mode": "overwrite", "body": json.dumps(body).encode()}
        with self.bench.emulator.quotas.lifted():
            self.bench.emulator.call("PutRestApi", params)


def _invoked(bench: Bench) -> int:
    """The calls of functions so far, without those of the nights."""
    return sum(number for name, number in bench.account.invoked.items() if name not in NIGHTLY)


def sample(name: str) -> JSON:
    """A sample from events/, by its file's name without `.json`."""
    [path] = EVENTS.glob(f"*/{name}.json")
    loaded: JSON = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def event(name: str) -> JSON:
    """A sample event that occurs when it is sent."""
    told = sample(name)
    told["detail"].pop("occurred_at", None)
    return told


@contextmanager
def desk() -> Iterator[Desk]:
    """A fresh desk."""
    bench = Bench(quotas=True, propagation=120, started=STARTED)
    deliver = bench.emulator.on_event
    assert deliver is not None
    made = Desk(bench)

    def heard(told: JSON) -> None:
        made.trail.append(told)
        deliver(told)

    bench.emulator.on_event = heard
    with bench:
        yield made
