"""The parts of the schedule in small numbers: lines, gates, meters, and what they promise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyward.runs.schedule import (
    AUDIT,
    CALLS,
    LANES,
    LEAK,
    NEW,
    STOPS,
    Gate,
    Line,
    Meter,
    Schedule,
    calls_of,
    meter,
)

GATE = Gate(most=4, room=1)
# Two calls a second, four at once.
METER = Meter(rate=2, burst=4, tokens=0, gate=GATE)


def lines(**waiting: float) -> dict[str, Line]:
    """Lanes with so many calls that wait since the last look."""
    return {name: Line(asked=calls, seen=calls) for name, calls in waiting.items()}


def served(after: Meter) -> dict[str, float]:
    return {name: pytest.approx(line.served) for name, line in after.lines.items()}


@pytest.mark.parametrize(
    ("name", "share", "rate", "at_once", "most"),
    [
        (CALLS, 50, 5, 20, 20),
        (CALLS, 1, 0.1, 1, 1),
        (STOPS, 50, 10, 40, 40),
        ("stops.DeleteApiKey", 50, 5, 5, 5),
        ("DeleteApiKey", 50, 2.5, 2.5, 5),
        ("CreateApiKey", 10, 0.5, 1, 1.5),
        ("CreateApiKey", 80, 4, 4, 5),
        ("GetResources", 50, 1.25, 2.5, 3.75),
        ("GetResources", 100, 2.5, 5, 5),
        ("UpdateUsagePlan", 50, 1 / 40, 1, 1 + 1 / 40),
        ("UpdateUsagePlan", 100, 1 / 21, 1, 1 + 1 / 21),
        ("CreateDeployment", 100, 1 / 6, 1, 1 + 1 / 6),
        ("CreateDeployment", 50, 1 / 10, 1, 1 + 1 / 10),
    ],
)
def test_a_meter_is_a_share_of_its_quota(
    name: str, share: float, rate: float, at_once: float, most: float
) -> None:
    made = meter(name, share)
    found = (made.rate, made.burst, made.tokens, made.gate.most, made.gate.room)
    assert found == pytest.approx((rate, at_once, at_once, most, most))
    assert (made.gate.begun, made.gate.counted, made.spent, made.paid) == (0, 0, 0, 0)
    assert made.lines == {}


def test_calls_are_counted_by_operation_and_in_all() -> None:
    assert calls_of(["A", "B", "A"]) == {CALLS: 3, "A": 2, "B": 1}
    assert calls_of([]) == {}


def test_a_line_waits_for_what_it_asked_and_was_not_served() -> None:
    assert Line().waiting == 0
    assert Line(asked=5, served=3).waiting == 2
    assert Line(asked=3, served=5).waiting == 0


@pytest.mark.parametrize(
    ("gate", "flowed", "room"),
    [
        (GATE, 2, 3),
        (GATE, 9, 4),
        (replace(GATE, begun=3), 2, 0),
        (replace(GATE, begun=7, counted=5), 2, 1),
        (replace(GATE, begun=5, counted=7), 3, 4),
        (replace(GATE, begun=9), 0, -8),
    ],
)
def test_a_gate_fills_up_to_its_most_and_pays_what_began(
    gate: Gate, flowed: float, room: float
) -> None:
    assert gate.advance(flowed) == replace(gate, room=room, counted=gate.begun)


@pytest.mark.parametrize(
    ("room", "calls", "missing"),
    [(1, 1, 0), (0, 1, 0), (-0.0005, 1, 0), (-0.002, 1, 0.002), (-2, 1, 2), (0, 6, 0), (-3, 6, 1)],
)
def test_a_gate_says_how_much_has_to_flow_before_calls_that_were_counted(
    room: float, calls: float, missing: float
) -> None:
    # More calls than the gate ever has room for may begin as soon as it is full.
    found = Gate(most=4, room=room).missing(calls)
    assert found == pytest.approx(missing if calls <= 4 else max(0, -2 - room))


def test_a_meter_serves_in_the_order_of_the_lanes_and_starves_none() -> None:
    waits = replace(METER, lines=lines(leak=10, new=10, audit=10))
    after = waits.advance(5)
    # A tenth of what flows is each lane's own; the rest goes to the first.
    assert served(after) == {"leak": 8, "new": 1, "audit": 1}
    assert after.tokens == pytest.approx(0)
    assert served(replace(METER, lines=lines(audit=3, new=1)).advance(1)) == {"audit": 1, "new": 1}


def test_a_meter_keeps_what_nobody_waited_for_up_to_its_burst() -> None:
    assert METER.advance(1).tokens == 2
    assert METER.advance(9).tokens == 4
    assert replace(METER, tokens=-3).advance(1).tokens == -1
    assert METER.advance(1).gate == GATE.advance(2)


def test_who_asked_since_the_last_look_is_served_from_what_was_kept() -> None:
    late = replace(METER, lines={NEW: Line(asked=7)})
    after = late.advance(9)
    assert after.lines[NEW] == Line(asked=7, seen=7, served=4)
    assert after.tokens == 0
    both = replace(METER, lines={NEW: Line(asked=6, seen=3)}).advance(2)
    assert both.lines[NEW] == Line(asked=6, seen=6, served=4)


def test_what_was_spent_without_a_turn_is_paid_once() -> None:
    spent = replace(METER, spent=5, paid=2)
    after = spent.advance(1)
    assert (after.tokens, after.paid) == (-1, 5)
    assert after.advance(1).tokens == 1
    # What was kept beyond the burst is not paid with.
    assert replace(METER, tokens=4, spent=3).advance(9).tokens == 1


def test_what_is_given_back_is_not_kept_beyond_the_burst() -> None:
    assert replace(METER, tokens=4, spent=0, paid=3).advance(0).tokens == 4


@pytest.mark.parametrize(
    ("waiting", "lane", "end", "seconds"),
    [
        ({NEW: 4}, NEW, 4, 2),
        ({NEW: 4}, NEW, 2, 1),
        ({NEW: 4}, NEW, 0, 0),
        ({NEW: 4}, NEW, 0.0005, 0),
        ({LEAK: 9, NEW: 4}, LEAK, 9, 5),
        ({LEAK: 9, NEW: 1}, NEW, 1, 5),
        ({LEAK: 9, NEW: 4}, NEW, 4, 6.5),
        ({LEAK: 18, NEW: 9, AUDIT: 1}, AUDIT, 1, 5),
    ],
)
def test_a_lane_is_served_as_soon_as_those_before_it_leave_room(
    waiting: dict[str, float], lane: str, end: float, seconds: float
) -> None:
    busy = replace(METER, lines=lines(**waiting))
    assert busy.seconds_until(lane, end) == pytest.approx(seconds)
    owing = replace(busy, tokens=-3)
    assert owing.seconds_until(lane, end) == pytest.approx(seconds + 1.5 if seconds else 0)
    saved = replace(busy, tokens=3)
    assert saved.seconds_until(lane, end) == pytest.approx(seconds)


def test_what_was_served_before_is_not_waited_for_again() -> None:
    busy = replace(METER, lines={NEW: Line(asked=9, seen=9, served=3), LEAK: Line(4, 4, 4)})
    assert busy.seconds_until(NEW, 5) == pytest.approx(1)
    assert busy.seconds_until(NEW, 9) == pytest.approx(3)


def test_the_time_that_is_promised_is_the_time_at_which_it_is_served() -> None:
    busy = replace(METER, lines=lines(leak=9, look=3, new=4))
    for lane, line in busy.lines.items():
        seconds = busy.seconds_until(lane, line.asked)
        assert busy.advance(seconds).lines[lane].served == pytest.approx(line.asked)
        assert busy.advance(seconds - 0.1).lines[lane].served < line.asked - 0.01


def test_a_schedule_moves_all_its_meters_and_never_back() -> None:
    schedule = Schedule(100, {"a": METER, "b": replace(METER, rate=1)})
    after = schedule.advance(101)
    assert after.at == 101
    assert [after.meters[name].tokens for name in "ab"] == [2, 1]
    assert schedule.advance(99).at == 100
    assert schedule.advance(99).meters["a"].tokens == 0


def test_a_turn_is_there_when_the_last_of_its_meters_is() -> None:
    busy = replace(METER, lines=lines(new=4))
    schedule = Schedule(100, {"a": busy, "b": replace(busy, rate=1)})
    assert schedule.ready_at(NEW, {"a": 4, "b": 2}) == pytest.approx(102)
    assert schedule.ready_at(NEW, {"a": 4, "b": 4}) == pytest.approx(104)
    assert schedule.ready_at(NEW, {}) == 100


def test_the_lanes_are_served_in_this_order() -> None:
    everybody = replace(METER, lines=lines(**dict.fromkeys(reversed(LANES), 2.0)))
    after = everybody.advance(5)
    # Ten flowed: each of nine lanes got its tenth of it, the first lane the rest.
    assert [after.lines[lane].served for lane in LANES] == pytest.approx([2] + [1] * 8)
