"""A person stops writes to API Gateway, and ends that: what goes on, what waits."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from keyward.errors import PassingError
from keyward.values import JSON, iso
from local.bench import Bench
from tests import tree
from tests.cli.desk import PERSON, Desk, Sts, desk_of

SAMPLE = tree.ROOT / "events" / "out" / "writes-stopped.json"

HOUR, DAY = 3600, 86_400


@pytest.fixture
def desk(capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    with desk_of(capsys) as made:
        yield made


def writes(bench: Bench, since: int = 0) -> list[str]:
    """What Keyward called from there on that was no read."""
    ours = [call for call in bench.calls[since:] if call.get("caller", "")]
    return [str(call["operation"]) for call in ours if not call["operation"].startswith("Get")]


def kinds(bench: Bench) -> list[str]:
    return [str(event["detail-type"]) for event in bench.announced]


def enabled(bench: Bench, customer: str) -> list[bool]:
    keys = bench.emulator.state.keys.values()
    return [bool(k.enabled) for k in keys if k.settings["name"].startswith(f"{customer}/")]


def sign_up(desk: Desk, *names: str) -> None:
    for name in names:
        desk.bench.send("CustomerSignedUp", customer_id=name, plan="free")
    desk.bench.run()


def test_a_stop_holds_every_write_but_what_stops_a_key_and_a_start_makes_up_for_it(
    desk: Desk,
) -> None:
    bench = desk.bench
    sign_up(desk, "early", "bad", "gone", "leaky", "moved", "turned")
    code, out, _ = desk.run("stop")
    assert (code, out) == (0, f"stopped since {_now(bench)}. {GOES_ON}\nTo go on: keyward start\n")
    open_api, before = bench.api({"/pets": {"get": None}}), len(bench.calls)
    sign_up(desk, "late")
    bench.put(customer_id="later", plan="pro", status="active")
    bench.send("CustomerPlanChanged", customer_id="moved", plan="pro")
    bench.send("KeyRotationRequested", customer_id="turned")
    bench.advance(HOUR)
    assert writes(bench, before) == []
    assert bench.tables["CustomersTable"].get_item(Key={"customer_id": "late"})["Item"]
    bench.send("CustomerSuspended", customer_id="bad")
    bench.send("CustomerClosed", customer_id="gone")
    bench.send("KeyRotationRequested", customer_id="leaky", leaked=True)
    bench.advance(60)
    assert (enabled(bench, "bad"), True not in enabled(bench, "gone")) == ([False], True)
    assert "CustomerFailed" not in kinds(bench)
    assert [run.status for run in bench.runs if run.status != "SUCCEEDED"] == []
    assert desk.run("start")[0] == 0
    bench.advance(2 * HOUR)
    assert [enabled(bench, name) for name in ("late", "later")] == [[True], [True]]
    assert len(enabled(bench, "turned")) == 2
    assert bench.call(open_api, "prod", "GET", "/pets") == 403
    plans = {e["detail"]["customer_id"]: e["detail"] for e in bench.announced if "Plan" in str(e)}
    assert plans["moved"]["plan"] == "pro"


def test_a_stop_of_everything_holds_suspensions_too(desk: Desk) -> None:
    bench = desk.bench
    sign_up(desk, "acme", "leaky")
    desk.run("stop")
    desk.run("stop", "--everything")
    before = len(bench.calls)
    bench.send("CustomerSuspended", customer_id="acme")
    bench.send("KeyRotationRequested", customer_id="leaky", leaked=True)
    bench.advance(HOUR)
    assert writes(bench, before) == []
    desk.run("start")
    bench.advance(HOUR)
    assert enabled(bench, "acme") == [False]
    names = [key.settings["name"] for key in bench.emulator.state.keys.values()]
    assert ("leaky/1" in names, "leaky/2" in names) == (False, True)


def test_a_forgotten_stop_is_told_after_an_hour_and_then_daily(desk: Desk) -> None:
    bench = desk.bench
    desk.run("stop")
    bench.advance(HOUR - 60)
    assert kinds(bench) == []
    bench.advance(120)
    assert kinds(bench) == ["WritesStopped"]
    bench.advance(DAY)
    assert kinds(bench) == ["WritesStopped"] * 2
    sample = json.loads(SAMPLE.read_text("utf-8"))["detail"]
    told = bench.announced[0]["detail"]
    words = told["reason"].replace(told["since"], sample["since"])
    assert told | {"since": sample["since"], "reason": words} == sample
    desk.run("start")
    bench.advance(DAY)
    assert kinds(bench) == ["WritesStopped"] * 2


def test_the_ledger_tells_who_stopped_and_who_started_and_how_it_was_before(desk: Desk) -> None:
    bench = desk.bench
    assert desk.run("start")[0] == 0
    code, out, err = desk.run("history")
    assert (code, out, "no line of the stack" in err) == (1, "", True)
    first = _now(bench)
    for words in (["stop"], ["stop", "--everything"], ["start"]):
        desk.run(*words)
        bench.advance(60)
    code, out, _ = desk.run("history")
    stopped, everything = f"writes stopped since {first}", f"everything stopped since {first}"
    assert [line.partition("  ")[2] for line in out.splitlines()[::2]] == [
        f"{stopped} (before: writes go on)",
        f"{everything} (before: {stopped})",
        f"writes go on (before: {everything})",
    ]
    assert {line.strip() for line in out.splitlines()[1::2]} == {
        f"asked by a person, by the console or the CLI: {PERSON}"
    }
    assert (code, out.startswith(first)) == (0, True)


def test_a_stop_holds_where_the_ledger_cannot_be_written(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(_: Sts) -> None:
        raise PassingError("sts")

    monkeypatch.setattr(Sts, "get_caller_identity", nobody)
    code, out, err = desk.run("stop")
    assert (code, "stopped since" in out, "the ledger has no line of it" in err) == (0, True, True)
    assert json.loads(desk.run("status", "--json")[1])["stopped"] == "writes"


GOES_ON = "Suspensions, closings and leaked keys go on"


def _now(bench: Bench) -> str:
    return iso(bench.clock.now())


def test_a_stop_holds_imports_and_edits_of_the_policy_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    free = {"quota": {"limit": 1000, "period": "DAY"}}
    policy = {"usage_plans": {"free": free}, "propagation_seconds": 0}
    with desk_of(capsys, policy=policy, quotas=True) as desk:
        bench = desk.bench
        for number in range(50):
            bench.send("CustomerSignedUp", customer_id=f"late-{number}", plan="free")
        bench.run(bench.clock.now() + 1)
        desk.run("stop")
        bench.advance(60)
        before = len(bench.calls)
        more = {"quota": {"limit": 5000, "period": "DAY"}}
        bench.put_policy(policy | {"usage_plans": {"free": more}})
        sign_up(desk, *(f"later-{number}" for number in range(5)))
        bench.advance(300)
        assert writes(bench, before) == []
        desk.run("start")
        bench.advance(900)
        assert len(bench.emulator.state.keys) == 55
        (plan,) = bench.gateway.get_usage_plans()["items"]
        assert plan["quota"]["limit"] == 5000
        assert "CustomerFailed" not in kinds(bench)


def test_who_starts_a_run_during_a_stop_is_told_of_the_stop(desk: Desk) -> None:
    sign_up(desk, "acme")
    since = _now(desk.bench)
    desk.run("stop")
    code, out, _ = desk.run("start", "--customer", "acme")
    assert code == 0
    assert out.startswith(
        f"writes stopped since {since}, so this run may do nothing. To end the stop: keyward start"
    )
    assert "STOPPED" in desk.run("status")[1]
    assert desk.run("start")[1].startswith("the stop is over: writes go on\n")


def why(desk: Desk, api: str, customer: str) -> JSON:
    about = ("--customer", customer, "--api", api, "--stage", "prod", "GET", "/pets")
    return dict(json.loads(desk.run("why", *about, "--json")[1]))


def test_status_counts_and_why_tells_who_waits_for_the_end_of_a_stop(desk: Desk) -> None:
    bench = desk.bench
    api = bench.api({"/pets": {"get": ["api_key"]}})
    sign_up(desk, "calm", "bad", "moved", "turned")
    bench.advance(HOUR)
    since = _now(bench)
    desk.run("stop")
    sign_up(desk, "late", "later")
    bench.send("CustomerPlanChanged", customer_id="moved", plan="pro")
    bench.send("KeyRotationRequested", customer_id="turned")
    bench.send("CustomerSuspended", customer_id="bad")
    bench.advance(HOUR)
    code, out, _ = desk.run("status")
    assert (code, "customers who wait for the end of the stop: 4\n" in out) == (1, True)
    waits = f"writes are stopped since {since}, and this customer waits for the end"
    late = why(desk, api, "late")
    assert (late["cause"], late["waits"]) == (
        "key_not_made",
        f"{waits}: create key, attach key. To end the stop: keyward start",
    )
    assert why(desk, api, "moved")["waits"].startswith(f"{waits}: move key.")
    assert "waits" not in why(desk, api, "calm")
    assert "waits" not in why(desk, api, "bad")
    about = ("--customer", "late", "--api", api, "--stage", "prod", "GET", "/pets")
    assert f"  {late['waits']}\n" in desk.run("why", *about)[1]
    desk.run("start")
    bench.advance(2 * HOUR)
    assert "waits" not in why(desk, api, "late")
    code, out, _ = desk.run("status")
    assert (code, "end of the stop" in out) == (0, False)
    assert json.loads(desk.run("status", "--json")[1])["wait_for_start"] == 0


def test_a_stop_of_everything_keeps_a_suspension_waiting(desk: Desk) -> None:
    sign_up(desk, "acme")
    desk.run("stop", "--everything")
    desk.bench.send("CustomerSuspended", customer_id="acme")
    desk.bench.advance(HOUR)
    assert json.loads(desk.run("status", "--json")[1])["wait_for_start"] == 1


def test_what_waited_for_the_end_of_a_stop_was_asked_for_by_its_event(desk: Desk) -> None:
    bench = desk.bench
    sign_up(desk, "moved")
    desk.run("stop")
    bench.advance(HOUR)
    sign_up(desk, "late")
    bench.send("CustomerPlanChanged", customer_id="moved", plan="pro")
    bench.advance(HOUR)
    desk.run("start")
    bench.advance(2 * HOUR)
    causes = {
        (event["detail-type"], event["detail"]["customer_id"]): event["detail"]["caused_by"]
        for event in bench.announced
        if event["detail-type"] in ("KeyIssued", "PlanChanged")
    }
    assert causes["KeyIssued", "late"]["detail_type"] == "CustomerSignedUp"
    assert causes["PlanChanged", "moved"]["detail_type"] == "CustomerPlanChanged"


def test_what_the_audit_mends_was_asked_for_by_the_audit(desk: Desk) -> None:
    bench = desk.bench
    sign_up(desk, "acme")
    bench.advance(HOUR)
    [key] = bench.emulator.state.keys.values()
    bench.emulator.call("DeleteApiKey", {"apiKey": key.id})
    bench.audit(repair=True)
    issued = [event for event in bench.announced if event["detail-type"] == "KeyIssued"]
    assert issued[-1]["detail"]["caused_by"]["detail_type"] != "CustomerSignedUp"
