"""Many customers: bursts, streams, and what goes on beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from benchmarks.desk import Desk, Row, Team
from benchmarks.jobs import LATER
from keyward.values import JSON, iso
from local.bench import epoch

MINUTE, EXPIRY = 60, 7200
# Moments of a burst at which a key is stopped, in seconds since its first event.
MOMENTS = (0.2, 1, 2, 5, 10, 20, 60)
STOPS = ("suspend", "leak")
STOPPING = ("UpdateApiKey", "DeleteApiKey")


@dataclass(frozen=True)
class Beside:
    """What others see of a job: how many calls were `refused` of those that were `asked`, or the
    `worst` of `asked` cases, in seconds or percent."""

    job: str
    size: int
    asked: int
    refused: int = 0
    worst: float = 0.0

    def as_json(self) -> JSON:
        """An item of latest.json."""
        return asdict(self)


class Customers:
    """So many customers of a desk who sign up, and have nothing but a plan."""

    def __init__(self, made: Desk, number: int) -> None:
        self.names = [f"customer-{one:05d}" for one in range(number)]
        self._made, self._send = made, made.bench.send

    def sign_up(self, names: Iterable[str] | None = None, **more: Any) -> None:
        """All of them, or those of `names`, at the same moment."""
        for customer_id in self.names if names is None else names:
            self._send("CustomerSignedUp", customer_id=customer_id, plan="free", **more)

    def sign_up_at(self, rate: float) -> None:
        """So many a second."""
        for position, customer_id in enumerate(self.names):
            arrive = partial(self.sign_up, [customer_id])
            self._made.bench.account.scheduler.after(position / rate, arrive)

    def without_key(self) -> int:
        """How many of them have not exactly one key that works, in exactly one plan."""
        state, keys = self._made.bench.emulator.state, Counter[str]()
        plans = Counter(key_id for plan in state.plans.values() for key_id in plan.key_ids)
        for key_id, key in state.keys.items():
            customer_id = key.settings["name"].rpartition("/")[0]
            keys[customer_id] += 1 if key.enabled and plans[key_id] == 1 else 2
        return sum(keys[customer_id] != 1 for customer_id in self.names)

    def issued(self) -> float | None:
        """When the last of them was told that the key is there."""
        return self._made.last("KeyIssued")


def known_plan(made: Desk, *names: str) -> None:
    """Somebody was there before, so that the usage plan's id is known, and has closed since: an
    account has room for 10,000 keys."""
    Customers(made, 0).sign_up(["first", *names])
    made.bench.run()
    made.bench.send("CustomerClosed", customer_id="first")
    made.bench.run()
    made.bench.advance(seconds=LATER)


def at_once(number: int) -> str:
    """The name of a burst."""
    return f"{number:,} sign-up{'s' if number > 1 else ''} at once"


def burst(made: Desk, number: int) -> Iterator[Row]:
    """So many customers sign up at the same moment."""
    known_plan(made)
    some = Customers(made, number)
    yield made.measure(at_once(number), some.sign_up, number, some.without_key, some.issued)


def burst_again(made: Desk, number: int) -> Iterator[Row]:
    """The same; then the same events come again."""
    yield from burst(made, number)
    again = Customers(made, number).sign_up
    yield made.measure(f"the same {number:,} events again", again, number)


def singly(made: Desk, number: int) -> Iterator[Row]:
    """Customers whose keys have tags go the single way."""
    known_plan(made)
    some = Customers(made, number)
    sign_up = partial(some.sign_up, tags={"segment": "smb"})
    job = f"{number:,} sign-ups with tags at once"
    yield made.measure(job, sign_up, number, some.without_key, some.issued)


def stream(made: Desk, number: int, rate: float) -> Iterator[Row | Beside]:
    """So many sign-ups, `rate` a second, and the team's own reads beside them."""
    known_plan(made)
    some, team = Customers(made, number), Team(made.bench)
    job, arrive = f"{number:,} sign-ups, {rate:g} a second", partial(some.sign_up_at, rate)
    yield made.measure(job, arrive, number, some.without_key, some.issued)
    team.end()
    yield Beside(f"the team's reads beside {job}", number, team.asked, team.refused)


