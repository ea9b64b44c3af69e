"""Events of money, of the calendar and of other systems, as they come from the queue."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterator

import pytest

import record_customer
from keyward.policy.parse import default_text
from keyward.runs import runtime
from keyward.runs.context import Context
from keyward.runs.intake import Intake
from keyward.values import JSON
from tests.support import STACK, Bench, load_event, workbench

NOW = 1_795_434_400.0  # 2026-11-23T11:46:40Z
TENANT = "f3a1c9d2-5b7e-4c0a-9d57-0f2b6e8a1c34"


class Billing:
    """The queue's function on a bench; `counted` are its metrics."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.counted = bench, Counter[str]()
        run = Context(bench.gateway, bench.registry, bench.bus, lambda: NOW, "bus", STACK)
        recorder = record_customer.Recorder(run, "machine", self._count)
        self.intake = Intake("dlq", recorder.take, recorder.answer)

    def take(self, envelope: JSON, message_id: str = "m-1") -> None:
        """A message arrives."""
        raw = copy.deepcopy(load_event("record-customer")["Records"][0])
        raw |= {"body": json.dumps(envelope | {"id": message_id}), "messageId": message_id}
        assert self.intake.queue({"Records": [raw]}, None) == {"batchItemFailures": []}

    def record(self, customer_id: str = "acme") -> JSON | None:
        """What is desired."""
        return self.bench.registry.customers.desired(customer_id)

    def _count(self, name: str, number: int) -> None:
        self.counted[name] += number


@pytest.fixture
def intake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Billing]:
    with workbench() as bench:
        monkeypatch.setattr(runtime, "_bus", lambda: bench.bus)
        body = json.loads(default_text()) | {"billing": {"sbt": {"plans": {"basic": "free"}}}}
        bench.ssm.put_parameter(Name="policy", Value=json.dumps(body), Overwrite=True)
        yield Billing(bench)


def test_a_subscription_of_stripe_becomes_a_customer(intake: Billing) -> None:
    intake.take(load_event("stripe-subscription-created"))
    record = intake.record()
    assert record is not None
    assert (record["plan"], record["status"]) == ("pro", "active")
    assert record["billing"]["subscriptions"]["sub_1QExampleExample"]["state"] == "active"


def test_all_that_one_message_says_is_one_change_of_the_record(intake: Billing) -> None:
    intake.take(load_event("stripe-subscription-updated"))
    record = intake.record()
    assert record is not None
    assert set(record["billing"]) == {"bills", "subscriptions"}


def test_the_same_message_again_changes_nothing_and_has_the_customer_looked_at(
    intake: Billing,
) -> None:
    intake.take(load_event("stripe-subscription-updated"))
    before = intake.record()
    intake.take(load_event("stripe-subscription-updated"), "m-2")
    intake.take(load_event("stripe-invoice-payment-failed"), "m-3")
    assert intake.record() == before
    assert len(intake.bench.bus.started) == 2


def test_a_tenant_lives_its_life(intake: Billing) -> None:
    seen = []
    for minute, name in enumerate(
        (
            "sbt-onboarding-request",
            "sbt-deactivate-request",
            "sbt-activate-request",
            "sbt-offboarding-request",
        )
    ):
        intake.take(load_event(name) | {"time": f"2026-11-23T10:0{minute}:00Z"})
        record = intake.record(TENANT)
        assert record is not None
        seen.append((record["plan"], record["status"]))
    assert seen == [("free", status) for status in ("active", "suspended", "active", "closed")]


def test_what_means_nothing_for_keys_leaves_no_trace_but_a_count(intake: Billing) -> None:
    event = load_event("stripe-subscription-created")
    event["detail"]["data"]["object"]["status"] = "incomplete"
    intake.take(event)
    assert intake.record() is None
    assert (intake.bench.bus.sent, intake.bench.bus.entries) == ([], [])
    assert intake.counted["ForeignEventIgnored"] == 1


@pytest.mark.parametrize("told", [True, False])
def test_what_names_no_plan_or_nobody_goes_to_the_dlq_and_never_stops_the_next(
    intake: Billing, told: bool
) -> None:
    event = load_event("stripe-subscription-created")
    lost = {"items": {"data": []}} if told else {"metadata": {}}
    event["detail"]["data"]["object"] |= lost
    intake.take(event)
    intake.take(load_event("customer-signed-up"), "m-2")
    [(_, body, attributes)] = intake.bench.bus.sent
    assert json.loads(body) == event | {"id": "m-1"}
    assert "billing.stripe" in attributes["reason"]
    failed = [entry["Detail"] for entry in intake.bench.bus.entries]
    assert [f["customer_id"] for f in failed] == (["acme"] if told else [])
    assert intake.record() is not None


def test_an_undo_of_nothing_is_answered(intake: Billing) -> None:
    intake.take(load_event("customer-signed-up"))
    intake.take(load_event("undo-requested"), "m-2")
    [failed] = intake.bench.bus.entries
    assert failed["DetailType"] == "CustomerFailed"
    assert "there is no rotation" in failed["Detail"]["reason"]
    assert len(intake.bench.bus.sent) == 1


def test_an_undo_of_a_suspension_is_one_event(intake: Billing) -> None:
    intake.take(load_event("customer-signed-up"))
    intake.take(load_event("customer-suspended"), "m-2")
    undo = {"detail": {"customer_id": "acme", "what": "suspension"}}
    intake.take(load_event("undo-requested") | undo | {"time": "2026-11-23T11:00:00Z"}, "m-3")
    record = intake.record()
    assert record is not None
    assert record["status"] == "active"
    assert "status_reason" not in record


def test_a_date_put_by_hand_is_newer_than_an_older_event(intake: Billing) -> None:
    by_hand = {"customer_id": "acme", "plan": "pro", "status": "active"}
    by_hand |= {"expires_at": "2027-01-01"}
    intake.bench.tables["CustomersTable"].put_item(Item=by_hand)
    intake.bench.registry.customers.note_dates("acme", by_hand, int(NOW))
    intake.take(load_event("customer-expiry-changed"))
    record = intake.record()
    assert record is not None
    assert record["expires_at"] == "2027-01-01"
