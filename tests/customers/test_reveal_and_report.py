from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

import report_failure
import reveal_key
from keyward import errors
from keyward.customers.key import CREATED, KeyRecord
from keyward.errors import CustomerNotFoundError, InvalidInputError
from keyward.runs import runtime
from keyward.values import iso
from tests.support import MACHINE, Bench, load_event, workbench


@pytest.fixture
def bench() -> Iterator[Bench]:
    with workbench() as made:
        yield made


def issued(bench: Bench, number: int) -> dict[str, Any]:
    key = bench.client.create_api_key(name=f"acme/{number}", customerId="acme", enabled=True)
    bench.save_key(KeyRecord("acme", number, CREATED, key_id=key["id"], plans=("free",)))
    return dict(key)


def test_the_values_of_all_keys_of_a_customer_are_revealed(bench: Bench) -> None:
    keys = [issued(bench, number) for number in (1, 2)]
    shown = reveal_key.reveal(load_event("reveal-key"), bench.gateway, bench.registry)
    assert shown == {
        "customer_id": "acme",
        "keys": [{"key_id": key["id"], "value": key["value"]} for key in keys],
    }


def test_one_key_is_revealed_by_its_id(bench: Bench) -> None:
    _, second = issued(bench, 1), issued(bench, 2)
    task = {"customer_id": "acme", "key_id": second["id"]}
    [shown] = reveal_key.reveal(task, bench.gateway, bench.registry)["keys"]
    assert shown["key_id"] == second["id"]


def test_a_key_of_another_customer_is_not_revealed(bench: Bench) -> None:
    foreign = bench.client.create_api_key(name="other/1", customerId="other", enabled=True)
    issued(bench, 1)
    task = {"customer_id": "acme", "key_id": foreign["id"]}
    with pytest.raises(CustomerNotFoundError):
        reveal_key.reveal(task, bench.gateway, bench.registry)


def test_a_value_typed_as_a_key_id_is_not_quoted(bench: Bench) -> None:
    value = issued(bench, 1)["value"]
    task = {"customer_id": "acme", "key_id": value}
    with pytest.raises(CustomerNotFoundError, match="no key of this key_id") as told:
        reveal_key.reveal(task, bench.gateway, bench.registry)
    assert value not in str(told.value)


def test_a_misspelt_member_is_refused_by_its_name_and_reveals_nothing(bench: Bench) -> None:
    for number in (1, 2):
        issued(bench, number)
    task = {"customer_id": "acme", "keyid": "abcde12345"}
    with pytest.raises(InvalidInputError, match=r"keyid: is not a field of this input\. Use"):
        reveal_key.reveal(task, bench.gateway, bench.registry)


def test_an_unknown_customer_is_told(bench: Bench) -> None:
    with pytest.raises(CustomerNotFoundError, match="nobody"):
        reveal_key.reveal({"customer_id": "nobody"}, bench.gateway, bench.registry)
    with pytest.raises(InvalidInputError, match="customer_id"):
        reveal_key.reveal({}, bench.gateway, bench.registry)


