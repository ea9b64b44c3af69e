"""What reaches Keyward first: the queue of customer events, the Customers table's stream."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

import record_customer
import start_customer_reconcile
from keyward.aws.tables.customers import Customers
from keyward.runs import runtime
from tests.support import Bench, load_event, workbench

NOW = 1_795_434_400.0  # 2026-11-23T11:46:40Z
CONTEXT = SimpleNamespace(function_name="record-customer")

MACHINE_ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:reconcile-customer"
SETTINGS = {
    "EVENT_BUS": "the-bus",
    "RECONCILE_CUSTOMER_ARN": MACHINE_ARN,
    "CUSTOMERS_DLQ_URL": "the-dlq",
}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    with workbench() as made:
        monkeypatch.setattr(runtime, "_gateway", lambda: made.gateway)
        monkeypatch.setattr(runtime, "_registry", lambda: made.registry)
        monkeypatch.setattr(runtime, "_bus", lambda: made.bus)
        monkeypatch.setattr(runtime, "now", lambda: NOW)
        yield made


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    numbers = Counter[str]()
    monkeypatch.setattr(record_customer, "_count", lambda name, n: numbers.update({name: n}))
    return numbers


def take(*bodies: Any, first: int = 1) -> list[str]:
    """Have the function take messages, numbered from `first`: those that come again."""
    sample = load_event("record-customer")["Records"][0]
    texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    records = [
        sample | {"messageId": f"m-{number}", "body": text}
        for number, text in enumerate(texts, first)
    ]
    answer = record_customer.handler({"Records": records}, CONTEXT)
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def event(name: str, time: str = "2026-11-23T10:00:00Z", **detail: Any) -> dict[str, Any]:
    loaded = load_event(name)
    loaded["detail"].pop("occurred_at", None)
    return loaded | {"time": time, "detail": loaded["detail"] | detail}


def desired(bench: Bench, customer_id: str = "acme") -> dict[str, Any]:
    record = bench.registry.customers.desired(customer_id)
    assert record is not None
    return record


def test_a_sign_up_becomes_the_desired_state(bench: Bench, counted: Counter[str]) -> None:
    assert take(event("customer-signed-up")) == []
    record = desired(bench)
    assert (record["plan"], record["status"], record["name"]) == ("free", "active", "Acme Inc.")


def test_the_same_event_twice_leaves_the_same_record_and_asks_for_a_look(
    bench: Bench, counted: Counter[str]
) -> None:
    for message_id in ("m-1", "m-2"):
        assert take(event("customer-signed-up"), message_id) == []
    [(machine, _, task)] = bench.bus.started
    assert (machine, task) == (MACHINE_ARN, {"customer_id": "acme"})


def test_an_older_change_is_ignored_and_counted(bench: Bench, counted: Counter[str]) -> None:
    newer = event("customer-plan-changed", "2026-11-23T10:00:00Z")
    older = event("customer-plan-changed", "2026-11-23T09:00:00Z", plan="free")
    for sent in (newer, older):
        assert take(sent) == []
    assert desired(bench)["plan"] == "pro"
    assert counted["OlderChangeIgnored"] == 1


MALFORMED = [
    ("no JSON", "{", False),
    ("a text", '"hello"', False),
    ("no detail", load_event("customer-signed-up") | {"detail": None}, False),
    ("no customer", event("customer-signed-up", customer_id=None), False),
    ("no plan", event("customer-signed-up", plan=None), True),
    ("plan of another type", event("customer-signed-up", plan=5), True),
    ("time ahead", event("customer-signed-up", occurred_at="2026-11-23T12:46:40Z"), True),
    ("near miss", event("customer-signed-up") | {"detail-type": "Customer_SignUp"}, True),
    ("nested too deep", "[" * 100_000 + "]" * 100_000, False),
]


@pytest.mark.parametrize(("what", "body", "named"), MALFORMED, ids=[case[0] for case in MALFORMED])
def test_a_malformed_event_ends_in_the_dlq_at_once_and_is_answered(
    bench: Bench, counted: Counter[str], what: str, body: Any, named: bool
) -> None:
    assert take(body, event("customer-signed-up", customer_id="next")) == []
    [(queue, sent, attributes)] = bench.bus.sent
    assert queue == "the-dlq"
    assert sent == (body if isinstance(body, str) else json.dumps(body))
    assert attributes["reason"], what
    answers = [entry["DetailType"] for entry in bench.bus.entries]
    assert answers == (["CustomerFailed"] if named else [])
    assert bench.registry.customers.desired("acme") is None
    assert desired(bench, "next")["plan"] == "free"


def test_a_number_smaller_than_any_table_holds_is_rounded(
    bench: Bench, counted: Counter[str]
) -> None:
    tiny = event("key-rotation-requested", overlap_hours=1e-200)
    assert take(tiny) == []
    assert desired(bench)["rotation"]["overlap_hours"] == 0


def test_two_events_recorded_at_the_same_moment_both_count(
    bench: Bench, counted: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save, raced = Customers.save_desired, []

    def raced_save(self: Customers, record: Any, before: Any) -> bool:
        if not raced:
            raced.append(True)
            take(event("customer-suspended", "2026-11-23T11:00:00Z"), first=2)
        return save(self, record, before)

    monkeypatch.setattr(Customers, "save_desired", raced_save)
    assert take(event("customer-signed-up")) == []
    assert (desired(bench)["plan"], desired(bench)["status"]) == ("free", "suspended")


def stream_record(image: dict[str, Any], at: int, event_id: str = "e-1") -> dict[str, Any]:
    raw = copy.deepcopy(load_event("start-customer-reconcile")["Records"][0])
    raw["dynamodb"]["NewImage"] = {name: {"S": value} for name, value in image.items()}
    raw["dynamodb"]["ApproximateCreationDateTime"] = at
    return dict(raw | {"eventID": event_id})


BY_HAND = {"customer_id": "acme", "plan": "pro", "status": "active"}


def start(bench: Bench, *records: dict[str, Any]) -> None:
    answer = start_customer_reconcile.handler({"Records": list(records)}, None)
    assert answer == {"batchItemFailures": []}


def test_a_record_put_by_hand_starts_one_run_however_often_it_is_told(bench: Bench) -> None:
    for _ in range(2):
        start(bench, stream_record(BY_HAND, 1_795_434_000))
    [(machine, _, task)] = bench.bus.started
    assert (machine, task) == (MACHINE_ARN, {"customer_id": "acme"})


def test_an_event_older_than_a_record_put_by_hand_is_ignored(
    bench: Bench, counted: Counter[str]
) -> None:
    bench.tables["CustomersTable"].put_item(Item=BY_HAND)
    late = event("customer-plan-changed", "2026-11-23T10:00:00Z", plan="free")
    assert take(late) == ["m-1"]
    start(bench, stream_record(BY_HAND, 1_795_434_000))
    assert take(late) == []
    assert desired(bench)["plan"] == "pro"
    assert counted["OlderChangeIgnored"] == 1


def test_an_event_newer_than_a_record_put_by_hand_counts(
    bench: Bench, counted: Counter[str]
) -> None:
    bench.tables["CustomersTable"].put_item(Item=BY_HAND)
    start(bench, stream_record(BY_HAND, 1_795_427_000))
    assert take(event("customer-plan-changed", "2026-11-23T10:00:00Z", plan="free")) == []
    assert desired(bench)["plan"] == "free"


def test_a_record_with_an_impossible_id_goes_to_the_dlq(bench: Bench) -> None:
    start(bench, stream_record(BY_HAND | {"customer_id": "a b"}, 1_795_427_000))
    assert bench.bus.started == []
    [(_, body, attributes)] = bench.bus.sent
    assert json.loads(body)["customer_id"] == "a b"
    assert "customer_id" in attributes["reason"]


def test_a_date_never_goes_back(bench: Bench) -> None:
    for at in (200, 100):
        bench.registry.customers.note_dates("acme", {"plan": "pro"}, at)
    assert bench.registry.customers.load_keys("acme").dated["plan"].at == 200
