"""A key that a person disabled on API Gateway stays disabled until a person wants it back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from keyward.values import JSON
from local.bench import Bench
from tests.machines.drift_lab import (
    ADA,
    bench_with_customers,
    run_by_hand,
    status,
    switch,
    told,
)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with bench_with_customers() as made:
        yield made


def test_a_key_that_a_person_disabled_stays_so_and_is_told_once(bench: Bench) -> None:
    switch(bench, on=False)
    bench.run()
    bench.audit(repair=True)
    bench.advance(seconds=2 * 86_400)
    assert status(bench) == 403
    (event,) = told(bench, "KeyDisabled")
    assert event["by_hand"] is True
    assert ADA in event["reason"]
    assert event["caused_by"]["source"] == "aws.apigateway"
    (finding,) = [f for f in bench.audit()["findings"] if f["kind"] == "key_disabled"]
    assert (finding["severity"], finding["customer_id"]) == ("high", "acme")
    assert finding["remedy"] == event["remedy"]
    assert event["remedy"] == "keyward send --customer acme CustomerResumed"


def resumed(bench: Bench) -> None:
    bench.send("CustomerResumed", customer_id="acme")


def suspended_and_undone(bench: Bench) -> None:
    bench.send("CustomerSuspended", customer_id="acme")
    bench.advance(seconds=60)
    bench.send("UndoRequested", customer_id="acme")


@pytest.mark.parametrize("change", [resumed, run_by_hand, suspended_and_undone])
def test_a_person_lets_a_key_work_again_that_somebody_disabled(bench: Bench, change: Any) -> None:
    switch(bench, on=False)
    bench.run()
    bench.advance(seconds=60)
    change(bench)
    bench.run()
    assert status(bench) == 200
    assert [f for f in bench.audit()["findings"] if f["kind"] == "key_disabled"] == []


def test_who_resumed_the_customer_caused_what_is_told(bench: Bench) -> None:
    switch(bench, on=False)
    bench.run()
    bench.advance(seconds=60)
    resumed(bench)
    bench.run()
    (event,) = told(bench, "KeyResumed")
    assert event["caused_by"]["detail_type"] == "CustomerResumed"


@pytest.mark.parametrize(
    "event",
    [
        {"detail_type": "CustomerPlanChanged", "plan": "pro"},
        {"detail_type": "CustomerPlanChanged", "plan": "pro", "key": "successor"},
        {"detail_type": "PaymentSucceeded"},
        {"detail_type": "CustomerExpiryChanged", "expires_at": "never"},
    ],
)
def test_no_other_event_lets_it_work_again(bench: Bench, event: JSON) -> None:
    switch(bench, on=False)
    bench.run()
    bench.send(**{"customer_id": "acme"} | event)
    bench.advance(seconds=3600)
    keys = [key for key in bench.emulator.state.keys.values() if "acme/" in key.settings["name"]]
    assert [key.enabled for key in keys] == [False]


def test_a_key_that_the_audit_finds_disabled_is_told_and_left(bench: Bench) -> None:
    bench.account.emulator.on_event = None
    switch(bench, on=False)
    bench.audit(repair=True)
    assert status(bench) == 403
    assert len(told(bench, "KeyDisabled")) == 1


def test_a_key_that_a_person_enabled_again_is_as_recorded(bench: Bench) -> None:
    switch(bench, on=False)
    bench.run()
    switch(bench, on=True)
    bench.run()
    assert status(bench) == 200
    assert [f for f in bench.audit()["findings"] if f["kind"].startswith("key_")] == []


def test_a_suspended_customers_key_that_somebody_enables_is_disabled(bench: Bench) -> None:
    bench.send("CustomerSuspended", customer_id="acme")
    bench.run()
    switch(bench, on=True)
    bench.run()
    assert status(bench) == 403
