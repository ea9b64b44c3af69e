"""The adapter to EventBridge, Step Functions and SQS, which carry work and events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from keyward.aws.client import Client, entry_error
from keyward.errors import AlreadyExistsError, ResourceMissingError
from keyward.events.size import MAX_ENTRIES, batches
from keyward.values import JSON, visible

BATCH = MAX_ENTRIES
# SendMessage takes no longer DelaySeconds (botocore model).
MAX_DELAY_SECONDS = 900


class Bus:
    """Announces, starts executions, sends messages. Clients are botocore's."""

    def __init__(self, events: Any, states: Any, sqs: Any) -> None:
        self._events = Client(events)
        self._states = Client(states)
        self._sqs = Client(sqs)

    def announce(self, entries: Sequence[JSON]) -> None:
        """Put events in requests that EventBridge takes; `Detail` of an entry is an object. Raises
        an error when EventBridge takes only a part of them: all are to be announced again."""
        for batch in batches(entries):
            chunk = [entry | {"Detail": json.dumps(entry["Detail"])} for entry in batch]
            answer = self._events.put_events(Entries=chunk)
            failed = [entry for entry in answer.get("Entries", []) if entry.get("ErrorCode")]
            if failed:
                raise entry_error("PutEvents", failed[0]["ErrorCode"])

    def start(self, machine_arn: str, name: str, task: JSON) -> bool:
        """StartExecution. False when an execution of this name exists: a repeat starts nothing, for
        90 days (Step Functions API reference)."""
        try:
            self._states.start_execution(
                stateMachineArn=machine_arn, name=name, input=json.dumps(task, default=str)
            )
        except AlreadyExistsError:
            return False
        return True

    def is_running(self, execution_arn: str) -> bool:
        """Whether an execution runs; an unknown execution does not."""
        try:
            answer = self._states.describe_execution(executionArn=execution_arn)
        except ResourceMissingError:
            return False
        return bool(answer["status"] == "RUNNING")

    def runs(self, machine_arn: str, name: str) -> bool:
        """Whether the execution of this name runs."""
        machine = machine_arn.replace(":stateMachine:", ":execution:", 1)
        return self.is_running(f"{machine}:{name}")

    def send_later(self, queue_url: str, body: JSON, seconds: int) -> None:
        """Put work into a queue, to be taken `seconds` from now, or as late as SQS can delay."""
        self._sqs.send_message(
            QueueUrl=queue_url,
            MessageBody=json.dumps(body),
            DelaySeconds=max(0, min(seconds, MAX_DELAY_SECONDS)),
        )

    def send(self, queue_url: str, body: str, **attributes: str) -> None:
        """Send one message with text attributes: into a DLQ with its reason, or work into a queue.
        SQS refuses control characters (SendMessage, API reference), which a sender may have
        written."""
        self._sqs.send_message(
            QueueUrl=queue_url,
            MessageBody=body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": visible(value)[:1024]}
                for name, value in attributes.items()
            },
        )

    def waiting(self, queue_url: str) -> int:
        """Estimate how many messages wait in a queue (GetQueueAttributes)."""
        name = "ApproximateNumberOfMessages"
        answer = self._sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=[name])
        return int(answer["Attributes"][name])