def test_the_log_and_the_metric_of_a_use_hold_no_value(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = issued(bench, 1)
    monkeypatch.setattr(runtime, "_gateway", lambda: bench.gateway)
    monkeypatch.setattr(runtime, "_registry", lambda: bench.registry)
    with caplog.at_level(logging.DEBUG):
        shown = reveal_key.handler({"customer_id": "acme"}, None)
    assert shown["keys"][0]["value"] == key["value"]
    written = caplog.text + capsys.readouterr().out
    assert "KeyRevealed" in written
    assert key["value"] not in written


def test_a_failure_is_told_by_its_class_and_words_without_its_trace(bench: Bench) -> None:
    told = report_failure.report(load_event("report-failure"), bench.context())
    [entry] = bench.bus.entries
    assert entry["DetailType"] == "CustomerFailed"
    assert entry["Detail"]["customer_id"] == "acme"
    assert entry["Detail"]["reason"].startswith("plan: the policy names no")
    assert entry["Detail"]["error"] == "UnknownPlanError"
    remedy = "keyward send --customer acme --set plan=VALUE CustomerPlanChanged"
    assert entry["Detail"]["remedy"] == remedy
    assert "stackTrace" not in json.dumps([told, entry])


@pytest.mark.parametrize("value", ["z", 7, ["x"], {"plan": "x"}, {"plan": {"value": 1}}])
@pytest.mark.parametrize("name", ["asked", "recorded"])
def test_a_record_of_any_shape_cannot_silence_the_announcement_of_its_failure(
    bench: Bench, name: str, value: object
) -> None:
    record = {"customer_id": "acme", "plan": "free", "status": "active", name: value}
    bench.tables["CustomersTable"].put_item(Item=record)
    report_failure.report(load_event("report-failure"), bench.context())
    assert [entry["DetailType"] for entry in bench.bus.entries] == ["CustomerFailed"]


def test_a_failure_of_nobody_is_announced_to_nobody(bench: Bench) -> None:
    task = {"error": {"Error": "InvalidInputError", "Cause": "customer_id: is missing"}}
    told = report_failure.report(task | {"execution_arn": MACHINE}, bench.context())
    assert (bench.bus.entries, told["again"]) == ([], False)


def test_a_failed_run_gives_its_lease_back(bench: Bench) -> None:
    task = load_event("report-failure") | {"execution_arn": MACHINE}
    bench.registry.leases.acquire("customer#acme", MACHINE, 0)
    assert report_failure.report(task, bench.context())["again"] is False
    assert bench.registry.leases.holder("customer#acme") is None


def test_a_failed_run_that_was_asked_again_starts_over(bench: Bench) -> None:
    task = load_event("report-failure") | {"execution_arn": MACHINE}
    bench.registry.leases.acquire("customer#acme", MACHINE, 0)
    assert bench.registry.leases.acquire("customer#acme", "another", 0) is None
    assert report_failure.report(task, bench.context())["again"] is True
    holder = bench.registry.leases.holder("customer#acme")
    assert holder is not None
    assert holder.owner == MACHINE


@pytest.mark.parametrize("name", errors.PASSING)
def test_a_run_that_is_postponed_again_waits_longer_and_is_announced_to_nobody(
    bench: Bench, name: str
) -> None:
    task = failed(name)
    waits = []
    for _ in range(8):
        reported = report_failure.report(task, bench.context())
        assert (reported["postponed"], reported["error"]) == (True, name)
        waits.append(datetime.fromisoformat(reported["due_at"]).timestamp() - bench.clock.now())
    kind = errors.class_named(name)
    assert kind
    assert issubclass(kind, errors.PassingError)
    assert waits[:3] == [kind.retry_after * n for n in (1, 2, 4)]
    assert waits[-1] == 900
    assert bench.bus.entries == []


def test_a_row_of_postponed_runs_ends_with_a_run_that_ends_well(bench: Bench) -> None:
    for _ in range(5):
        report_failure.report(failed("ThrottledError"), bench.context())
    lease = bench.registry.leases.acquire("customer#acme", MACHINE, bench.clock.now())
    assert lease
    assert bench.registry.leases.release(lease)
    assert bench.registry.leases.postponed("customer#acme") == 1


@pytest.mark.parametrize("name", errors.LAMBDA_DEATHS)
def test_lambda_that_keeps_dying_is_announced_in_the_end(bench: Bench, name: str) -> None:
    for at in range(0, report_failure.MAX_DEATHS * 60, 60):
        assert report_failure.report(failed(name, at), bench.context())["postponed"]
    assert bench.bus.entries == []
    assert not report_failure.report(failed(name, 600), bench.context())["postponed"]
    assert [entry["DetailType"] for entry in bench.bus.entries] == ["CustomerFailed"]


def test_a_wait_for_what_died_does_not_interrupt_a_row_of_deaths(bench: Bench) -> None:
    for at in range(0, report_failure.MAX_DEATHS * 60, 60):
        report_failure.report(failed("Runtime.ExitError", at), bench.context())
        report_failure.report(failed("TryUnderwayError", at), bench.context())
    assert not report_failure.report(failed("Runtime.ExitError", 600), bench.context())["postponed"]


def failed(name: str, at: int = 0) -> dict[str, Any]:
    """The sample of Report failure, with this error, so many seconds later."""
    task = load_event("report-failure")
    entered = datetime.fromisoformat(task["entered"]).timestamp() + at
    return task | {"error": {"Error": name, "Cause": "why"}, "entered": iso(entered)}
