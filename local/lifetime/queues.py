"""SQS queues and the streams of tables, and how they invoke functions."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from keyward.values import JSON
from local.lifetime.scheduler import Scheduler
from local.lifetime.services import refusal
from local.lifetime.stack import Source, Stack, id_of
from local.lifetime.states import StateFailed

Answered = Callable[[Any, StateFailed | None], None]
# Invokes a function; the answer, or how it failed, comes later.
Invoke = Callable[[str, JSON, Answered], None]

# A batch of a stream that fails comes again after longer and longer; AWS does not say how long.
MAX_BACKOFF = 60


@dataclass
class Message:
    """A message in a queue; `visible` is when it can be received (epoch seconds)."""

    id: str
    body: str
    attributes: dict[str, JSON]
    sent: float
    visible: float
    receives: int = 0

    def record(self) -> JSON:
        """As Lambda gets it."""
        attributes = {name: _attribute(value) for name, value in self.attributes.items()}
        return {
            "messageId": self.id,
            "receiptHandle": f"receipt-{self.id}",
            "body": self.body,
            "attributes": {
                "ApproximateReceiveCount": str(self.receives),
                "SentTimestamp": str(int(self.sent * 1000)),
                "ApproximateFirstReceiveTimestamp": str(int(self.sent * 1000)),
            },
            "messageAttributes": attributes,
            "eventSource": "aws:sqs",
        }


def _attribute(value: JSON) -> JSON:
    return {"dataType": value["DataType"], "stringValue": value["StringValue"]}


@dataclass
class Queue:
    """One queue: its settings and what lies in it."""

    name: str
    delay: int
    hidden: int
    dlq: str
    most: int
    messages: list[Message] = field(default_factory=list)
    under_way: int = 0


class Queues:
    """All queues of the template. The methods with capital parameters are those of the client."""

    def __init__(self, stack: Stack, scheduler: Scheduler, invoke: Invoke) -> None:
        self._scheduler, self._invoke = scheduler, invoke
        self._sources = {source.queue: source for source in stack.sources if source.queue}
        self.by_name = {
            name: _queue(name, about) for name, about in stack.of_type("AWS::SQS::Queue").items()
        }
        self._sent = 0

    def send(
        self,
        name: str,
        body: str,
        attributes: dict[str, JSON] | None = None,
        delay: int | None = None,
    ) -> None:
        """Put a message into a queue."""
        queue, now = self.by_name[name], self._scheduler.clock.now()
        self._sent += 1
        visible = now + (queue.delay if delay is None else delay)
        queue.messages.append(
            Message(f"message-{self._sent}", body, attributes or {}, now, visible)
        )
        if name in self._sources:
            self._scheduler.after(visible - now, lambda: self._deliver(queue))

    def _deliver(self, queue: Queue) -> None:
        source, now = self._sources[queue.name], self._scheduler.clock.now()
        if queue.under_way >= source.at_once:
            return
        ready = [message for message in queue.messages if message.visible <= now]
        for message in [m for m in ready if queue.dlq and m.receives >= queue.most]:
            queue.messages.remove(message)
            self.send(queue.dlq, message.body, message.attributes)
            ready.remove(message)
        batch = ready[: source.size]
        if not batch:
            return
        for message in batch:
            message.receives += 1
            message.visible = now + queue.hidden
        records = {"Records": [message.record() for message in batch]}
        queue.under_way += 1
        self._invoke(
            source.function, records, lambda answer, error: self._end(queue, batch, answer, error)
        )

    def _end(
        self, queue: Queue, batch: list[Message], answer: Any, error: StateFailed | None
    ) -> None:
        source = self._sources[queue.name]
        was_full = queue.under_way >= source.at_once
        queue.under_way -= 1
        again = {message.id for message in batch} if error else set()
        if not error and source.partial:
            again = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
        for message in batch:
            if message.id not in again:
                queue.messages.remove(message)
        if again:
            wait = min(m.visible for m in batch if m.id in again) - self._scheduler.clock.now()
            self._scheduler.after(wait, lambda: self._deliver(queue))
        if was_full:
            self._scheduler.after(0, lambda: self._deliver(queue))

    def send_message(
        self,
        QueueUrl: str,
        MessageBody: str,
        MessageAttributes: dict[str, JSON] | None = None,
        DelaySeconds: int | None = None,
        **_: Any,
    ) -> JSON:
        """SendMessage."""
        self.send(id_of(QueueUrl), MessageBody, MessageAttributes, DelaySeconds)
        return {"MessageId": f"message-{self._sent}"}

    def receive_message(self, QueueUrl: str, VisibilityTimeout: int, **_: Any) -> JSON:
        """ReceiveMessage: at most ten that are not hidden, which are hidden then."""
        now = self._scheduler.clock.now()
        ready = [m for m in self.by_name[id_of(QueueUrl)].messages if m.visible <= now][:10]
        for message in ready:
            message.visible = now + VisibilityTimeout
        return {
            "Messages": [
                {
                    "MessageId": message.id,
                    "ReceiptHandle": message.id,
                    "Body": message.body,
                    "Attributes": {"SentTimestamp": str(int(message.sent * 1000))},
                    "MessageAttributes": message.attributes,
                }
                for message in ready
            ]
        }

    def change_message_visibility(
        self, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int
    ) -> None:
        """ChangeMessageVisibility."""
        for message in self.by_name[id_of(QueueUrl)].messages:
            if message.id == ReceiptHandle:
                message.visible = self._scheduler.clock.now() + VisibilityTimeout

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:
        """DeleteMessage."""
        messages = self.by_name[id_of(QueueUrl)].messages
        messages[:] = [message for message in messages if message.id != ReceiptHandle]

    def get_queue_attributes(self, QueueUrl: str, **_: Any) -> JSON:
        """GetQueueAttributes: how many messages there are."""
        queue = self.by_name.get(id_of(QueueUrl))
        if queue is None:
            raise refusal("GetQueueAttributes", "QueueDoesNotExist")
        return {"Attributes": {"ApproximateNumberOfMessages": str(len(queue.messages))}}


def _queue(name: str, about: JSON) -> Queue:
    redrive = about.get("RedrivePolicy", {})
    return Queue(
        name,
        int(about.get("DelaySeconds", 0)),
        int(about.get("VisibilityTimeout", 30)),
        id_of(redrive.get("deadLetterTargetArn", "")),
        int(redrive.get("maxReceiveCount", 0)),
    )


def _as_json(value: Any) -> Any:
    """A value of a table as Lambda gets it: binary ones in base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: _as_json(item) for name, item in value.items()}
    return [_as_json(item) for item in value] if isinstance(value, list) else value


