"""Whether anything is under way in the ministack of this process."""

from __future__ import annotations

import time
from typing import Any

from ministack.services import dynamodb, lambda_svc, sqs, stepfunctions

from local.shims import streams

PUT_OFF_SECONDS = 60


def is_busy() -> bool:
    """Whether a function or an execution runs, or a mapped queue or stream holds work."""
    return (
        lambda_svc.executions_in_flight()[0] > 0
        or any(e["status"] == "RUNNING" for e in stepfunctions._executions.to_dict().values())
        or _queues_hold_work()
        or _streams_hold_work()
    )


def _queues_hold_work() -> bool:
    mapped = {mapping["EventSourceArn"] for mapping in lambda_svc._esms.to_dict().values()}
    queues = [q for q in sqs._queues.to_dict().values() if q["attributes"]["QueueArn"] in mapped]
    return any(_is_due(message) for queue in queues for message in queue["messages"])


def _is_due(message: dict[str, Any]) -> bool:
    """Whether a message is being worked on, or will be soon; one that was put off is no work."""
    return bool(message["receive_count"] or message["visible_at"] < time.time() + PUT_OFF_SECONDS)


def _streams_hold_work() -> bool:
    positions = lambda_svc._dynamodb_stream_positions.to_dict()
    return any(
        positions.get((account, region, lane), 0) < _stream_end(account, region, mapping)
        for (account, region, _), mapping in lambda_svc._esms.to_dict().items()
        for lane in streams.lanes_of(mapping)
    )


def _stream_end(account_id: str, region: str, mapping: dict[str, Any]) -> int:
    """How many records the stream ever had, 0 for a source that is no stream of a table."""
    before, stream, _label = mapping["EventSourceArn"].partition("/stream/")
    if not stream:
        return 0
    table = before.rpartition("/")[2]
    return int(dynamodb.stream_end_position(table, account_id=account_id, region=region))
