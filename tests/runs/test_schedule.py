"""The account-wide schedule: its rate, its lanes, and the times that it promises."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from random import Random

import pytest

from emulator.clock import VirtualClock
from emulator.errors import ApiGatewayError
from emulator.quotas import Quotas
from keyward.aws.tables.call_schedule import CallSchedule
from keyward.runs.schedule import AUDIT, CALLS, DUE, LANES, NEW, PROTECTION, STOP, STOPPING
from keyward.runs.turns import Turns
from local.lifetime.tables import Tables

SIGN_UP = {CALLS: 2, "CreateApiKey": 1, "CreateUsagePlanKey": 1}


class Desk:
    """Runs that ask for turns and come back when they were told to, on one clock."""

    def __init__(self, share: float = 50) -> None:
        tables = Tables().by_name
        self.turns = Turns(CallSchedule(tables["LeasesTable"]), share)
        self.now = 1000.0
        self.waiting: list[tuple[float, str, str, dict[str, float]]] = []
        self.called: list[tuple[float, str, dict[str, float]]] = []

    def ask(self, subject: str, lane: str, calls: dict[str, float]) -> float:
        place = self.turns.take(subject, "run-1", lane, calls, self.now)
        if place.is_there:
            self.called.append((self.now, lane, calls))
        else:
            self.waiting.append((place.ready_at, subject, lane, calls))
        return place.ready_at

    def settle(self, until: float = 1e9) -> None:
        while self.waiting and min(self.waiting)[0] <= until:
            self.waiting.sort(key=lambda item: item[0])
            at, subject, lane, calls = self.waiting.pop(0)
            self.now = max(self.now, at)
            self.ask(subject, lane, calls)

    def made(self, start: float, end: float, name: str = CALLS) -> float:
        """How many calls were made in a while."""
        return sum(calls.get(name, 0) for at, _, calls in self.called if start <= at < end)


def test_who_asks_in_a_quiet_account_does_not_wait() -> None:
    desk = Desk()
    for customer in range(20):
        desk.now += 60
        assert desk.ask(f"customer#{customer}", NEW, SIGN_UP) == 0


@pytest.mark.parametrize(("share", "seconds"), [(50, 120), (80, 75)])
def test_many_sign_ups_take_the_share_and_no_longer(share: float, seconds: float) -> None:
    desk = Desk(share)
    for customer in range(300):
        desk.ask(f"customer#{customer}", NEW, SIGN_UP)
    desk.settle()
    assert len(desk.called) == 300
    assert seconds * 0.95 <= desk.now - 1000 <= seconds * 1.02


def test_a_ticket_larger_than_what_is_at_once_is_served_at_the_rate() -> None:
    desk = Desk(50)
    for api in range(10):
        desk.ask(f"api#{api}", PROTECTION, {CALLS: 28})
    desk.settle()
    assert desk.now - 1000 == pytest.approx((280 - 20) / 5, rel=0.02)


def test_the_first_lane_goes_first_and_the_last_is_not_starved() -> None:
    desk = Desk(50)
    for number in range(300):
        desk.ask(f"customer#{number}", NEW, SIGN_UP)
        desk.ask(f"audit#{number}", AUDIT, {CALLS: 2})
    desk.settle(until=1050)
    desk.now = 1050
    asked = desk.ask("api#late", PROTECTION, {CALLS: 9})
    assert asked - 1050 <= 3
    desk.settle(until=1100)
    by_lane = {
        lane: sum(calls[CALLS] for _, named, calls in desk.called if named == lane)
        for lane in (NEW, AUDIT)
    }
    assert by_lane[AUDIT] >= 0.08 * 5 * 100
    assert by_lane[NEW] >= 0.85 * 5 * 100


def test_a_crowd_of_stops_takes_all_that_the_account_has() -> None:
    desk = Desk(50)
    for number in range(300):
        desk.ask(f"customer#{number}", STOP, {CALLS: 1, "UpdateApiKey": 1})
    assert desk.made(1000, 1000.1) == 40
    desk.settle()
    assert desk.now - 1000 == pytest.approx((300 - 40) / 10, abs=1)


def test_what_stops_a_key_waits_for_no_other_lane_and_is_debited() -> None:
    desk = Desk(50)
    for number in range(100):
        desk.ask(f"customer#{number}", NEW, SIGN_UP)
    for number in range(40):
        # Four calls of the account's forty were begun before.
        waits = desk.ask(f"stop#{number}", STOP, {CALLS: 1, "UpdateApiKey": 1}) - desk.now
        assert waits <= 0.41
    desk.settle()
    assert desk.now - 1000 >= (240 - 20) / 5 - 1


def test_a_turn_is_of_the_subject_and_not_asked_for_twice() -> None:
    desk = Desk(50)
    for number in range(30):
        desk.ask(f"customer#{number}", NEW, SIGN_UP)
    first = desk.turns.take("customer#29", "run-1", NEW, SIGN_UP, desk.now)
    second = desk.turns.take("customer#29", "run-2", NEW, SIGN_UP, desk.now)
    turn = desk.turns.of("customer#29")
    assert first.ready_at == pytest.approx(second.ready_at, abs=0.01)
    assert turn is not None
    assert turn.owner == "run-2"
    assert turn.ready_at == pytest.approx(first.ready_at, abs=0.01)


def test_a_turn_that_is_given_back_is_there_for_others() -> None:
    desk = Desk(50)
    for number in range(10):
        desk.ask(f"customer#{number}", NEW, SIGN_UP)
        desk.turns.give_back(SIGN_UP, desk.now)
    assert len(desk.called) == 10
    assert desk.ask("customer#11", NEW, SIGN_UP) == 0


def test_a_refused_operation_waits_until_its_quota_has_filled() -> None:
    desk = Desk(100)
    desk.turns.refused(desk.now, "CreateDeployment")
    at = desk.ask("api#a", PROTECTION, {CALLS: 1, "CreateDeployment": 1})
    assert at == pytest.approx(1006, abs=0.1)


def test_deployments_keep_to_the_share_of_their_own_quota() -> None:
    desk = Desk(50)
    for number in range(6):
        desk.ask(f"api#{number}", PROTECTION, {CALLS: 2, "CreateDeployment": 1})
    desk.settle()
    times = [at for at, _, _ in desk.called]
    assert [b - a for a, b in itertools.pairwise(times)] == pytest.approx([10] * 5, 0.01)


@dataclass(frozen=True)
class Visit:
    """A run that asks for a turn, and what becomes of it: it comes back so much later than it was
    told to, it is handed over to another run while it waits, or it gives calls back in the end."""

    lane: str
    calls: int
    later: float
    creates: bool = False
    late: float = 0
    leaves: bool = False
    gives_back: bool = False


def mix(random: Random) -> Iterator[Visit]:
    """Visits of a busy hour: crowds one after the other, each with habits of its own."""
    for _ in range(random.randint(1, 5)):
        lanes = random.sample(LANES, random.randint(1, 4))
        calls = random.choice([[1], [2], [1, 2, 6], [2, 10, 20]])
        late, leaves, gives_back = random.choice([0, 0.5, 40]), random.random(), random.random()
        creates, pace = random.random() < 0.5, random.choice([0, 0.02, 0.2, 1])
        for _ in range(random.randint(10, 80)):
            lane = random.choice(lanes)
            yield Visit(
                lane,
                1 if lane in STOPPING else random.choice(calls),
                later=pace * random.random(),
                creates=creates and lane not in STOPPING,
                late=late * random.random(),
                leaves=random.random() < leaves / 2,
                gives_back=random.random() < gives_back / 2,
            )


class Crowd(Desk):
    """Visits, each of which ends in calls at the real quotas of the account, unless it leaves."""

    def __init__(self, share: float) -> None:
        super().__init__(share)
        clock = VirtualClock(self.now)
        self.quotas, self.refused = Quotas(clock), 0
        self.quotas.enforce(True)
        self._clock, self._due = clock, list[tuple[float, int, Visit]]()
        self.begun: list[tuple[float, str, str]] = []

    def come(self, number: int, visit: Visit, *, again: bool = False) -> None:
        operations = {"CreateApiKey": 1} if visit.creates else {}
        calls = {} if again and visit.leaves else {CALLS: visit.calls, **operations}
        place = self.turns.take(f"x#{number}", "run-1", visit.lane, calls, self.now)
        if not place.is_there:
            late = 0 if again else visit.late
            at = self.now + math.ceil(place.ready_at - self.now) + late
            self._due.append((at, number, visit))
        elif calls and visit.gives_back:
            self.turns.give_back(calls, self.now)
        elif calls:
            self._call(visit)

    def _call(self, visit: Visit) -> None:
        self._clock.advance(self.now - self._clock.now())
        names = ["CreateApiKey", *["GetRestApis"] * visit.calls][: visit.calls]
        for name in names if visit.creates else ["GetRestApis"] * visit.calls:
            self.begun.append((self.now, visit.lane, name))
            try:
                self.quotas.check(name, {})
            except ApiGatewayError:
                self.refused += 1

    def pass_time(self, until: float) -> None:
        while self._due and min(self._due)[0] <= until:
            self._due.sort(key=lambda one: one[:2])
            at, number, visit = self._due.pop(0)
            self.now = max(self.now, at)
            self.come(number, visit, again=True)
        self.now = max(self.now, until)

    def busiest(self, lanes: Collection[str], name: str = "", seconds: float = 60) -> int:
        """The most calls of any minute."""
        times = [at for at, lane, called in self.begun if lane in lanes and name in called]
        return max((sum(at <= one < at + seconds for one in times) for at in times), default=0)


# One mix of each share; more of them among the large tests.
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.sizes) for seed in range(1, 6))]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("share", [10, 50, 100])
def test_no_minute_of_any_mix_has_more_calls_than_the_share_and_none_is_refused(
    seed: int, share: int
) -> None:
    crowd, visits = Crowd(share), [*mix(Random(seed))]
    for number, visit in enumerate(visits):
        crowd.pass_time(crowd.now + visit.later)
        crowd.come(number, visit)
    crowd.pass_time(crowd.now + 86_400)
    rate, burst = share / 10, 40 * share / 100
    # A turn of more calls than there is room for begins with all of them.
    largest = max(max(visit.calls for visit in visits) - burst, 0)
    waiting = [lane for lane in LANES if lane not in STOPPING]
    assert crowd.busiest(waiting) <= 60 * rate + burst + largest
    assert crowd.busiest(LANES) <= 640
    # At the whole share, what stops a key takes what was left for others.
    stops = sum(visit.lane in STOPPING for visit in visits)
    assert crowd.refused <= (stops if share == 100 else 0)


def test_the_time_that_is_promised_comes_true_when_nobody_else_asks() -> None:
    desk = Desk(50)
    promised = {}
    for number in range(200):
        lane = (DUE, NEW, AUDIT)[number % 3]
        promised[f"x#{number}"] = desk.ask(f"x#{number}", lane, {CALLS: 3})
    last = max(
        desk.turns.take(f"x#{number}", "run-1", lane, {CALLS: 3}, desk.now).ready_at
        for number, lane in ((197, (DUE, NEW, AUDIT)[197 % 3]), (199, NEW))
    )
    desk.settle()
    assert desk.now == pytest.approx(1000 + (600 - 20) / 5, rel=0.02)
    assert last <= desk.now + 1


def test_a_clock_that_goes_back_gives_nothing_and_breaks_nothing() -> None:
    desk = Desk(50)
    desk.ask("customer#1", NEW, SIGN_UP)
    desk.now -= 500
    assert desk.ask("customer#2", NEW, SIGN_UP) == 0


def test_what_is_debited_after_a_quiet_month_is_waited_for() -> None:
    desk = Desk(50)
    desk.ask("customer#1", NEW, SIGN_UP)
    desk.now += 30 * 86_400
    desk.turns.debit({CALLS: 120}, desk.now)
    assert desk.ask("customer#2", NEW, SIGN_UP) - desk.now == pytest.approx(102 / 5, abs=0.1)


def test_what_was_debited_long_ago_is_paid() -> None:
    desk = Desk(50)
    desk.turns.debit({CALLS: 120}, desk.now)
    desk.now += 60
    assert desk.ask("customer#2", NEW, SIGN_UP) == 0
