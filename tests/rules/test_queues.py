"""Queues and streams of the stack: a message is neither kept for ever nor dropped too soon."""

from __future__ import annotations

import pytest

from keyward.runs.intake import STREAM_PATIENCE_SECONDS
from tests import tree
from tests.rules.test_template import alarms_for, dead_letter_queues, functions, queues

PATIENCE_SECONDS = 4 * 3600
TWO_WEEKS = 14 * 24 * 3600


def working_queues() -> list[str]:
    return [name for name, queue in queues().items() if "RedrivePolicy" in queue["Properties"]]


def test_every_queue_is_encrypted_and_ends_in_a_dead_letter_queue() -> None:
    last = dead_letter_queues()
    for name, queue in queues().items():
        properties = queue["Properties"]
        assert properties.get("SqsManagedSseEnabled") or properties.get("KmsMasterKeyId"), name
        assert (name in last) != ("RedrivePolicy" in properties), name


def test_every_dead_letter_queue_keeps_its_messages_and_has_an_alarm() -> None:
    assert dead_letter_queues()
    for name in dead_letter_queues():
        assert queues()[name]["Properties"]["MessageRetentionPeriod"] == TWO_WEEKS, name
        assert alarms_for("ApproximateNumberOfMessagesVisible", name), name


def test_a_message_stays_hidden_as_long_as_its_function_may_run() -> None:
    # below the function's timeout Lambda refuses the mapping (Lambda developer guide, with-sqs)
    for mapping in tree.deployed_resources("AWS::Lambda::EventSourceMapping").values():
        source = mapping["Properties"]["EventSourceArn"]["Fn::GetAtt"][0]
        if source in queues():
            function = functions()[mapping["Properties"]["FunctionName"]["Ref"]]
            hidden = queues()[source]["Properties"]["VisibilityTimeout"]
            assert hidden >= function["Properties"]["Timeout"], source


@pytest.mark.parametrize("name", working_queues())
def test_a_queue_gives_up_after_hours_and_not_after_an_ordinary_outage(name: str) -> None:
    properties = queues()[name]["Properties"]
    tries = properties["RedrivePolicy"]["maxReceiveCount"]
    seconds = tries * properties["VisibilityTimeout"]
    # SQS takes 1 to 1,000 tries, and keeps a message for 4 days unless told otherwise.
    assert tries <= 1000
    assert PATIENCE_SECONDS <= seconds < properties.get("MessageRetentionPeriod", 345_600)


def test_a_stream_gives_a_record_up_after_hours_and_later_than_its_function_does() -> None:
    mappings = tree.deployed_resources("AWS::Lambda::EventSourceMapping").values()
    streams = [m["Properties"] for m in mappings if "BisectBatchOnFunctionError" in m["Properties"]]
    assert streams
    for properties in streams:
        assert properties["MaximumRetryAttempts"] == -1
        assert properties["MaximumRecordAgeInSeconds"] >= PATIENCE_SECONDS
        assert properties["MaximumRecordAgeInSeconds"] > STREAM_PATIENCE_SECONDS


def test_one_bad_record_of_a_batch_neither_repeats_nor_blocks_the_others() -> None:
    for name, mapping in tree.deployed_resources("AWS::Lambda::EventSourceMapping").items():
        properties = mapping["Properties"]
        if properties.get("BatchSize") != 1:
            assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"], name
        if properties["EventSourceArn"]["Fn::GetAtt"][0] not in queues():
            assert properties["BisectBatchOnFunctionError"], name
            assert properties["DestinationConfig"]["OnFailure"]["Destination"], name
