"""The nightly audit as a state machine: paced, bounded, and stopped by no single API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

from keyward.runs import runtime
from keyward.values import JSON
from tests.machines.audit_lab import AuditLab
from tests.machines.machine import Execution, refusal
from tests.support import MACHINES, load_event

CLOSED: JSON = {"/pets": {"get": ["api_key"]}}
# Half of the account's calls, and of its bucket of 40.
AT_ONCE, A_SECOND = 20, 5


def put(account: AuditLab, customer_id: str, **more: Any) -> None:
    record = {"customer_id": customer_id, "plan": "free", "status": "active"} | more
    account.lab.bench.tables["CustomersTable"].put_item(Item=record)


def rates(account: AuditLab, seconds: float) -> int:
    """The most calls within any span of time."""
    times = [call["at"] for call in account.lab.bench.emulator.calls()]
    return max(sum(start <= at < start + seconds for at in times) for start in times)


def test_the_machine_finds_what_the_function_finds(account: AuditLab) -> None:
    put(account, "acme")
    for mode in ("enforce", "observe", "off", "on"):
        account.lab.api(mode=mode)
    assert account.findings() == account.in_one_go()["findings"]
    assert len(account.findings()) == 6


def test_its_output_is_a_summary(account: AuditLab) -> None:
    put(account, "acme")
    account.lab.api(mode="observe")
    execution = account.run("nightly-1")
    assert execution.output == {
        "audit": "nightly-1",
        "apis": 1,
        "customers": 1,
        "keys": 0,
        "exempt": 1,
        "findings": {"customer_without_key": 1, "exposed_methods": 1},
        "high": 1,
        "started": 0,
        "adopted": 0,
    }


def test_without_repair_nothing_is_written_started_or_said(account: AuditLab) -> None:
    put(account, "acme")
    account.lab.api()
    account.lab.forget()
    before = account.items()
    account.run()
    assert account.lab.calls()[1] == []
    assert account.items() == before
    bus = account.lab.bench.bus
    assert (bus.started, bus.entries, bus.sent) == ([], [], [])


def test_a_repair_starts_one_run_for_each_and_then_asks_for_the_report(account: AuditLab) -> None:
    put(account, "acme")
    api_id = account.lab.api()
    execution = account.machine.run(load_event("audit-account"))
    assert execution.output["started"] == 2
    assert [(machine, task) for machine, _, task in account.lab.bench.bus.started] == [
        (f"{MACHINES}-protect-api", {"rest_api_id": api_id}),
        ("the-customer-machine", {"customer_id": "acme", "look": True}),
    ]
    assert [(url, body) for url, body, _ in account.lab.bench.bus.sent] == [
        (
            "${ReportQueueUrl}",
            json.dumps({"audit": execution.output["audit"]}, separators=(",", ":")),
        )
    ]


def test_what_the_repair_started_heals_what_events_missed(account: AuditLab) -> None:
    account.lab.policy(propagation_seconds=0)
    api_id = account.lab.api()
    account.run(repair=True)
    ((_, name, task),) = account.lab.bench.bus.started
    assert account.lab.machine.run(task, name).status == "SUCCEEDED"
    assert account.lab.live(api_id) == {"GET /pets": True, "OPTIONS /pets": False}
    assert account.kinds() == []


def test_calls_stay_within_the_budget_whatever_the_number_of_methods(account: AuditLab) -> None:
    paths = {f"/pets{number}": {"get": None, "post": None} for number in range(40)}
    for _ in range(3):
        account.lab.api(paths, stages=("prod", "test"))
    account.lab.forget()
    account.run()
    assert len(account.lab.bench.operations()) <= 3 * (2 + 1) + 3


def test_most_of_the_accounts_calls_are_left_to_others(account: AuditLab) -> None:
    for _ in range(30):
        account.lab.api(CLOSED, stages=("prod", "test"))
    account.lab.forget()
    began = account.lab.bench.clock.now()
    execution = account.run()
    assert execution.states.count("Wait for the share of the calls") >= 4
    for seconds in (1, 10, 30):
        assert rates(account, seconds) <= AT_ONCE + 3 + seconds * A_SECOND
    calls = len(account.lab.bench.operations())
    assert account.lab.bench.clock.now() - began >= (calls - AT_ONCE) / A_SECOND - 1


def test_an_audit_that_somebody_waits_for_takes_no_more_of_the_account(account: AuditLab) -> None:
    for _ in range(30):
        account.lab.api(CLOSED, stages=("prod", "test"))
    account.lab.forget()
    with mock.patch.object(runtime, "pause", account.lab.bench.clock.advance):
        account.in_one_go()
    for seconds in (1, 10):
        assert rates(account, seconds) <= AT_ONCE + 3 + seconds * A_SECOND


def test_an_audit_gives_way_to_new_customers_and_does_not_starve(account: AuditLab) -> None:
    for _ in range(30):
        account.lab.api(CLOSED)
    turns = runtime.context().turns
    turns.take("customers", "run-1", "new", {"calls": 300}, account.lab.bench.clock.now())
    began = account.lab.bench.clock.now()
    assert account.run().status == "SUCCEEDED"
    took = account.lab.bench.clock.now() - began
    assert (300 - AT_ONCE) / A_SECOND <= took <= (300 + 63) / A_SECOND + 5


def states_of(account: AuditLab, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that functions are given and answer in a run with repair, as JSON."""
    seen: list[str] = []

    def watched(function: Callable[[JSON, object], Any]) -> Callable[[JSON, object], Any]:
        def call(event: JSON, context: object) -> Any:
            answer = function(event, context)
            seen.extend([json.dumps(event), json.dumps(answer)])
            return answer

        return call

    for name, function in account.machine.functions.items():
        monkeypatch.setitem(account.machine.functions, name, watched(function))
    assert account.run(repair=True).status == "SUCCEEDED"
    return seen