def beside(made: Desk, number: int) -> Iterator[Beside]:
    """A burst with everything beside it: the team's reads, keys that are stopped at several
    moments, and how wrong `ready_by` was."""
    stops = {f"{kind}-{at}": (kind, at) for kind in STOPS for at in MOMENTS}
    known_plan(made, *stops)
    some, team, began = Customers(made, number), Team(made.bench), made.bench.clock.now()

    def arrive() -> None:
        some.sign_up()
        for customer_id, (kind, at) in stops.items():
            made.bench.account.scheduler.after(at, partial(stop, made, kind, customer_id))

    job = at_once(number)
    made.measure(job, arrive, number, some.without_key)
    team.end()
    yield Beside(f"the team's reads beside {job}", number, team.asked, team.refused)
    for kind in STOPS:
        at = {name: began + moment for name, (which, moment) in stops.items() if which == kind}
        took = [stopped(made, name) - sent for name, sent in at.items()]
        yield Beside(f"{kind} beside {job}", number, len(took), worst=round(max(took), 2))
    wrong = errors_of_ready_by(made)
    worst = round(max(wrong, default=0.0), 1)
    yield Beside(f"`ready_by` of {job}", number, len(wrong), worst=worst)


def stop(made: Desk, kind: str, customer_id: str) -> None:
    """What stops a customer's key reaches the bus."""
    if kind == "suspend":
        made.bench.send("CustomerSuspended", customer_id=customer_id)
    else:
        leaked = {"reason": "leaked", "overlap_hours": 0}
        made.bench.send("KeyRotationRequested", customer_id=customer_id, **leaked)


def stopped(made: Desk, customer_id: str) -> float:
    """When a customer's first key was disabled or deleted; infinite when it was not."""
    name = f"{customer_id}/1"
    keys = made.bench.emulator.state.keys.items()
    found = {key_id for key_id, key in keys if key.settings["name"] == name}
    found |= {event["detail"].get("key_id") for _, event in made.heard if about(event, customer_id)}
    calls = [call["at"] for call in stops_of(made) if call["params"].get("apiKey") in found]
    return min(calls, default=float("inf"))


def about(event: JSON, customer_id: str) -> bool:
    """Whether an event tells that a customer's key was disabled: a leaked one is gone by now."""
    is_stop = event["detail-type"] in ("KeyDisabled", "KeyRevoked", "KeyRetired", "KeySuspended")
    return is_stop and event["detail"].get("customer_id") == customer_id


def stops_of(made: Desk) -> list[JSON]:
    """The calls that disabled or deleted a key."""
    ledger = made.bench.emulator.ledger
    return [c for c in ledger if c["operation"] in STOPPING and c["status"] < 300]


def errors_of_ready_by(made: Desk) -> list[float]:
    """How wrong each CustomerPending was, in percent of the wait that it announced."""
    pending: dict[str, tuple[float, float]] = {}
    wrong = []
    for at, event in made.heard:
        detail = event["detail"]
        if event["detail-type"] == "CustomerPending":
            pending[detail["customer_id"]] = at, epoch(detail["ready_by"])
        elif event["detail-type"] == "KeyIssued" and detail["customer_id"] in pending:
            asked, ready = pending[detail["customer_id"]]
            wrong.append(100 * abs(at - ready) / max(1.0, ready - asked))
    return wrong


def due_at_once(made: Desk, number: int) -> Iterator[Row]:
    """The keys of so many customers end at the same moment."""
    at = made.bench.clock.now() + EXPIRY
    with made.bench.emulator.quotas.lifted():
        Customers(made, number).sign_up(expires_at=iso(at))
        made.bench.run()
    made.bench.run(until=at - 1)
    keys = made.bench.emulator.state.keys

    def enabled() -> int:
        return sum(key.enabled for key in keys.values())

    def ended() -> float | None:
        return max((call["at"] for call in stops_of(made)), default=None)

    pass_minute = partial(made.bench.advance, 1 + MINUTE)
    job = f"{number:,} customers due at once"
    yield made.measure(job, pass_minute, number, enabled, ended)
