"""A dead-letter queue can be redriven, as `aws sqs start-message-move-task` does it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.aws import LocalAws
from local.waiting import until


class Queues:
    """A queue, its dead-letter queue, and a third one."""

    def __init__(self, aws: LocalAws, name: str) -> None:
        self.sqs = aws.client("sqs")
        self.dead, self.dead_arn = self._queue(f"{name}-dead")
        redrive = {"deadLetterTargetArn": self.dead_arn, "maxReceiveCount": 1}
        self.source, _ = self._queue(name, RedrivePolicy=json.dumps(redrive), VisibilityTimeout="0")
        self.third, self.third_arn = self._queue(f"{name}-third")

    def _queue(self, name: str, **attributes: str) -> tuple[str, str]:
        url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, found["Attributes"]["QueueArn"]

    def receive(self, url: str) -> list[str]:
        found = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        return [message["Body"] for message in found.get("Messages", [])]

    def bury(self, body: str) -> None:
        """Let a message fail until it is in the dead-letter queue."""
        self.sqs.send_message(QueueUrl=self.source, MessageBody=body)
        assert self.receive(self.source) == [body]
        assert self.receive(self.source) == []

    def move(self, **destination: str) -> Any:
        self.sqs.start_message_move_task(SourceArn=self.dead_arn, **destination)
        return self.sqs.list_message_move_tasks(SourceArn=self.dead_arn)["Results"][0]


def test_messages_go_back_to_the_queue_that_they_came_from(aws: LocalAws) -> None:
    queues = Queues(aws, "redriven")
    queues.bury("late")

    task = queues.move()

    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 1)
    assert until(lambda: queues.receive(queues.source)) == ["late"]
    assert queues.receive(queues.dead) == []


def test_messages_go_to_the_destination_that_is_named(aws: LocalAws) -> None:
    queues = Queues(aws, "elsewhere")
    queues.bury("late")
    queues.sqs.send_message(QueueUrl=queues.dead, MessageBody="sent by a function")

    task = queues.move(DestinationArn=queues.third_arn)

    assert (task["Status"], task["DestinationArn"]) == ("COMPLETED", queues.third_arn)
    assert sorted(queues.receive(queues.third)) == ["late", "sent by a function"]


def test_a_message_that_came_from_no_queue_needs_a_destination(aws: LocalAws) -> None:
    queues = Queues(aws, "unknown-origin")
    queues.sqs.send_message(QueueUrl=queues.dead, MessageBody="sent by a function")

    task = queues.move()

    assert (task["Status"], task["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")
    assert queues.receive(queues.dead) == ["sent by a function"]


def test_only_a_dead_letter_queue_is_redriven(aws: LocalAws) -> None:
    queues = Queues(aws, "no-dead-letters")
    with pytest.raises(ClientError, match="must be configured as a Dead Letter Queue"):
        queues.sqs.start_message_move_task(SourceArn=queues.third_arn)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        queues.sqs.start_message_move_task(SourceArn=f"{queues.third_arn}-nosuch")
