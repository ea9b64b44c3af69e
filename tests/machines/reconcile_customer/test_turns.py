"""Many customers at once: each waits for its turn, and none fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from unittest import mock

import pytest

from keyward.aws.tables.call_schedule import CallSchedule
from keyward.runs import runtime
from keyward.runs.schedule import CALLS, STOPS
from keyward.runs.turns import Turns
from keyward.values import JSON
from local.bench import Bench

OWN_VALUE = {"tags": {"team": "blue"}}


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench(quotas=True, share=50) as made:
        yield made


def sign_up(bench: Bench, number: int, **more: object) -> None:
    """Sign-ups with a tag of their own: those go the single way."""
    for customer in range(number):
        bench.send(
            "CustomerSignedUp", customer_id=f"cust-{customer}", plan="free", **OWN_VALUE, **more
        )


def announced(bench: Bench) -> Counter[str]:
    return Counter(event["detail-type"] for event in bench.announced)


def refused(bench: Bench) -> list[JSON]:
    return [call for call in bench.calls if call["status"] == 429]


def test_many_sign_ups_at_once_take_the_share_and_fail_for_nobody(bench: Bench) -> None:
    began = bench.clock.now()
    sign_up(bench, 100)
    bench.run()
    assert announced(bench)["KeyIssued"] == 100
    assert announced(bench)["CustomerFailed"] == 0
    assert {run.status for run in bench.runs} == {"SUCCEEDED"}
    assert len(refused(bench)) <= 0.02 * len(bench.calls)
    assert bench.clock.now() - began <= 420 / 1000 * 100 + 5


def test_the_teams_own_calls_are_not_refused_meanwhile(bench: Bench) -> None:
    sign_up(bench, 100)
    for _ in range(50):
        bench.advance(1)
        bench.gateway.get_rest_apis(limit=1)
    assert refused(bench) == []


def test_who_waits_longer_than_a_minute_is_told_once_and_until_when(bench: Bench) -> None:
    began = bench.clock.now()
    sign_up(bench, 200)
    bench.run()
    pending = [event for event in bench.announced if event["detail-type"] == "CustomerPending"]
    issued = {
        event["detail"]["customer_id"]: at
        for event, at in zip(bench.announced, times(bench), strict=True)
        if event["detail-type"] == "KeyIssued"
    }
    told = [event["detail"]["customer_id"] for event in pending]
    assert len(told) == len(set(told)) > 20
    for event in pending:
        wait = datetime.fromisoformat(event["detail"]["ready_by"]).timestamp() - began
        assert wait == pytest.approx(issued[event["detail"]["customer_id"]] - began, rel=0.2)


@pytest.mark.parametrize("share", [2, 5])
def test_nobody_waits_longer_than_a_minute_untold_with_a_crowd_that_is_imported(share: int) -> None:
    with Bench(quotas=True, share=share) as bench:
        bench.send("CustomerSignedUp", customer_id="first", plan="free")
        bench.run()
        began = bench.clock.now()
        for number in range(60):
            bench.send("CustomerSignedUp", customer_id=f"c{number:02d}", plan="free")
        bench.run()
        made = zip(bench.announced, times(bench), strict=True)
        issued = {
            e["detail"]["customer_id"]: at for e, at in made if e["detail-type"] == "KeyIssued"
        }
        late = {customer_id for customer_id, at in issued.items() if at - began > 75}
        pending = [e for e in bench.announced if e["detail-type"] == "CustomerPending"]
        assert len(issued) == 61
        assert late
        assert late <= {event["detail"]["customer_id"] for event in pending}
        assert any(call["operation"] == "ImportApiKeys" for call in bench.calls)


def times(bench: Bench) -> list[float]:
    return [datetime.fromisoformat(event["time"]).timestamp() for event in bench.announced]


def test_a_suspension_passes_by_all_who_wait(bench: Bench) -> None:
    bench.send("CustomerSignedUp", customer_id="early", plan="free")
    bench.run()
    sign_up(bench, 100)
    bench.advance(10)
    began = bench.clock.now()
    bench.send("CustomerSuspended", customer_id="early")
    bench.advance(2)
    [call] = [call for call in bench.calls if call["operation"] == "UpdateApiKey"]
    assert call["at"] - began <= 2


def test_a_stop_behind_many_others_is_told_so_once_and_done(bench: Bench) -> None:
    bench.send("CustomerSignedUp", customer_id="early", plan="free")
    bench.run()
    turns = Turns(CallSchedule(bench.tables["LeasesTable"]), 50)
    turns.debit({STOPS: 900}, bench.clock.now())
    bench.send("CustomerSuspended", customer_id="early")
    bench.run()
    assert announced(bench) == {"KeyIssued": 1, "CustomerPending": 1, "KeySuspended": 1}


def test_a_customer_who_is_closed_while_it_waits_gets_no_key(bench: Bench) -> None:
    sign_up(bench, 100)
    bench.advance(5)
    bench.send("CustomerClosed", customer_id="cust-99")
    bench.run()
    assert announced(bench)["KeyIssued"] == 99
    assert announced(bench)["CustomerFailed"] == 0


def test_a_second_run_of_a_customer_who_waits_ends_at_once(bench: Bench) -> None:
    sign_up(bench, 100)
    bench.advance(5)
    runs, began = len(bench.runs), bench.clock.now()
    bench.send("CustomerSignedUp", customer_id="cust-99", plan="pro", **OWN_VALUE)
    bench.advance(1)
    [second] = bench.runs[runs:]
    assert second.status == "SUCCEEDED"
    assert second.output == {"customer_id": "cust-99", "busy": True, "ready_by": mock.ANY}
    bench.run()
    [(event, at)] = [
        (event, at)
        for event, at in zip(bench.announced, times(bench), strict=True)
        if event["detail-type"] == "KeyIssued" and event["detail"]["customer_id"] == "cust-99"
    ]
    assert event["detail"]["plan"] == "pro"
    ready_by = datetime.fromisoformat(second.output["ready_by"]).timestamp()
    assert ready_by - began == pytest.approx(at - began, rel=0.2)


@pytest.mark.parametrize("joins_before", [True, False])
def test_a_run_that_is_stopped_while_it_waits_leaves_its_turn_to_the_next(
    bench: Bench, joins_before: bool
) -> None:
    sign_up(bench, 50)
    bench.advance(5)
    waiting = bench.runs[-1]
    change = {"customer_id": waiting.input["customer_id"], "plan": "pro"} | OWN_VALUE
    if joins_before:
        bench.send("CustomerSignedUp", **change)
        bench.advance(1)
    bench.account.executions.end(waiting, "ABORTED")
    if not joins_before:
        bench.run()
        bench.send("CustomerSignedUp", **change)
    bench.run()
    assert announced(bench)["KeyIssued"] == 50
    leases = bench.tables["LeasesTable"].items.values()
    assert [item for item in leases if str(item["lease"]).startswith("turn#")] == []


@pytest.mark.sizes
@pytest.mark.parametrize("detail_type", ["CustomerSuspended", "CustomerClosed"])
def test_a_leak_passes_by_a_crowd_of_other_stops(bench: Bench, detail_type: str) -> None:
    for customer in range(121):
        bench.send("CustomerSignedUp", customer_id=f"cust-{customer}", plan="free")
    bench.advance(600)
    before = len(bench.calls)
    for customer in range(120):
        bench.send(detail_type, customer_id=f"cust-{customer}")
    bench.advance(1)
    began = bench.clock.now()
    bench.send("KeyRotationRequested", customer_id="cust-120", leaked=True)
    [leaked] = [
        key.id for key in bench.emulator.state.keys.values() if key.settings["name"] == "cust-120/1"
    ]
    bench.advance(600)
    [stopped] = [
        call["at"]
        for call in bench.calls
        if (call["operation"], call["params"].get("apiKey")) == ("UpdateApiKey", leaked)
    ]
    assert stopped - began <= 2
    assert [call for call in bench.calls[before:] if call["status"] == 429] == []
    assert announced(bench)["CustomerPending"] == 0
    assert announced(bench)["CustomerFailed"] == 0


def test_a_record_that_is_removed_while_its_run_waits_fails_nobody(bench: Bench) -> None:
    sign_up(bench, 60)
    bench.advance(2)
    for customer in range(30, 60):
        bench.remove(f"cust-{customer}")
    bench.advance(3600)
    assert announced(bench)["CustomerFailed"] == 0
    assert {run.status for run in bench.runs} == {"SUCCEEDED"}
    leases = bench.tables["LeasesTable"].items.values()
    assert [item for item in leases if str(item["lease"]).startswith("turn#")] == []


def test_a_customers_refused_call_makes_all_of_keywards_calls_pause(bench: Bench) -> None:
    bench.send("CustomerSignedUp", customer_id="first", plan="free")
    bench.advance(60)
    for call in range(1, 9):
        bench.fault("apigateway", "CreateApiKey", call, 429)
    bench.send("CustomerSignedUp", customer_id="refused", plan="free")
    bench.run()
    turns = runtime.context().turns
    assert turns.behind(CALLS, 0, bench.clock.now()) > bench.clock.now()
    bench.clear_faults()
    bench.advance(900)
    assert announced(bench) == {"KeyIssued": 2}


def test_a_code_of_two_meanings_is_no_full_account_where_its_text_says_rate(bench: Bench) -> None:
    for call in range(1, 6):
        bench.fault("apigateway", "CreateApiKey", call, "LimitExceededException")
    bench.send("CustomerSignedUp", customer_id="acme", plan="free")
    bench.advance(900)
    assert announced(bench) == {"KeyIssued": 1}
