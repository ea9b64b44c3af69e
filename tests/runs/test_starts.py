"""Which run an event starts, or leaves its work to: looks, and the import of many keys."""

from __future__ import annotations

import itertools

import pytest

from keyward.aws.tables.due import NEW
from keyward.aws.tables.import_progress import LEASE
from keyward.runs.looks import MAX_STORMS, Looks
from keyward.runs.waiting import hand_over, start_import
from keyward.values import HOUR, JSON, run_name
from tests.support import Bench

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:look"
RUNS = "arn:aws:states:us-east-1:123456789012:execution:look:"
DRIFT: JSON = {"by": "drift", "who": "terraform"}
EVENT: JSON = {"by": "event"}
ACME = {"customer_id": "acme"}


def looks(bench: Bench, kind: str = "customer") -> Looks:
    run = bench.context()
    if kind == "api":
        return Looks(run, MACHINE, bench.registry.storms, kind, "rest_api_id")
    return Looks(run, MACHINE, bench.registry.drifts, kind, "customer_id")


def test_an_event_starts_one_run_however_many_follow_it(bench: Bench) -> None:
    found = looks(bench)
    for number in (1, 2):
        found.look_at("acme", f"e{number}", DRIFT)
    looks(bench).look_at("acme", "e3", EVENT)
    assert bench.bus.started == [(MACHINE, run_name("acme", "e1"), ACME)]
    assert bench.bus.asked == [DRIFT]
    found.look_at("globex", "e4", EVENT)
    assert bench.bus.started[1:] == [(MACHINE, run_name("globex", "e4"), {"customer_id": "globex"})]


def test_a_run_that_was_stopped_before_it_looked_is_replaced(bench: Bench) -> None:
    found = looks(bench)
    found.look_at("acme", "e1", DRIFT)
    storm = bench.registry.drifts.of("acme")
    assert storm
    assert (storm.first, storm.asked) == ("e1", DRIFT)
    bench.bus.stopped.add(run_name("acme", "e1"))
    # One run sees whatever happened before it, so one task asks for one look.
    found.look_at("acme", "e2", EVENT)
    assert len(bench.bus.started) == 1
    looks(bench).look_at("acme", "e2", EVENT)
    assert [name for _, name, _ in bench.bus.started][1:] == [run_name("acme", "e2")]
    assert bench.bus.asked == [DRIFT, EVENT]
    storm = bench.registry.drifts.of("acme")
    assert storm
    assert (storm.first, storm.asked) == ("e2", EVENT)


@pytest.mark.parametrize("is_alive", [True, False])
def test_a_run_at_work_starts_over_if_it_is_alive(bench: Bench, is_alive: bool) -> None:
    leases, now = bench.registry.leases, bench.clock.now()
    assert leases.acquire("customer#acme", "the-run", now)
    if not is_alive:
        bench.bus.stopped.add("the-run")
    looks(bench).look_at("acme", "e1", EVENT)
    assert leases.rerun_requested("customer#acme", "the-run")
    assert len(bench.bus.started) == (0 if is_alive else 1)


def test_a_run_may_be_told_more_and_is_started_once(bench: Bench) -> None:
    found = looks(bench, "api")
    assert found.start("a1", "e1", EVENT, stages=["prod"])
    assert not found.start("a1", "e1", EVENT)
    task = {"rest_api_id": "a1", "stages": ["prod"]}
    assert bench.bus.started == [(MACHINE, run_name("a1", "e1"), task)]


NUMBERS = itertools.count()


def fight(bench: Bench, kind: str, times: int, asked: JSON = DRIFT, subject: str = "acme") -> None:
    for _ in range(times):
        found = looks(bench, kind)
        found.look_at(subject, f"event-{next(NUMBERS)}", asked)
        found.storms.clear(subject)


