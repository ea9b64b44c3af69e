"""The account-wide schedule of control-plane calls: who may call when, in Keyward's share.

Pure: no I/O, times are passed in as epoch seconds. The share is a fluid that flows at the rate of
a quota. Who asks gets a place at the end of its lane. A lane is served up to some place, and that
place moves with time: so a lane that is served first delays those behind it, whenever it asks.

A place says in which order, a gate says how many: calls begin only where the gate has room for
them. Without it those whose places came early, as others gave theirs back, would all call at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import field, replace

from keyward.values import frozen

# In the order in which they are served. What stops a key waits for no other lane, only for its own
# kind, a leak before a suspension and that before a closing. Of APIs, those that are being closed
# come before those that are only looked at. One call of the import issues many new keys, so it goes
# before those who are served one by one.
LANES = ("leak", "stop", "close", "protection", "look", "due", "import", "new", "audit")
LEAK, STOP, CLOSE, PROTECTION, LOOK, DUE, IMPORT, NEW, AUDIT = LANES
STOPPING = (LEAK, STOP, CLOSE)
# No lane starves: while somebody waits in it, this part of the share is its own.
OWN_PART = 0.1
CALLS = "calls"
# What stops keys may take all that the account has: more would be refused, and come later.
STOPS = "stops"
STOPS_BY_OPERATION = {CALLS: STOPS, "DeleteApiKey": "stops.DeleteApiKey"}
# (a second, at once) of the whole account: all calls, and operations with a quota of their own
# (API Gateway, "Amazon API Gateway quotas", control plane; api-gateway.md 1).
QUOTAS: dict[str, tuple[float, float]] = {
    CALLS: (10, 40),
    STOPS: (10, 40),
    STOPS_BY_OPERATION["DeleteApiKey"]: (5, 5),
    "CreateApiKey": (5, 5),
    "DeleteApiKey": (5, 5),
    "CreateDeployment": (1 / 5, 1),
    "UpdateUsagePlan": (1 / 20, 1),
    "GetResources": (5 / 2, 5),
}
# What is allowed once in a while is called a second later than it might be: what a run does before
# the call takes its time, now more and now less.
ONCE, SLACK = 1.0, 1.0
# A thousandth of a call: what was served is compared in floats that were added up.
HAIR = 0.001


@frozen
class Line:
    """One lane at one quota, in calls since ever. `seen` is what was `asked` at the last look."""

    asked: float = 0
    seen: float = 0
    served: float = 0

    @property
    def waiting(self) -> float:
        """Calls that were asked for and are not served."""
        return max(0.0, self.asked - self.served)


@frozen
class Gate:
    """How many calls may begin now: `room` for them, which fills again, at the rate of a meter, to
    `most`. `begun` is what began ever, with and without a turn, `counted` what of it counts
    already."""

    most: float
    room: float
    begun: float = 0
    counted: float = 0

    def advance(self, flowed: float) -> Gate:
        """The gate when so much flowed. Nothing that is given back is kept beyond `most`."""
        room = min(self.most, self.room + flowed) - (self.begun - self.counted)
        return replace(self, room=min(self.most, room), counted=self.begun)

    def missing(self, calls: float) -> float:
        """How much has to flow before calls may begin that were counted already. More than there is
        ever room for need all of it, and are owed then."""
        missing = min(0.0, self.most - calls) - self.room
        return missing if missing > HAIR else 0.0


@frozen
class Meter:
    """One quota. `tokens` are calls that places may be given for at once; below zero what was made
    ahead of its turn is still owed. `spent` is what was called without a turn, ever, `paid` what of
    it counts already."""

    rate: float
    burst: float
    tokens: float
    gate: Gate
    spent: float = 0
    paid: float = 0
    lines: Mapping[str, Line] = field(default_factory=dict)

    def advance(self, seconds: float) -> Meter:
        """The meter so much later. Who waited at the last look is served first, from all that
        flowed since. What nobody waited for is kept up to `burst`; of that, what was spent since is
        paid, and those who asked since are served. Nothing that is given back is kept beyond it."""
        flowed = self.tokens + self.rate * seconds
        lines, left = _serve({n: replace(i, asked=i.seen) for n, i in self.lines.items()}, flowed)
        lines = {name: replace(lines[name], asked=line.asked) for name, line in self.lines.items()}
        lines, left = _serve(lines, min(left, self.burst) - (self.spent - self.paid))
        settled = {name: replace(line, seen=line.asked) for name, line in lines.items()}
        gate = self.gate.advance(self.rate * seconds)
        return replace(
            self, tokens=min(left, self.burst), gate=gate, paid=self.spent, lines=settled
        )

    def seconds_until(self, lane: str, end: float) -> float:
        """In how many seconds the lane is served up to `end`, if nobody else asks: 0 for now. The
        meter must have been advanced to now."""
        lines, seconds, owed = dict(self.lines), 0.0, max(0.0, -self.tokens)
        while lines[lane].served < end - HAIR:
            flow = _flows(lines)
            # Until the first of the lanes is empty, or this one has come so far.
            left = {name: lines[name].waiting / part for name, part in flow.items() if part}
            left[lane] = min(left[lane], (end - lines[lane].served) / flow[lane])
            step = min(left.values())
            for name, part in flow.items():
                lines[name] = replace(lines[name], served=lines[name].served + part * step)
            seconds += step
        return (seconds + owed) / self.rate if seconds else 0.0


@frozen
class Schedule:
    """All meters `at` a time."""

    at: float
    meters: Mapping[str, Meter]

    def advance(self, now: float) -> Schedule:
        """The schedule now; a clock that went back changes nothing."""
        seconds = max(0.0, now - self.at)
        return Schedule(self.at + seconds, {n: m.advance(seconds) for n, m in self.meters.items()})

    def ready_at(self, lane: str, ends: Mapping[str, float]) -> float:
        """When a turn that ends at these places is there, by meter: `at` or before for now."""
        waits = [self.meters[name].seconds_until(lane, end) for name, end in ends.items()]
        return self.at + max(waits, default=0)


def calls_of(operations: Iterable[str]) -> dict[str, float]:
    """The calls of some operations: of each, and of all of them."""
    found = Counter(operations)
    return {CALLS: found.total(), **found} if found else {}


def meter(name: str, share: float) -> Meter:
    """A meter that nobody used yet, for a share in percent. At least one call can be made at
    once."""
    rate, burst = QUOTAS[name]
    share = max(share, 100) if name in STOPS_BY_OPERATION.values() else share
    at_once, ours = max(1.0, burst * share / 100), rate * share / 100
    if burst == ONCE:
        ours = min(ours, 1 / (1 / rate + SLACK))
    most = at_once
    if name not in (CALLS, STOPS):
        # A run comes up to a second after its place. Of all calls there is room for four seconds.
        most += SLACK * ours if burst == ONCE else max(0, min(SLACK * ours, burst - at_once))
    return Meter(ours, at_once, at_once, Gate(most, most))


def _serve(lines: Mapping[str, Line], tokens: float) -> tuple[dict[str, Line], float]:
    """Give tokens to who waits: to each lane its own part, then to all in their order."""
    after, left = dict(lines), tokens
    for part in (OWN_PART * tokens, tokens):
        for name in sorted(after, key=_rank):
            given = min(after[name].waiting, part, left)
            if given > 0:
                after[name] = replace(after[name], served=after[name].served + given)
                left -= given
    return after, left


def _flows(lines: Mapping[str, Line]) -> dict[str, float]:
    """Which part of the rate each waiting lane gets."""
    waiting = [name for name in sorted(lines, key=_rank) if lines[name].waiting > HAIR]
    flows = dict.fromkeys(waiting, OWN_PART)
    if waiting:
        flows[waiting[0]] += 1 - OWN_PART * len(waiting)
    return flows


def _rank(lane: str) -> int:
    return LANES.index(lane)
