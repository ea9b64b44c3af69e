"""Where jobs are measured: the bench, with the account's quotas enforced."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.meter import Meter, metered
from emulator.emulator import Emulator
from emulator.errors import ApiGatewayError
from emulator.quotas import OWN, TOTAL
from keyward.values import JSON
from local.bench import Bench

EVENTS = Path(__file__).resolve().parent.parent / "events"
REFUSED, MINUTE = 429, 60
SHARE, WHOLE = 50, 100
KEYWARD = "Keyward"
# What comes by itself at night, and the team's own calls, cost no job anything.
AUDIT = "audit_account"
NIGHTLY = ("AuditPart", "Repair", "ReadUsage", "WriteReport")
FAILURES = ("CustomerFailed", "ApiFailed")
# The sample events have occurred by then.
STARTED = "2026-12-05T00:00:00Z"
MAX_MINUTES = 24 * 60


@dataclass(frozen=True)
class Row:
    """What a job cost, at one size. `seconds` are virtual; `refused` are calls that the quotas
    refused (429), beside `reads` and `writes`. `failed` counts runs that failed, failures that were
    announced, and customers or stages that were not served. `busiest` is the most calls of any
    minute. `floor` are the seconds that the quotas need for these calls at this share, if all come
    at once. A retry counts as a transition, as Step Functions bills it. `counts` are what AWS bills
    by benchmarks/prices.py. Peers have neither functions nor machines of ours."""

    who: str
    job: str
    size: int
    share: int
    reads: int
    writes: int
    refused: int
    failed: int
    seconds: float
    busiest: int
    floor: float
    counts: dict[str, int] | None = None

    def as_json(self) -> JSON:
        """A row of latest.json."""
        return asdict(self)


@dataclass
class Desk:
    """A bench; `trail` are CloudTrail's events of the last job, `heard` its announcements with
    their times."""

    bench: Bench
    share: int
    meter: Meter
    trail: list[JSON] = field(default_factory=list)
    heard: list[tuple[float, JSON]] = field(default_factory=list)

    def measure(
        self,
        job: str,
        action: Callable[[], object],
        size: int = 1,
        unserved: Callable[[], int] = lambda: 0,
        until: Callable[[], float | None] = lambda: None,
        nights: bool = False,
    ) -> Row:
        """What `action`, and all that follows from it, costs under the account's quotas, whose
        buckets are full when it starts. It ends when nothing is under way and nobody is `unserved`;
        `until` is when, by default the end of the last run. What comes by itself at night counts
        only with `nights`."""
        bench, beside = self.bench, () if nights else NIGHTLY
        self.trail.clear()
        self.heard.clear()
        bench.emulator.ledger.clear()
        bench.emulator.enforce_quotas(True)
        begun, runs, before = bench.clock.now(), len(bench.runs), self._counts(beside)
        action()
        self._settle(unserved)
        made = [run for run in bench.runs[runs:] if nights or run.machine != AUDIT]
        after = self._counts(beside)
        counts = {name: number - before.get(name, 0) for name, number in after.items()}
        counts["transitions"] = sum(len(run.states) + run.retries for run in made)
        failed = sum(run.status != "SUCCEEDED" for run in made) + unserved()
        failed += sum(event["detail-type"] in FAILURES for _, event in self.heard)
        ended = until() or max((run.ended or begun for run in made), default=bench.clock.now())
        roles = {f"{bench.stack.role_path}{name}Role" for name in beside} | {None}
        calls = [call for call in bench.emulator.ledger if call["caller"] not in roles]
        return row(KEYWARD, job, size, self.share, calls, failed, ended - begun, counts)

    def _settle(self, unserved: Callable[[], int]) -> None:
        """Let a minute pass, and due work with it, until everybody is served."""
        self.bench.run()
        for _ in range(MAX_MINUTES):
            if not unserved():
                return
            self.bench.advance(seconds=MINUTE)

    def _counts(self, beside: tuple[str, ...]) -> dict[str, int]:
        invoked, bench = self.bench.account.invoked, self.bench
        calls = sum(number for name, number in invoked.items() if name not in beside)
        # A batch that a function takes from a queue is a receive and a delete.
        taken = 2 * sum(invoked[source.function] for source in bench.stack.sources if source.queue)
        counts = {**self.meter.counts, "lambda_calls": calls}
        return counts | {"queue_requests": counts.get("queue_requests", 0) + taken}

    def last(self, kind: str) -> float | None:
        """When the last announcement of a kind was made (epoch seconds)."""
        return max((at for at, event in self.heard if event["detail-type"] == kind), default=None)

    def tell(self, name: str, customers: Iterable[str], **more: Any) -> None:
        """The event of a sample for each customer, all at the same moment."""
        made = event(name)
        for customer_id in customers:
            detail = made["detail"] | {"customer_id": customer_id} | more
            self.bench.send(made["detail-type"], **detail)

    def edit(self, rest_api_id: str, body: JSON) -> None:
        """The team replaces its working copy."""
        params = {"restApiId": rest_api_id, "mode": "overwrite", "body": json.dumps(body).encode()}
        self.team("PutRestApi", params)

    def team(self, operation: str, params: JSON) -> JSON:
        """A call of the team that takes nothing of the quotas."""
        with self.bench.emulator.quotas.lifted():
            return self.bench.emulator.call(operation, params)


def row(
    who: str,
    job: str,
    size: int,
    share: int,
    calls: list[JSON],
    failed: int,
    seconds: float,
    counts: dict[str, int] | None = None,
) -> Row:
    """A row of the calls that a ledger holds."""
    answered = [call for call in calls if call["status"] != REFUSED]
    reads = sum(call["operation"].startswith("Get") for call in answered)
    refused = len(calls) - len(answered)
    numbers = (reads, len(answered) - reads, refused, failed, round(seconds, 1), busiest(calls))
    return Row(who, job, size, share, *numbers, floor(answered, share), counts)


def floor(calls: list[JSON], share: int) -> float:
    """The seconds that the quotas need for these calls: of all calls, or of one operation."""
    counts = Counter(call["operation"] for call in calls)
    buckets = [(TOTAL, counts.total()), *((OWN[name], counts[name]) for name in OWN)]
    needed = [100 / share * (made - burst) / rate for (rate, burst), made in buckets]
    return round(max(0.0, *needed), 1)


def busiest(calls: list[JSON]) -> int:
    """The most calls of any sixty seconds, the refused ones too."""
    most, window = 0, deque[float]()
    for call in calls:
        window.append(call["at"])
        while window[0] <= call["at"] - MINUTE:
            window.popleft()
        most = max(most, len(window))
    return most


def sample(name: str) -> JSON:
    """A sample from events/, by its file's name without `.json`."""
    [path] = EVENTS.glob(f"*/{name}.json")
    loaded: JSON = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def event(name: str) -> JSON:
    """A sample event that occurs when it is sent."""
    loaded = sample(name)
    loaded["detail"].pop("occurred_at", None)
    return loaded


