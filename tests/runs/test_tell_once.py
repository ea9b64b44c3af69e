"""What is announced: from an outbox, at once, and once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyward.aws.tables.ledger import with_events
from keyward.aws.tables.outbox import record_name
from keyward.errors import ServiceUnavailableError
from keyward.runs import outbox
from keyward.values import DAY, JSON
from tests.support import Bench, load_event


def failed(reason: str) -> JSON:
    detail = {"customer_id": "acme", "error": "KeysFullError", "reason": reason}
    detail["remedy"] = "keyward status"
    return {"detail_type": "CustomerFailed", "detail": detail}


def reasons(bench: Bench) -> list[str]:
    return [entry["Detail"]["reason"] for entry in bench.bus.entries]


def test_waiting_events_are_announced_by_name_and_forgotten(bench: Bench) -> None:
    context, box = bench.context(), bench.registry.customers.outbox
    events = {record_name(name): failed(name) for name in ("b", "c", "a")}
    for name, event in events.items():
        box.put("acme", name, event, bench.clock.now())
    box.put("acme", record_name("d"), failed("d"), bench.clock.now())
    outbox.announce(context, box, "acme", events)
    assert reasons(bench) == ["a", "b", "c"]
    assert [*bench.registry.customers.load_keys("acme").outbox] == ["outbox#d"]


def test_each_request_is_forgotten_as_soon_as_it_was_taken(bench: Bench) -> None:
    context, box = bench.context(), bench.registry.customers.outbox
    events = {record_name(f"{number:02d}"): failed(str(number)) for number in range(12)}
    for name, event in events.items():
        box.put("acme", name, event, bench.clock.now())
    real, taken = bench.bus.announce, []

    def once(entries: list[JSON]) -> None:
        if taken:
            raise ServiceUnavailableError("EventBridge is not there")
        taken.append(len(entries))
        real(entries)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench.bus, "announce", once)
        with pytest.raises(ServiceUnavailableError):
            outbox.announce(context, box, "acme", events)
    left = sorted(bench.registry.customers.load_keys("acme").outbox)
    assert left == ["outbox#10", "outbox#11"]
    assert taken == [10]


def test_an_entry_is_of_this_stack_and_its_bus(bench: Bench) -> None:
    context = replace(bench.context(), stack="other")
    outbox.announce_many(context, [failed("a"), failed("b")])
    first, _ = bench.bus.entries
    assert (first["EventBusName"], first["DetailType"]) == ("the-bus", "CustomerFailed")
    assert first["Detail"]["remedy"] == "keyward status --stack other"


def test_an_event_of_no_record_says_who_asked_and_is_in_the_ledger(bench: Bench) -> None:
    context, now = bench.context(), bench.clock.now()
    cause = {"event_id": "e1", "detail_type": "PlanChanged", "source": "shop"}
    asked = {"by": "event"} | cause
    event = failed("why")
    [line] = with_events([], [event], now)
    outbox.announce_now(context, event, [line | {"asked": asked}])
    [entry] = bench.bus.entries
    assert entry["Detail"]["reason"] == "why"
    assert entry["Detail"]["caused_by"] == cause
    [kept] = bench.registry.ledger.of("customer#acme")
    assert (kept["asked"], kept["reason"]) == (asked, "CustomerFailed")


def test_several_lines_of_one_event_are_all_kept(bench: Bench) -> None:
    context, now = bench.context(), bench.clock.now()
    [line] = with_events([], [failed("why")], now)
    lines = [line | {"line": f"{number}", "asked": {"by": "console"}} for number in range(3)]
    outbox.announce_now(context, failed("why"), lines)
    assert reasons(bench) == ["why"]
    found = bench.registry.ledger.of("customer#acme")
    assert sorted(one["line"] for one in found) == ["0", "1", "2"]


def test_a_mark_is_told_once_for_good_or_for_a_while(bench: Bench) -> None:
    context = bench.context()
    for _ in range(2):
        outbox.announce_once(context, "for good", failed("ever"))
    bench.clock.advance(1)
    for _ in range(2):
        outbox.announce_once(context, "for a day", failed("daily"), DAY)
    assert reasons(bench) == ["ever", "daily"]
    assert len(bench.registry.ledger.of("customer#acme")) == 2
    bench.clock.advance(DAY - 1)
    outbox.announce_once(context, "for a day", failed("early"), DAY)
    bench.clock.advance(1)
    outbox.announce_once(context, "for a day", failed("again"), DAY)
    outbox.announce_once(context, "for good", failed("never"))
    assert reasons(bench) == ["ever", "daily", "again"]


def test_what_failed_to_be_told_is_told_by_the_next_a_minute_later(bench: Bench) -> None:
    context, told = bench.context(), []

    def fail() -> None:
        raise ServiceUnavailableError("EventBridge is not there")

    with pytest.raises(ServiceUnavailableError):
        outbox.tell_once(context, "mark", fail)
    outbox.tell_once(context, "mark", lambda: told.append("too early"))
    bench.clock.advance(60)
    outbox.tell_once(context, "mark", lambda: told.append("told"))
    outbox.tell_once(context, "mark", lambda: told.append("twice"))
    assert told == ["told"]


def changed(action: str, *, event: str = "e1", key_id: str = "k1", **more: str) -> JSON:
    cause = {"event_id": event, "detail_type": "CustomerPlanChanged", "source": "shop"}
    detail = load_event("plan-changed")["detail"] | {"key_id": key_id, "caused_by": cause}
    detail |= {"actions": [{"action": action}]} | more
    return {"detail_type": "PlanChanged", "detail": detail}


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ([changed("a"), changed("b"), changed("c")], [["a", "b", "c"]]),
        ([changed("a"), changed("b", event="e2")], [["a"], ["b"]]),
        ([changed("a"), changed("b", replaces="k0")], [["a"], ["b"]]),
        ([changed("a"), changed("b", key_id="k2"), changed("c")], [["b"], ["a", "c"]]),
    ],
)
def test_what_one_request_changed_in_the_plans_of_a_key_is_told_once(
    bench: Bench, events: list[JSON], found: list[list[str]]
) -> None:
    context, box = bench.context(), bench.registry.customers.outbox
    waiting = {record_name(str(number)): event for number, event in enumerate(events)}
    for name, event in waiting.items():
        box.put("acme", name, event, bench.clock.now())
    outbox.announce(context, box, "acme", waiting)
    told = [entry["Detail"]["actions"] for entry in bench.bus.entries]
    assert [[action["action"] for action in actions] for actions in told] == found
    assert bench.registry.customers.load_keys("acme").outbox == {}


def test_two_announcements_of_one_moment_are_two_lines_of_the_ledger(bench: Bench) -> None:
    ledger, at = bench.registry.ledger, bench.clock.now()
    for reason in ("half", "all", "half"):
        ledger.append(with_events([], [failed(reason)], at))
    lines = ledger.of("customer#acme")
    assert sorted(line["events"][0]["reason"] for line in lines) == ["all", "half"]
