"""The ledger: who asked, what was done, before and after; each thing once."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

import record_customer
import report_failure
import start_customer_reconcile
from keyward.aws.tables.leases import FUNCTION_SECONDS
from keyward.aws.tables.ledger import Ledger
from keyward.cli import app
from keyward.cli.stack import StackClient
from keyward.runs import runtime
from keyward.runs.context import Context
from keyward.runs.intake import Intake
from keyward.values import JSON
from tests.machines.customer_lab import (
    OTHER,
    apply,
    keys_on_gateway,
    planned,
    put,
    retried,
    whole_run,
)
from tests.support import MACHINE, STACK, Bench, load_event

SIGNED_UP = load_event("customer-signed-up")


def send(bench: Bench, envelope: JSON, now: float | None = None) -> None:
    raw = load_event("record-customer")["Records"][0] | {"body": json.dumps(envelope)}
    at = now or bench.clock.now()
    run = Context(bench.gateway, bench.registry, bench.bus, lambda: at, "the-bus", STACK)
    recorder = record_customer.Recorder(run, "the-machine", lambda name, number: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "_bus", lambda: bench.bus)
        Intake("the-dlq", recorder.take, recorder.answer).queue({"Records": [raw]}, None)


def sign_up(bench: Bench, **more: Any) -> None:
    detail = {"customer_id": "acme", "plan": "free"}
    send(bench, SIGNED_UP | {"time": "2020-01-01T00:00:00Z", "detail": detail} | more)


def event_run(bench: Bench, by: str = "event") -> JSON:
    return planned(bench, asked={"by": by}, begun="2020-01-01T00:00:00Z")


def lines(bench: Bench, subject: str = "customer#acme") -> list[JSON]:
    return bench.registry.ledger.of(subject)


def test_each_action_is_a_line_with_the_event_that_asked_and_what_changed(bench: Bench) -> None:
    sign_up(bench)
    run = event_run(bench)
    for action in run["actions"]:
        apply(bench, run, action)
    created, attached = lines(bench)
    [key] = keys_on_gateway(bench)
    assert (created["action"], created["key"]) == ("create_key", "acme/1")
    assert created["after"] == {"state": "CREATED", "key_id": key["id"], "enabled": True}
    assert (attached["action"], attached["after"]) == ("attach_key", {"plan": "free"})
    asked = {"by": "event", "event_id": SIGNED_UP["id"], "source": SIGNED_UP["source"]}
    assert created["asked"] == attached["asked"] == asked | {"detail_type": "CustomerSignedUp"}
    assert created["execution_arn"] == MACHINE


def test_a_step_that_is_replayed_adds_no_line(bench: Bench) -> None:
    put(bench)
    run = planned(bench)
    for action in [action for action in run["actions"] for _ in range(2)]:
        apply(bench, run, action)
        bench.clock.advance(1)
    whole_run(bench)
    assert [line["action"] for line in lines(bench)] == ["create_key", "attach_key"]


def test_a_key_that_a_doubtful_try_made_is_one_line(bench: Bench) -> None:
    put(bench)
    run = planned(bench)
    lost = {"operation": "CreateApiKey", "call": 1, "fault": "timeout_after"}
    bench.emulator.order_faults([lost])
    retried(bench, run, run["actions"][0])
    assert [line["action"] for line in lines(bench)] == ["create_key"]


def test_a_repeat_of_an_event_leaves_the_first_as_who_asked(bench: Bench) -> None:
    sign_up(bench)
    sign_up(bench, id="another-id", time="2020-01-01T01:00:00Z")
    action = event_run(bench)["actions"][0]
    assert action["asked"]["event_id"] == SIGNED_UP["id"]


def test_a_first_key_was_asked_for_by_the_sign_up_unless_a_person_starts_the_run(
    bench: Bench,
) -> None:
    sign_up(bench)
    bench.clock.advance(60)
    begun = bench.clock.now()
    for asked in ({"by": "audit"}, {"by": "schedule"}):
        task = planned(bench, asked=asked, begun=begun)
        assert task["actions"][0]["asked"]["event_id"] == SIGNED_UP["id"]
    assert planned(bench, begun=begun)["actions"][0]["asked"] == {"by": "console"}


def test_what_comes_while_a_persons_run_is_at_work_is_what_asked(bench: Bench) -> None:
    begun = bench.clock.now()
    bench.clock.advance(5)
    sign_up(bench)
    [create, _] = planned(bench, begun=begun)["actions"]
    assert create["asked"]["event_id"] == SIGNED_UP["id"]


def test_a_record_put_by_hand_is_who_asked(bench: Bench) -> None:
    put(bench)
    image = {"customer_id": {"S": "acme"}, "plan": {"S": "free"}, "status": {"S": "active"}}
    change = {"NewImage": image, "ApproximateCreationDateTime": 1}
    run = bench.context()
    starter = start_customer_reconcile.Starter(run, "machine")
    record = {"eventID": "stream-1", "dynamodb": change}
    Intake("dlq", starter.take).stream({"Records": [record]}, None)
    assert bench.bus.asked == [{"by": "record", "event_id": "stream-1"}]
    [create, _] = planned(bench, asked=bench.bus.asked[0])["actions"]
    assert create["asked"] == {"by": "record", "event_id": "stream-1"}


def test_a_failure_is_a_line_and_its_replay_is_the_same_one(bench: Bench) -> None:
    sign_up(bench, detail={"customer_id": "acme", "plan": "gold"})
    task = load_event("report-failure")
    for _ in range(2):
        report_failure.report(task, bench.context())
    [line] = lines(bench)
    assert line["action"] == "fail"
    assert "'gold'" in line["reason"]
    assert line["asked"]["event_id"] == SIGNED_UP["id"]


def test_a_refused_event_is_a_line_of_its_customer_once(bench: Bench) -> None:
    for _ in range(2):
        sign_up(bench, detail={"customer_id": "acme", "plan": 7})
    [line] = lines(bench)
    assert (line["action"], line["asked"]["event_id"]) == ("refuse_event", SIGNED_UP["id"])


def test_no_line_holds_a_value(bench: Bench) -> None:
    put(bench)
    whole_run(bench)
    [key] = keys_on_gateway(bench)
    assert key["value"] not in json.dumps(lines(bench), default=str)


def test_lines_are_kept_for_good_unless_days_are_asked_for(bench: Bench) -> None:
    put(bench)
    whole_run(bench)
    assert all("expires_at" not in line for line in lines(bench))
    short = Ledger(bench.tables["LedgerTable"], days=2)
    line = lines(bench)[0]
    short.append([line | {"line": "another"}])
    [kept] = [line for line in lines(bench) if line["line"] == "another"]
    assert int(kept["expires_at"]) == int(bench.clock.now()) + 2 * 24 * 3600


def test_the_history_reads_well(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sign_up(bench)
    run = event_run(bench)
    for action in run["actions"]:
        apply(bench, run, action)
    ledger = Ledger(bench.tables["LedgerTable"])
    monkeypatch.setattr(
        StackClient, "stack", lambda self, name: SimpleNamespace(ledger=lambda: ledger)
    )
    assert app.main(["history", "acme"]) == 0
    created, who, attached, _ = capsys.readouterr().out.splitlines()
    assert "made key acme/1 (" in created
    assert f"asked by CustomerSignedUp from {SIGNED_UP['source']} (event {SIGNED_UP['id']})" in who
    assert attached.endswith("put key acme/1 into plan free")
    assert app.main(["history", "acme", "--last", "1", "--json"]) == 0
    assert [line["action"] for line in json.loads(capsys.readouterr().out)] == ["attach_key"]
    assert app.main(["history", "nobody"]) == 1


def test_a_later_runs_lines_come_after(bench: Bench) -> None:
    sign_up(bench)
    run = event_run(bench)
    apply(bench, run, run["actions"][0])
    bench.bus.stopped.add(MACHINE)
    bench.clock.advance(FUNCTION_SECONDS)
    again = planned(bench, run=OTHER, asked={"by": "audit"})
    apply(bench, again, again["actions"][0])
    first, second = lines(bench)
    assert (first["execution_arn"], second["execution_arn"]) == (MACHINE, OTHER)
    assert first["at"] < second["at"]