@contextmanager
def desk(share: int = SHARE, propagation: float = 120) -> Iterator[Desk]:
    """A fresh desk. Changes take up to `propagation` seconds; 0 also leaves out their waits."""
    bench = Bench(quotas=True, share=share, propagation=propagation, started=STARTED)
    deliver = bench.emulator.on_event
    assert deliver is not None
    with bench, metered(bench) as meter:
        made = Desk(bench, share, meter)

        def hear(event: JSON) -> None:
            made.trail.append(event)
            deliver(event)

        bench.emulator.on_event = hear
        bench.account.announced = Heard(made)
        yield made


class Heard(list[JSON]):
    """The announcements of a bench; each is noted with its time."""

    def __init__(self, made: Desk) -> None:
        super().__init__(made.bench.announced)
        self._made = made

    def append(self, event: JSON) -> None:
        """Note an event that Keyward puts on the bus."""
        self._made.heard.append((self._made.bench.clock.now(), event))
        super().append(event)


class Team:
    """The people who own the account make a read each second; `refused` of `asked` are refused."""

    def __init__(self, bench: Bench) -> None:
        self.asked, self.refused, self._ends = 0, 0, False
        self._after = partial(bench.account.scheduler.after, 1, self._read, background=True)
        self._emulator: Emulator = bench.emulator
        self._after()

    def _read(self) -> None:
        if self._ends:
            return
        self.asked += 1
        try:
            self._emulator.call("GetRestApis", {})
        except ApiGatewayError:
            self.refused += 1
        self._after()

    def end(self) -> None:
        """Go home."""
        self._ends = True