@dataclass
class Lane:
    """The records of some of a stream's keys, in order: of them one batch at a time."""

    source: Source
    records: list[JSON] = field(default_factory=list)
    is_busy: bool = False


class Streams:
    """The streams of tables: a key's records always wait in the same lane, so that they come in
    order. A batch that fails as a whole is halved or comes again; the last try hands it to the
    DLQ."""

    def __init__(self, stack: Stack, scheduler: Scheduler, invoke: Invoke, queues: Queues) -> None:
        self._scheduler, self._invoke, self._queues = scheduler, invoke, queues
        self._lanes = {
            source.table: [Lane(source) for _ in range(source.at_once)]
            for source in stack.sources
            if source.table
        }
        self._number = 0
        self._serialize = TypeSerializer().serialize

    def changed(self, table: str, key: str, before: JSON | None, after: JSON | None) -> None:
        """Hear of a change of a table; `key` is the item's partition key."""
        lanes = self._lanes.get(table)
        name = "REMOVE" if after is None else "INSERT" if before is None else "MODIFY"
        if lanes is None or name not in lanes[0].source.names:
            return
        self._number += 1
        about: JSON = {
            "ApproximateCreationDateTime": self._scheduler.clock.now(),
            "SequenceNumber": str(self._number),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        }
        for image, item in (("OldImage", before), ("NewImage", after)):
            if item is not None:
                about[image] = {key: _as_json(self._serialize(v)) for key, v in item.items()}
        event = {"eventID": f"stream-{self._number}", "eventName": name, "dynamodb": about}
        lane = lanes[zlib.crc32(key.encode()) % len(lanes)]
        lane.records.append(event | {"eventSource": "aws:dynamodb"})
        self._scheduler.after(0, lambda: self._deliver(lane, lane.source.size, 0))

    def _deliver(self, lane: Lane, size: int, tries: int) -> None:
        if lane.is_busy or not lane.records:
            return
        lane.is_busy = True
        batch = lane.records[:size]

        def end(answer: Any, error: StateFailed | None) -> None:
            lane.is_busy = False
            self._end(lane, batch, tries, answer, error)

        self._invoke(lane.source.function, {"Records": batch}, end)

    def _end(
        self, lane: Lane, batch: list[JSON], tries: int, answer: Any, error: StateFailed | None
    ) -> None:
        source, done, size = lane.source, len(batch), lane.source.size
        if error:
            done, size = 0, max(1, len(batch) // 2)
        elif source.partial and answer["batchItemFailures"]:
            first = answer["batchItemFailures"][0]["itemIdentifier"]
            numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
            done = numbers.index(first)
        age = self._scheduler.clock.now() - batch[0]["dynamodb"]["ApproximateCreationDateTime"]
        if done == 0 and (0 <= source.tries <= tries or age > source.age):
            self._queues.send(source.dlq, json.dumps({"records": len(batch)}))
            done = len(batch)
        del lane.records[:done]
        if lane.records:
            again = 0 if done else tries + (len(batch) == 1 or not error)
            wait = 0 if done else min(2**tries, MAX_BACKOFF)
            self._scheduler.after(wait, lambda: self._deliver(lane, size, again))
