"""The one intake of queues and streams: each item ends in exactly one of three ways.

    taken      the item was parsed, and `take` did what it asks for
    refused    the item cannot be right: it goes to the DLQ at once, with its body and the reason
    returned   something failed that can pass: the item comes again

No item stops the next. For functions only, like `runtime`; apart from it, because only a few
functions pay for its import.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    FailureResponse,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from keyward.errors import InvalidEventError, InvalidInputError, InvalidRecordError, PassingError
from keyward.events import fields
from keyward.events.key_value import blotted, without_values
from keyward.runs import runtime
from keyward.values import JSON, MAX_DEPTH, frozen, parse_json

# An item that the stream gives up leaves only its place there in the DLQ (Lambda developer guide,
# with-ddb). So it is refused with its body an hour before the template's MaximumRecordAgeInSeconds.
STREAM_PATIENCE_SECONDS = 3 * 3600
# What an event is told apart by. EventBridge writes texts, which others may not.
NAMES, NAME = ("id", "detail-type", "source"), fields.text(fields.MAX_TEXT)


@frozen
class Item:
    """One item of a batch. `body` is its JSON object, `text` what a person finds in the DLQ.

    `id` names the cause, the same for every repeat: EventBridge's event id, or else the id of the
    message or of the stream record. `at` is when it was sent or written, in epoch seconds. Of an
    item that was `removed` from a table the body is as it was.
    """

    body: JSON
    text: str
    id: str
    at: float
    removed: bool = False


@frozen
class Intake:
    """Takes items for one function. `on_refusal` answers whoever sent a refused item."""

    dlq_url: str
    take: Callable[[Item], None]
    on_refusal: Callable[[Item, str], None] | None = None

    def queue(self, event: JSON, context: Any) -> JSON:
        """Take a batch of SQS messages. Output: the messages that come again."""
        return _process(EventType.SQS, event, context, self._message)

    def stream(self, event: JSON, context: Any) -> JSON:
        """Take a batch of a DynamoDB stream. Output: the records that come again, in order.

        A record that comes again holds its shard up. So only what can pass does, and not for ever.
        """
        return _process(EventType.DynamoDBStreams, event, context, self._change)

    def _message(self, message: SQSRecord) -> None:
        body = parse_json(message.body)
        envelope = body if isinstance(body, dict) else {}
        cause = str(envelope.get("id") or message.message_id)
        item = Item(envelope, message.body, cause, int(message.attributes.sent_timestamp) / 1000)
        try:
            if not isinstance(body, dict):
                problem = f"must be a JSON object, nested at most {MAX_DEPTH} deep"
                raise InvalidEventError("body", problem, "Send one as it came")
            for name in NAMES:
                NAME.read(name, envelope, where="")
            self.take(item)
        except InvalidInputError as error:
            self._refuse(item, str(error))

    def _change(self, record: DynamoDBRecord) -> None:
        item = _written(record)
        try:
            item = _with_image(item)
            self.take(item)
        except PassingError as error:
            if runtime.now() - item.at < STREAM_PATIENCE_SECONDS:
                raise
            self._refuse(item, str(error))
        except Exception as error:  # noqa: BLE001  (a mistake about one customer stops no other)
            runtime.logger().exception("a record of the stream cannot be processed")
            self._refuse(item, str(error) or type(error).__name__)

    def _refuse(self, item: Item, reason: str) -> None:
        item, reason = _without_values(item), blotted(reason)
        runtime.context().bus.send(self.dlq_url, item.text, reason=reason)
        if self.on_refusal:
            self.on_refusal(item, reason)


def _without_values(item: Item) -> Item:
    """The item as it may rest in a queue: a key value that somebody sent is blotted out. Text that
    had none stays as it came, letter by letter."""
    body = without_values(item.body)
    text = without_values(item.text) if body == item.body else json.dumps(body, default=str)
    return Item(body, text, item.id, item.at)


def _written(record: DynamoDBRecord) -> Item:
    """Wrap a stream record before its image is parsed, so that a bad image can be refused."""
    change = record.raw_event.get("dynamodb") or {}
    at = float(change.get("ApproximateCreationDateTime") or 0)
    return Item(record.raw_event, json.dumps(change.get("NewImage")), str(record.event_id), at)


def _with_image(item: Item) -> Item:
    """Parse the new image, or the old one of what was removed. Raises InvalidRecordError."""
    change, removed = DynamoDBRecord(item.body).dynamodb, item.body.get("eventName") == "REMOVE"
    try:
        image = dict(change.old_image if removed else change.new_image) if change else {}
    except (ArithmeticError, TypeError, ValueError):
        raise InvalidRecordError(
            "record", "must have values that DynamoDB can hold", "Write it again"
        ) from None
    return Item(image, json.dumps(image, default=str), item.id, item.at, removed)


class _Loud(BatchProcessor):
    """Powertools logs the failure of an item at DEBUG only; the operator needs it as a warning."""

    def failure_handler(self, record: Any, exception: Any) -> FailureResponse:
        """Log the failure, then do as the base class does."""
        kind, error, _ = exception
        runtime.logger().warning(
            "an item failed and comes again", extra={"error": kind.__name__, "reason": str(error)}
        )
        return super().failure_handler(record, exception)


def _process(kind: EventType, event: JSON, context: Any, take: Callable[[Any], None]) -> JSON:
    def handle(record: Any) -> None:
        take(record)

    processor = _Loud(event_type=kind, raise_on_entire_batch_failure=False)
    answer = process_partial_response(
        event=event, record_handler=handle, processor=processor, context=context
    )
    return dict(answer)
