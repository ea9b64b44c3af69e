"""What reaches Keyward first: the queue of customer events, the Customers table's stream."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

import record_customer
import start_customer_reconcile
from keyward.aws.tables import Customers
from keyward.errors import RecordUndatedError
from keyward.policy.model import Policy
from tests.support import Bench, load_event, workbench

NOW = 1_795_434_400.0  # 2026-11-23T11:46:40Z
MACHINE_ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:reconcile-customer"


@pytest.fixture
def bench() -> Iterator[Bench]:
    with workbench() as made:
        yield made


@pytest.fixture
def counted() -> Counter[str]:
    return Counter()


def recorder(bench: Bench, counted: Counter[str]) -> record_customer.Recorder:
    def count(name: str, number: int) -> None:
        counted[name] += number

    def policy() -> Policy:
        return bench.registry.policies.current(NOW).policy

    return record_customer.Recorder(
        bench.registry, bench.bus, "the-bus", MACHINE_ARN, "the-dlq", count, policy
    )


def message(body: Any, message_id: str = "m-1") -> SQSRecord:
    raw = copy.deepcopy(load_event("record-customer")["Records"][0])
    text = body if isinstance(body, str) else json.dumps(body)
    return SQSRecord(raw | {"body": text, "messageId": message_id})


def event(name: str, time: str = "2026-11-23T10:00:00Z", **detail: Any) -> dict[str, Any]:
    loaded = load_event(name)
    loaded["detail"].pop("occurred_at", None)
    return loaded | {"time": time, "detail": loaded["detail"] | detail}


def desired(bench: Bench, customer_id: str = "acme") -> dict[str, Any]:
    record = bench.registry.customers.desired(customer_id)
    assert record is not None
    return record


def test_a_sign_up_becomes_the_desired_state(bench: Bench, counted: Counter[str]) -> None:
    recorder(bench, counted).take(message(event("customer-signed-up")), NOW)
    record = desired(bench)
    assert (record["plan"], record["status"], record["name"]) == ("free", "active", "Acme Inc.")


def test_the_same_event_twice_leaves_the_same_record_and_asks_for_a_look(
    bench: Bench, counted: Counter[str]
) -> None:
    for message_id in ("m-1", "m-2"):
        recorder(bench, counted).take(message(event("customer-signed-up"), message_id), NOW)
    [(machine, _, task)] = bench.bus.started
    assert (machine, task) == (MACHINE_ARN, {"customer_id": "acme"})


def test_an_older_change_is_ignored_and_counted(bench: Bench, counted: Counter[str]) -> None:
    newer = event("customer-plan-changed", "2026-11-23T10:00:00Z")
    older = event("customer-plan-changed", "2026-11-23T09:00:00Z", plan="free")
    for sent in (newer, older):
        recorder(bench, counted).take(message(sent), NOW)
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
    ("unknown type", event("customer-signed-up") | {"detail-type": "Other"}, True),
]


@pytest.mark.parametrize(("what", "body", "named"), MALFORMED, ids=[case[0] for case in MALFORMED])
def test_a_malformed_event_ends_in_the_dlq_at_once_and_is_answered(
    bench: Bench, counted: Counter[str], what: str, body: Any, named: bool
) -> None:
    take = recorder(bench, counted).take
    take(message(body), NOW)
    take(message(event("customer-signed-up", customer_id="next")), NOW)
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
    recorder(bench, counted).take(message(tiny), NOW)
    assert desired(bench)["rotation"]["overlap_hours"] == 0


def test_two_events_recorded_at_the_same_moment_both_count(
    bench: Bench, counted: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save, other = Customers.save_desired, recorder(bench, counted)
    raced = []

    def raced_save(self: Customers, record: Any, before: Any) -> bool:
        if not raced:
            raced.append(True)
            other.take(message(event("customer-suspended", "2026-11-23T11:00:00Z")), NOW)
        return save(self, record, before)

    monkeypatch.setattr(Customers, "save_desired", raced_save)
    recorder(bench, counted).take(message(event("customer-signed-up")), NOW)
    assert (desired(bench)["plan"], desired(bench)["status"]) == ("free", "suspended")


def stream_record(image: dict[str, Any], at: int, event_id: str = "e-1") -> DynamoDBRecord:
    raw = copy.deepcopy(load_event("start-customer-reconcile")["Records"][0])
    raw["dynamodb"]["NewImage"] = {name: {"S": value} for name, value in image.items()}
    raw["dynamodb"]["ApproximateCreationDateTime"] = at
    return DynamoDBRecord(raw | {"eventID": event_id})


BY_HAND = {"customer_id": "acme", "plan": "pro", "status": "active"}


def start(bench: Bench, record: DynamoDBRecord) -> None:
    start_customer_reconcile.start(record, bench.registry, bench.bus, MACHINE_ARN, "the-dlq")


def test_a_record_put_by_hand_starts_one_run_however_often_it_is_told(bench: Bench) -> None:
    for _ in range(2):
        start(bench, stream_record(BY_HAND, 1_795_434_000))
    [(machine, _, task)] = bench.bus.started
    assert (machine, task) == (MACHINE_ARN, {"customer_id": "acme"})


def test_an_event_older_than_a_record_put_by_hand_is_ignored(
    bench: Bench, counted: Counter[str]
) -> None:
    bench.tables["CustomersTable"].put_item(Item=BY_HAND)
    late = message(event("customer-plan-changed", "2026-11-23T10:00:00Z", plan="free"))
    with pytest.raises(RecordUndatedError):
        recorder(bench, counted).take(late, NOW)
    start(bench, stream_record(BY_HAND, 1_795_434_000))
    recorder(bench, counted).take(late, NOW)
    assert desired(bench)["plan"] == "pro"
    assert counted["OlderChangeIgnored"] == 1


def test_an_event_newer_than_a_record_put_by_hand_counts(
    bench: Bench, counted: Counter[str]
) -> None:
    bench.tables["CustomersTable"].put_item(Item=BY_HAND)
    start(bench, stream_record(BY_HAND, 1_795_427_000))
    newer = message(event("customer-plan-changed", "2026-11-23T10:00:00Z", plan="free"))
    recorder(bench, counted).take(newer, NOW)
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
    assert bench.registry.customers.known("acme").dated["plan"].at == 200
