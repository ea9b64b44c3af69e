"""The one intake: what becomes of each item of a batch, whatever the function."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator

import pytest

from keyward.errors import InvalidEventError, PassingError, UnknownPlanError
from keyward.events.key_value import BLOT, new_value
from keyward.runs import runtime
from keyward.runs.intake import STREAM_PATIENCE_SECONDS, Intake, Item
from keyward.values import JSON, run_name
from tests import tree
from tests.support import Runs, load_event

NOW = 1_795_434_400.0
DEEP = "[" * 100_000


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Runs:
    made = Runs()
    monkeypatch.setattr(runtime, "_bus", lambda: made)
    monkeypatch.setattr(runtime, "now", lambda: NOW)
    return made


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record)


@pytest.fixture
def logged() -> Iterator[list[logging.LogRecord]]:
    lines, logger = Lines(), runtime.logger()
    logger.addHandler(lines)
    yield lines.kept
    logger.removeHandler(lines)


def said(line: logging.LogRecord) -> JSON:
    return {name: getattr(line, name) for name in ("error", "reason")}


def messages(*bodies: str) -> JSON:
    sample = load_event("record-customer")["Records"][0]
    return {"Records": [sample | {"messageId": f"m{n}", "body": b} for n, b in enumerate(bodies)]}


def changes(*images: JSON, at: float = NOW) -> JSON:
    sample = load_event("start-customer-reconcile")["Records"][0]
    records = []
    for number, image in enumerate(images):
        change = sample["dynamodb"] | {"NewImage": image, "SequenceNumber": f"{number}"}
        change |= {"ApproximateCreationDateTime": at}
        records.append(sample | {"eventID": f"e{number}", "dynamodb": change})
    return {"Records": records}


def image(customer_id: str) -> JSON:
    return {"customer_id": {"S": customer_id}}


def failing(error: Exception, taken: list[Item]) -> Callable[[Item], None]:
    """Fail for the item of `acme`, and take every other one."""

    def take(item: Item) -> None:
        if item.body.get("customer_id") == "acme":
            raise error
        taken.append(item)

    return take


@pytest.mark.parametrize("body", ["{", "[]", "null", '"text"', "", DEEP], ids=lambda b: b[:9])
def test_a_message_that_is_no_json_object_is_refused_with_its_body(bus: Runs, body: str) -> None:
    taken: list[Item] = []
    intake = Intake("the-dlq", taken.append)
    assert intake.queue(messages(body, "{}"), None) == {"batchItemFailures": []}
    [(queue, sent, attributes)] = bus.sent
    assert (queue, sent) == ("the-dlq", body)
    assert attributes["reason"].startswith("body: must be a JSON object, nested at most 100 deep.")
    assert [item.body for item in taken] == [{}]


def test_a_refused_item_is_answered_after_the_dlq_has_it(bus: Runs) -> None:
    answered: list[tuple[str, int]] = []
    refusal = InvalidEventError("detail.plan", "must be a text", "Send one")
    intake = Intake(
        "the-dlq", failing(refusal, []), lambda _, reason: answered.append((reason, len(bus.sent)))
    )
    intake.queue(messages('{"customer_id": "acme"}'), None)
    assert answered == [("detail.plan: must be a text. Send one", 1)]


def test_whoever_answers_a_refusal_gets_the_item_as_it_rests_in_the_queue(bus: Runs) -> None:
    answered: list[Item] = []
    refusal, value = InvalidEventError("detail.plan", "must be a text", "Send one"), new_value("kw")
    intake = Intake("the-dlq", failing(refusal, []), lambda item, _: answered.append(item))
    body = {"customer_id": "acme", "name": value}
    intake.queue(messages(json.dumps(body)), None)
    intake.stream(changes(image("acme") | {"name": {"S": value}}), None)
    assert [item.body for item in answered] == [body | {"name": BLOT}] * 2
    assert [json.loads(item.text) for item in answered] == [body | {"name": BLOT}] * 2
    sent = load_event("record-customer")["Records"][0]["attributes"]["SentTimestamp"]
    assert [(item.id, item.at) for item in answered] == [("m0", int(sent) / 1000), ("e0", NOW)]


def test_what_was_removed_from_a_table_is_taken_as_it_was(bus: Runs) -> None:
    taken: list[Item] = []
    batch = changes(image("gone"))
    change = batch["Records"][0]["dynamodb"]
    change["OldImage"] = change.pop("NewImage")
    Intake("the-dlq", taken.append).stream(
        {"Records": [batch["Records"][0] | {"eventName": "REMOVE"}]}, None
    )
    Intake("the-dlq", taken.append).stream(changes(image("there")), None)
    assert [(item.body["customer_id"], item.removed) for item in taken] == [
        ("gone", True),
        ("there", False),
    ]


@pytest.mark.parametrize("error", [PassingError("busy"), RuntimeError("odd"), KeyError("odd")])
def test_what_fails_otherwise_comes_again_from_a_queue(bus: Runs, error: Exception) -> None:
    taken: list[Item] = []
    batch = messages('{"customer_id": "acme"}', '{"customer_id": "next"}')
    answer = Intake("the-dlq", failing(error, taken)).queue(batch, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert (len(taken), bus.sent) == (1, [])


def test_what_can_pass_comes_again_from_a_stream(bus: Runs) -> None:
    answer = Intake("the-dlq", failing(PassingError("busy"), [])).stream(
        changes(image("next"), image("acme")), None
    )
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert bus.sent == []


@pytest.mark.parametrize(
    ("error", "age"),
    [
        (InvalidEventError("customer_id", "is missing", "Send it"), 0),
        (UnknownPlanError("plan: no such plan"), 0),
        (AttributeError("our own mistake"), 0),
        (PassingError("busy for hours"), STREAM_PATIENCE_SECONDS),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_record_of_the_stream_that_cannot_be_taken_keeps_its_body_and_stops_nobody(
    bus: Runs, error: Exception, age: float
) -> None:
    taken: list[Item] = []
    batch = changes(image("acme"), image("next"), at=NOW - age)
    answer = Intake("the-dlq", failing(error, taken)).stream(batch, None)
    assert answer == {"batchItemFailures": []}
    assert [item.body["customer_id"] for item in taken] == ["next"]
    [(queue, sent, attributes)] = bus.sent
    assert (queue, json.loads(sent)) == ("the-dlq", {"customer_id": "acme"})
    assert attributes["reason"] == str(error)


def test_a_record_whose_image_cannot_be_parsed_goes_to_the_dlq_as_it_was_written(bus: Runs) -> None:
    taken: list[Item] = []
    odd = image("acme") | {"plan": {"WHAT": "1"}}
    answer = Intake("the-dlq", taken.append).stream(changes(odd, image("next")), None)
    assert answer == {"batchItemFailures": []}
    assert [item.body["customer_id"] for item in taken] == ["next"]
    [(_, sent, attributes)] = bus.sent
    assert json.loads(sent) == odd
    assert attributes["reason"].startswith("record: must have values")


def test_a_batch_of_which_nothing_is_taken_comes_again_item_by_item(
    bus: Runs, logged: list[logging.LogRecord]
) -> None:
    intake = Intake("the-dlq", failing(PassingError("busy"), []))
    acme = '{"customer_id": "acme"}'
    for answer in (intake.queue(messages(acme), None), intake.stream(changes(image("acme")), None)):
        assert len(answer["batchItemFailures"]) == 1
    lines = [(line.getMessage(), said(line)) for line in logged]
    words = "an item failed and comes again"
    assert lines == [(words, {"error": "PassingError", "reason": "busy"})] * 2


def test_a_mistake_of_ours_about_a_record_is_logged_and_named_where_it_says_nothing(
    bus: Runs, logged: list[logging.LogRecord]
) -> None:
    intake = Intake("the-dlq", failing(AttributeError(), []))
    assert intake.stream(changes(image("acme")), None) == {"batchItemFailures": []}
    assert [attributes["reason"] for _, _, attributes in bus.sent] == ["AttributeError"]
    [line] = logged
    assert line.getMessage() == "a record of the stream cannot be processed"


def test_a_record_without_an_image_is_taken_as_an_empty_one(bus: Runs) -> None:
    taken: list[Item] = []
    record = load_event("start-customer-reconcile")["Records"][0]
    bare = {name: value for name, value in record.items() if name != "dynamodb"}
    Intake("the-dlq", taken.append).stream({"Records": [bare]}, None)
    assert [(item.body, item.removed, item.at) for item in taken] == [({}, False, 0)]
    assert bus.sent == []


def test_an_item_says_when_it_was_sent_or_written(bus: Runs) -> None:
    taken: list[Item] = []
    intake, batch = Intake("the-dlq", taken.append), messages("{}")
    batch["Records"][0]["attributes"]["SentTimestamp"] = "1795434400123"
    intake.queue(batch, None)
    intake.stream(changes(image("acme"), at=NOW - 5), None)
    assert [item.at for item in taken] == [1_795_434_400.123, NOW - 5]


def test_the_reasons_of_what_nobody_can_read_say_what_to_do(bus: Runs) -> None:
    intake = Intake("the-dlq", lambda item: None)
    intake.queue(messages("[]"), None)
    intake.stream(changes(image("acme") | {"plan": {"WHAT": "1"}}), None)
    assert [attributes["reason"] for _, _, attributes in bus.sent] == [
        "body: must be a JSON object, nested at most 100 deep. Send one as it came",
        "record: must have values that DynamoDB can hold. Write it again",
    ]


@pytest.mark.parametrize("name", ["id", "detail-type", "source"])
def test_what_an_event_is_told_apart_by_is_a_text(bus: Runs, name: str) -> None:
    intake = Intake("the-dlq", lambda item: None)
    intake.queue(messages(json.dumps({name: ["a"]})), None)
    [(_, _, attributes)] = bus.sent
    assert attributes["reason"].startswith(f"{name}: must be a text of 1 to 1024 characters, got ")


def test_a_value_that_somebody_sent_rests_in_no_queue_however_it_was_written(bus: Runs) -> None:
    value = new_value("kw")
    escaped = f"\\u{ord(value[0]):04x}{value[1:]}"
    intake = Intake("the-dlq", failing(InvalidEventError("name", f"got {value}", "No"), []))
    intake.queue(messages(f'{{"customer_id": "acme", "name": "{escaped}"}}'), None)
    odd = image("acme") | {"name": {"S": value}, "at": {"N": "5"}}
    intake.stream(changes(odd), None)
    assert [json.loads(text) for _, text, _ in bus.sent] == [
        {"customer_id": "acme", "name": BLOT},
        {"customer_id": "acme", "name": BLOT, "at": "5"},
    ]
    assert [attributes["reason"] for _, _, attributes in bus.sent] == [f"name: got {BLOT}. No"] * 2


def test_a_repeat_has_the_id_of_its_cause(bus: Runs) -> None:
    taken: list[Item] = []
    intake = Intake("the-dlq", taken.append)
    intake.queue(messages('{"id": "event-1"}', '{"id": "event-1"}', "{}"), None)
    intake.stream(changes(image("acme")), None)
    assert [item.id for item in taken] == ["event-1", "event-1", "m2", "e0"]


def test_a_run_name_is_one_that_step_functions_takes_and_never_another_causes() -> None:
    subjects = ["acme", "a" * 128, "auth0|5f7c:8", "a+b@example.com,x=1", "a/b", "a b"]
    names = [run_name(one, cause, "due-") for one in subjects for cause in ("1", "2")]
    assert len(set(names)) == len(names)
    assert run_name("acme", "1") == run_name("acme", "1")
    allowed = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
    assert all(len(name) <= 80 and set(name) <= allowed for name in names)


def batching_functions() -> list[str]:
    """The functions that take several items of a queue or a stream at a time."""
    mappings = tree.deployed_resources("AWS::Lambda::EventSourceMapping").values()
    batching = [m["Properties"] for m in mappings if m["Properties"].get("BatchSize") != 1]
    return [properties["FunctionName"]["Ref"] for properties in batching]


@pytest.mark.parametrize("name", batching_functions())
def test_every_function_that_takes_batches_does_so_through_the_intake(name: str) -> None:
    path = tree.function_files()[name]
    assert "keyward.runs.intake" in tree.imports(path)
    assert not tree.imports(path) & {"aws_lambda_powertools.utilities.batch", "hashlib", "json"}