@pytest.mark.parametrize(
    ("kind", "event", "member"),
    [("customer", "CustomerFailed", "customer_id"), ("api", "ApiFailed", "rest_api_id")],
)
def test_a_fight_is_given_up_and_told_once_a_day(
    bench: Bench, kind: str, event: str, member: str
) -> None:
    fight(bench, kind, MAX_STORMS)
    fight(bench, kind, MAX_STORMS, subject="globex")
    assert (len(bench.bus.started), bench.bus.entries) == (2 * MAX_STORMS, [])
    bench.bus.started = bench.bus.started[:MAX_STORMS]
    fight(bench, kind, 2)
    assert len(bench.bus.started) == MAX_STORMS
    [told] = bench.bus.entries
    assert told["DetailType"] == event
    detail = told["Detail"]
    assert (detail[member], detail["error"]) == ("acme", "ChangedAgainError")
    assert detail["reason"] == (
        "others changed it 6 times within the hour, each time after Keyward had looked at it, "
        "the last was terraform: it is left as it is until an hour is over without a change"
    )
    assert detail["remedy"] == f"keyward start --{kind} acme"
    bench.clock.advance(HOUR + 1)
    fight(bench, kind, 1)
    assert len(bench.bus.started) == MAX_STORMS + 1
    bench.clock.advance(23 * HOUR)
    fight(bench, kind, MAX_STORMS + 1, {"by": "drift"})
    assert len(bench.bus.entries) == 2
    assert "the last was somebody" in bench.bus.entries[1]["Detail"]["reason"]


def test_each_fight_is_told_with_what_caused_it(bench: Bench) -> None:
    cause = {"event_id": "e1", "detail_type": "UpdateApiKey", "source": "aws.apigateway"}
    for subject in ("acme", "globex"):
        fight(bench, "customer", MAX_STORMS + 1, {"by": "drift"} | cause, subject)
    told = [entry["Detail"] for entry in bench.bus.entries]
    assert [detail["customer_id"] for detail in told] == ["acme", "globex"]
    assert [detail.get("caused_by") for detail in told] == [cause, cause]


def test_a_fight_leaves_no_storm_and_events_are_none(bench: Bench) -> None:
    fight(bench, "customer", MAX_STORMS + 3, EVENT)
    assert len(bench.bus.started) == MAX_STORMS + 3
    fight(bench, "customer", MAX_STORMS)
    looks(bench).look_at("acme", "last", DRIFT)
    assert bench.registry.drifts.of("acme") is None


def test_a_customer_handed_over_waits_and_starts_one_import(bench: Bench) -> None:
    context, now = bench.context(), bench.clock.now()
    for customer in ("acme", "globex"):
        hand_over(context, MACHINE, customer, EVENT)
    name = run_name("import", str(now))
    assert bench.bus.started == [(MACHINE, name, {})]
    assert sorted(bench.registry.imports.waiting(NEW)) == [("acme", int(now)), ("globex", int(now))]
    holder = bench.registry.leases.holder(LEASE)
    assert holder
    assert holder.owner == RUNS + name
    assert (
        bench.tables["KeysTable"].get_item(Key={"customer_id": "acme", "record": "due"})["Item"][
            "asked"
        ]
        == EVENT
    )


def test_an_import_is_started_again_when_its_run_died(bench: Bench) -> None:
    context = bench.context()
    assert not start_import(context, MACHINE)
    hand_over(context, MACHINE, "acme", EVENT)
    bench.clock.advance(1)
    assert not start_import(context, MACHINE)
    [(_, name, _)] = bench.bus.started
    bench.bus.stopped.add(RUNS + name)
    bench.clock.advance(HOUR)
    assert start_import(context, MACHINE)
    assert [(machine, task) for machine, _, task in bench.bus.started] == [(MACHINE, {})] * 2
    holder = bench.registry.leases.holder(LEASE)
    assert holder
    assert holder.owner == RUNS + bench.bus.started[1][1]
    bench.registry.customers.note_imported("acme", bench.clock.now())
    bench.bus.stopped.add(RUNS + bench.bus.started[1][1])
    bench.clock.advance(HOUR)
    assert start_import(context, MACHINE)