def test_the_state_stays_small_and_holds_no_page_token(
    account: AuditLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        put(account, f"customer-{number}")
        account.lab.client.create_api_key(name="by hand", value=f"{number:040d}")
    for _ in range(45):
        account.lab.api(CLOSED)
    monkeypatch.setattr("keyward.aws.gateway.calls.PAGE", 7)
    seen = states_of(account, monkeypatch)
    assert max(len(text) for text in seen) < 600
    assert not [text for text in seen if "position" in text]
    assert not [text for text in seen if any(f"{n:040d}" in text for n in range(60))]


def starts(account: AuditLab) -> list[float]:
    """When an audit that repairs started its runs, in seconds since it began."""
    moments: list[float] = []
    bus, clock = account.lab.bench.bus, account.lab.bench.clock
    start, began = bus.start, clock.now()
    bus.start = lambda *given: (moments.append(clock.now() - began), start(*given))[1]
    try:
        execution = account.run(repair=True)
    finally:
        del bus.start
    assert execution.output["started"] == len(moments)
    return moments


def test_repairs_are_started_ten_at_a_time(account: AuditLab) -> None:
    for number in range(45):
        put(account, f"customer-{number}")
    moments = starts(account)
    assert len(moments) == 45
    assert max(sum(m <= other < m + 2 for other in moments) for m in moments) == 10


def test_repairs_are_started_when_what_waits_is_soon_done(account: AuditLab) -> None:
    for number in range(20):
        put(account, f"customer-{number}")
    turns = runtime.context().turns
    turns.take("customers", "run-1", "new", {"calls": 300}, account.lab.bench.clock.now())
    moments = starts(account)
    soonest = (300 - AT_ONCE) / A_SECOND - 6
    assert soonest <= min(moments) <= max(moments) <= soonest + 15


def test_an_audit_that_cannot_begin_says_why_and_rings_no_alarm(account: AuditLab) -> None:
    refused = refusal(account.run(repairs="nosuchaudit"))
    assert refused["error"] == "InvalidInputError"
    assert "no finished audit nosuchaudit" in refused["reason"]
    assert refused["remedy"] == "keyward start --help"


@pytest.mark.parametrize("given", [{"repair": "yes"}, {"dry_run": True}, {"repairs": "../x"}])
def test_what_it_does_not_know_is_refused(account: AuditLab, given: JSON) -> None:
    refused = refusal(account.machine.run(given))
    assert refused["error"] == "InvalidInputError"
    assert next(iter(given)) in refused["reason"]


def mended(account: AuditLab) -> Execution:
    """The run that the function Audit started, done."""
    ((machine, name, task),) = account.lab.bench.bus.started
    assert machine == "the-audit-machine"
    account.lab.bench.bus.started.clear()
    return account.machine.run(task, name)


def test_the_function_has_its_findings_mended_by_the_machine(account: AuditLab) -> None:
    put(account, "acme")
    api_id = account.lab.api()
    told = account.in_one_go(repair=True)
    assert told["started"] == 2
    account.lab.forget()
    execution = mended(account)
    assert account.lab.bench.operations() == []
    assert execution.output["started"] == 2
    assert [task for _, _, task in account.lab.bench.bus.started] == [
        {"rest_api_id": api_id},
        {"customer_id": "acme", "look": True},
    ]
    assert [url for url, _, _ in account.lab.bench.bus.sent] == ["${ReportQueueUrl}"]


def test_a_repeated_repair_starts_nothing_twice(account: AuditLab) -> None:
    put(account, "acme")
    account.run("nightly-1", repair=True)
    functions = account.machine.functions
    again = functions["Repair"](load_event("repair"), None)
    assert (again["started"], again["unfinished"]) == (1, False)
    assert len(account.lab.bench.bus.started) == 1
    account.run("nightly-2", repair=True)
    assert len(account.lab.bench.bus.started) == 2


def test_the_samples_are_steps_of_one_audit(account: AuditLab) -> None:
    put(account, "acme")
    functions = account.machine.functions
    read = functions["AuditPart"](load_event("audit-part"), None)
    assert (read["audit"], read["repair"], read["unfinished"]) == ("nightly-1", True, False)
    assert functions["Repair"](load_event("repair"), None)["started"] == 1


def test_the_last_findings_lie_where_people_look(account: AuditLab) -> None:
    put(account, "acme")
    account.run()
    bucket = runtime.setting("REPORT_BUCKET")
    answer = account.s3.get_object(Bucket=bucket, Key="audit.json")
    told = json.loads(answer["Body"].read())
    assert [finding["kind"] for finding in told["findings"]] == ["customer_without_key"]
