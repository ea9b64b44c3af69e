"""The one intake: what becomes of each item of a batch, whatever the function."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from keyward.errors import InvalidEventError, PassingError, UnknownPlanError
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
