"""A run's turn to call API Gateway: asked for, waited for, used or given back.

A turn belongs to a customer or an API, not to a run: a second run joins it (`of`). Whoever waits
does so in Step Functions, and asks again; its place in the schedule is kept meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from keyward.aws.tables.call_schedule import CallSchedule, TurnItem
from keyward.errors import StoppedError
from keyward.runs.schedule import (
    CALLS,
    HAIR,
    LANES,
    QUOTAS,
    STOPPING,
    STOPS_BY_OPERATION,
    Gate,
    Line,
    Meter,
    Schedule,
    meter,
)
from keyward.values import frozen, iso

Calls = Mapping[str, float]
# What a turn is for: it reads, it stops keys, or it writes anything else. A person's stop
# (`keyward stop`) lets the first pass, and the second unless it is one of everything.
READS, STOPS_KEYS, WRITES = "reads", "stops keys", "writes"
# The run that a turn was for ended, and nobody used it: the calls were not made then.
OLD_SECONDS = 900


@frozen
class Standing:
    """Where a subject stands. `ready_at` (epoch seconds) is when to ask again, 0 when its turn is
    there. `is_joined`: while it waited, another run came and left its work to this one."""

    ready_at: float = 0
    is_joined: bool = False

    @property
    def is_there(self) -> bool:
        """Whether the run may call now."""
        return self.ready_at == 0


@frozen
class Turns:
    """Turns of the whole account. `share` in percent; `calls` are numbers of calls by operation,
    with all of them as `calls` (runs/schedule.py)."""

    items: CallSchedule
    share: float

    def of(self, subject: str) -> TurnItem | None:
        """The turn that the subject waits for, None when it waits for none."""
        return self.items.turn(subject)

    def take(
        self,
        subject: str,
        owner: str,
        lane: str,
        calls: Calls,
        now: float,
        effect: str = WRITES,
    ) -> Standing:
        """The subject's turn for these calls, asked for by the run `owner`, or its place till then.

        Idempotent while it waits: the place stays. A turn of another run, which ended, is taken
        over, or asked for anew when that is long ago. For no calls it is there. In the lanes that
        stop keys it waits for other stops alone, as long as the account can take no more calls; the
        calls are debited. A turn that the subject still waits for is forgotten in both cases.

        This is the one way to API Gateway, and so the place where a person's stop holds. `effect`
        is what the calls are for; in the lanes that stop keys it is that. Raises StoppedError.
        """
        amounts, turn = _metered(calls), self.items.turn(subject)
        if amounts and effect != READS:
            self._refuse_if_stopped(lane in STOPPING or effect == STOPS_KEYS)
        is_old = turn and turn.owner != owner and turn.ready_at < now - OLD_SECONDS
        is_urgent = lane in STOPPING and turn and turn.lane not in STOPPING
        if turn and (not amounts or is_urgent or is_old):
            self._drop(turn, now)
            turn = None
        if lane in STOPPING and amounts:
            stops = {stop: amounts[n] for n, stop in STOPS_BY_OPERATION.items() if n in amounts}
            standing = self._take(subject, owner, lane, stops, now, turn)
            if standing.is_there:
                self._count(now, amounts, amounts, is_stop=True)
            return standing
        return self._take(subject, owner, lane, amounts, now, turn) if amounts else Standing()

    def _refuse_if_stopped(self, stops_keys: bool) -> None:
        stop = self.items.stop()
        if stop and (stop.everything or not stops_keys):
            raise StoppedError(f"writes to API Gateway are stopped since {iso(stop.at)}")

    def _drop(self, turn: TurnItem, now: float) -> None:
        """Forget a turn. One that is still waited for gives nothing back: its calls are passed over
        when its place is reached, and giving them to others now would be ahead of the rate."""
        is_there = _standing(self._settled(self.items.read(), now), turn).is_there
        if self.items.forget_turn(turn) and is_there:
            back = _negative(turn.calls)
            self._count(now, back, back if turn.is_late else {})

    def _take(
        self, subject: str, owner: str, lane: str, amounts: Calls, now: float, turn: TurnItem | None
    ) -> Standing:
        if turn is None:
            return self._ask(TurnItem(subject, owner, lane, {}, amounts, now), now)
        if turn.owner != owner:
            self.items.change_turn(replace(turn, owner=owner), turn)
            turn = replace(turn, owner=owner)
        # The turn may be for what an earlier run, or an earlier step, wanted to call.
        names = {*amounts, *turn.calls}
        more = {name: amounts.get(name, 0) - turn.calls.get(name, 0) for name in names}
        if turn.is_late:
            return self._come_late(turn, more, now)
        standing = _standing(self._settled(self.items.read(), now), turn)
        if not standing.is_there:
            return standing
        return self._begin(replace(turn, calls=amounts), more, now, turn)

    def _come_late(self, turn: TurnItem, more: Calls, now: float) -> Standing:
        """Use a turn for which room was kept."""
        if now < turn.ready_at:
            return Standing(turn.ready_at)
        if not self.items.forget_turn(turn):
            return Standing(now + 1)
        self.debit(more, now)
        return Standing(is_joined=turn.is_joined)

    def _begin(self, turn: TurnItem, more: Calls, now: float, kept: TurnItem | None) -> Standing:
        """Begin the calls of a turn whose place is there, `more` than it was asked for, where the
        gate has room. Else the next room is theirs: what flowed to their place went to others, so
        it is taken from those behind. `kept` is the turn as it is written, None for a new one."""
        calls = turn.calls
        meters = self._count(now, more, calls).meters
        missing = {name: meters[name].gate.missing(calls[name]) for name in calls}
        ready_at = now + max(missing[name] / meters[name].rate for name in missing)
        if ready_at > now:
            late = replace(turn, is_late=True, ready_at=ready_at)
            is_mine = self.items.change_turn(late, kept) if kept else self.items.keep_turn(late)
        else:
            ready_at, is_mine = 0, kept is None or self.items.forget_turn(kept)
        if not is_mine:  # another run was faster
            self._count(now, _negative(more), _negative(calls))
            return Standing(now + 1)
        if ready_at:
            lost = {name: min(missing[name], calls[name]) for name in calls}
            self._count(now, lost, {})
        return Standing(ready_at, turn.is_joined)

    def join(self, turn: TurnItem) -> bool:
        """Leave it to the run that waits for the turn, as that plans later than now; False when it
        has just begun."""
        return self.items.join_turn(turn)

    def is_joined(self, subject: str, owner: str) -> bool:
        """Whether another run leaves it to the run `owner`, which waits for its turn."""
        return self.items.is_joined(subject, owner)

    def waiting(self, lane: str, operation: str, now: float) -> float:
        """How many calls of an operation wait in a lane (`calls`: of any operation)."""
        found = _schedule(self.items.read(), self.share, now).advance(now).meters[operation]
        return found.lines[lane].waiting if lane in found.lines else 0

    def in_use(self, now: float) -> tuple[float, dict[str, float]]:
        """Which part of the share is in use (0 to 1), and how many calls wait in which lanes."""
        meter = _schedule(self.items.read(), self.share, now).advance(now).meters[CALLS]
        used = 1 - max(0.0, meter.tokens) / meter.burst
        lines = {lane: line.waiting for lane, line in meter.lines.items()}
        return used, {lane: lines[lane] for lane in LANES if lines.get(lane, 0) > HAIR}

    def behind(self, operation: str, more: float, now: float) -> float:
        """When so many more calls of an operation would be made, behind all that wait for it (epoch
        seconds)."""
        found = _schedule(self.items.read(), self.share, now).advance(now).meters[operation]
        calls = sum(line.waiting for line in found.lines.values()) + more - found.tokens
        return now + max(0, calls) / found.rate

    def debit(self, calls: Calls, now: float) -> None:
        """Count calls that did not wait for a turn: those who do wait so much longer."""
        amounts = _metered(calls)
        self._count(now, amounts, amounts)

    def give_back(self, calls: Calls, now: float) -> None:
        """Give a turn back that was there and was not used, or not for all of its calls."""
        self.debit(_negative(calls), now)

    def refused(self, now: float, operation: str = CALLS) -> None:
        """API Gateway refused the call: somebody else used what was ours. The account's calls pause
        for a second, an operation of its own quota until that has filled again."""
        found = self._settled(self.items.read(), now).meters[operation]
        pause = found.rate if operation == CALLS else 0
        lost, closed = (max(left, 0) + pause for left in (found.tokens, found.gate.room))
        self._count(now, {operation: lost}, {operation: closed}, is_stop=True)

    def _ask(self, turn: TurnItem, now: float) -> Standing:
        lane, calls = turn.lane, turn.calls
        numbers = self.items.add({f"{name}.{lane}.asked": calls[name] for name in calls})
        turn = replace(turn, ends={name: numbers[f"{name}.{lane}.asked"] for name in calls})
        schedule = _schedule(numbers, self.share, now).advance(now)
        standing = _standing(schedule, turn)
        if standing.is_there:
            return self._begin(turn, {}, now, None)
        self.items.settle(_numbers(schedule), numbers.get("version", 0))
        if not self.items.keep_turn(replace(turn, ready_at=standing.ready_at)):
            # Another run asked for the same subject in this moment: that turn is kept, and joined.
            self._count(now, _negative(calls), {})
        return standing

    def _settled(self, numbers: Mapping[str, float], now: float) -> Schedule:
        schedule = _schedule(numbers, self.share, now).advance(now)
        self.items.settle(_numbers(schedule), numbers.get("version", 0))
        return schedule

    def _count(self, now: float, spent: Calls, begun: Calls, is_stop: bool = False) -> Schedule:
        """Count what was called in nobody's place (`spent`) and what began at the gate. It counts
        now, so that what nobody waited for before pays for none of it. What is no stop leaves so
        much less of the account for stops."""
        beside = {STOPS_BY_OPERATION[n]: begun[n] for n in STOPS_BY_OPERATION if n in begun}
        if not is_stop:
            spent, begun = {**spent, **beside}, {**begun, **beside}
        parts = {"spent": spent, "begun": begun}
        amounts = {f"{n}.{part}": parts[part][n] for part in parts for n in parts[part]}
        amounts = {name: amount for name, amount in amounts.items() if amount}
        return self._settled(self.items.add(amounts) if amounts else self.items.read(), now)


def _negative(calls: Calls) -> Calls:
    return {name: -amount for name, amount in calls.items()}


def _metered(calls: Calls) -> dict[str, float]:
    """What counts at a quota: all calls, and those of an operation with a quota of its own."""
    return {name: amount for name, amount in calls.items() if name in QUOTAS and amount}


def _standing(schedule: Schedule, turn: TurnItem) -> Standing:
    lines = {name: schedule.meters[name].lines[turn.lane] for name in turn.ends}
    if all(lines[name].served >= end - HAIR for name, end in turn.ends.items()):
        return Standing()
    return Standing(max(schedule.ready_at(turn.lane, turn.ends), schedule.at + HAIR))


def _schedule(numbers: Mapping[str, float], share: float, now: float) -> Schedule:
    """The schedule as it is written; one that nobody wrote begins now."""
    at = numbers.get("at", now)
    return Schedule(at, {name: _meter(name, numbers, meter(name, share)) for name in QUOTAS})


def _meter(name: str, numbers: Mapping[str, float], unused: Meter) -> Meter:
    lines = {
        lane: Line(
            *(numbers.get(f"{name}.{lane}.{part}", 0.0) for part in ("asked", "seen", "served"))
        )
        for lane in LANES
        if f"{name}.{lane}.asked" in numbers
    }
    tokens = numbers.get(f"{name}.tokens", unused.tokens)
    spent, paid, begun, counted = (
        numbers.get(f"{name}.{part}", 0.0) for part in ("spent", "paid", "begun", "counted")
    )
    room = numbers.get(f"{name}.room", unused.gate.room)
    gate = Gate(unused.gate.most, room, begun, counted)
    return replace(unused, tokens=tokens, gate=gate, spent=spent, paid=paid, lines=lines)


def _numbers(schedule: Schedule) -> dict[str, float]:
    """What a look at the schedule settled. What others add to meanwhile is left out."""
    numbers = {"at": schedule.at}
    for name, item in schedule.meters.items():
        if item.lines or item.spent or item.gate.begun:
            numbers |= {f"{name}.tokens": item.tokens, f"{name}.paid": item.paid}
            numbers |= {f"{name}.room": item.gate.room, f"{name}.counted": item.gate.counted}
        for lane, line in item.lines.items():
            numbers |= {f"{name}.{lane}.seen": line.seen, f"{name}.{lane}.served": line.served}
    return numbers
