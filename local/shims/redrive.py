"""SQS moves messages out of a dead-letter queue: StartMessageMoveTask and its two companions.

API reference: StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask. Without a
destination a message goes back to the queue that it came from; one that came from no queue, but
from a function's SendMessage, ends the task FAILED with CouldNotDetermineMessageSource (developer
guide, "Dead-letter queue redrive"). A task here is over when StartMessageMoveTask answers.
"""

from __future__ import annotations

import base64
import json
import time
import uuid

from ministack.services import sqs

from keyward.values import JSON
from local.shims import seam
from local.shims.queues import LOCK

ORIGIN = "DeadLetterQueueSourceArn"
NO_SOURCE = "CouldNotDetermineMessageSource"
MAX_LISTED = 10

_tasks: dict[str, list[JSON]] = {}


def reset() -> None:
    """Forget every task."""
    _tasks.clear()


def _queue(arn: str) -> JSON:
    found: JSON | None = sqs._queue_by_arn(arn)
    if found is None:
        raise sqs._Err("ResourceNotFoundException", f"There is no queue {arn}.")
    return found


def _is_dead_letter_queue(arn: str) -> bool:
    policies = [
        json.loads(queue["attributes"].get("RedrivePolicy") or "{}")
        for queue in sqs._queues.to_dict().values()
    ]
    return any(policy.get("deadLetterTargetArn") == arn for policy in policies)


def _start(request: JSON, _url: str) -> JSON:
    source, destination = request["SourceArn"], request.get("DestinationArn")
    queue = _queue(source)
    if not _is_dead_letter_queue(source):
        raise sqs._Err(
            "InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue."
        )
    target = _queue(destination) if destination else None
    begun = int(time.time() * 1000)
    with LOCK:
        count = len(queue["messages"])
        left = [message for message in queue["messages"] if not _move(message, target)]
        queue["messages"] = left
    sqs.esm_wake.set()
    handle = json.dumps({"taskId": str(uuid.uuid4()), "sourceArn": source})
    task = {
        "Status": "FAILED" if left else "COMPLETED",
        "SourceArn": source,
        "ApproximateNumberOfMessagesMoved": count - len(left),
        "ApproximateNumberOfMessagesToMove": count,
        "StartedTimestamp": begun,
    }
    task |= {"DestinationArn": destination} if destination else {}
    task |= {"FailureReason": NO_SOURCE} if left else {}
    _tasks.setdefault(source, []).insert(0, task)
    return {"TaskHandle": base64.b64encode(handle.encode()).decode()}


def _move(message: JSON, target: JSON | None) -> bool:
    """Put the message into the target, or back into its queue; False where nobody knows that."""
    origin = message.get("sys", {}).get(ORIGIN)
    queue = target or (sqs._queue_by_arn(origin) if origin else None)
    if queue is None:
        return False
    system = {name: item for name, item in message["sys"].items() if name != ORIGIN}
    moved = {"id": str(uuid.uuid4()), "receive_count": 0, "first_receive_at": None, "sys": system}
    now = {"receipt_handle": None, "visible_at": time.time(), "sent_at": time.time()}
    queue["messages"].append({**message, **moved, **now})
    return True


def _list(request: JSON, _url: str) -> JSON:
    _queue(request["SourceArn"])
    found = _tasks.get(request["SourceArn"], [])
    return {"Results": found[: min(int(request.get("MaxResults") or 1), MAX_LISTED)]}


def _cancel(_request: JSON, _url: str) -> JSON:
    raise sqs._Err("ResourceNotFoundException", "Active message move task does not exist.")


def install() -> None:
    """Add the three actions, and hold the text that they rely on."""
    seam.replace(sqs, "_dispatch", "6a429fdb61ebdc5a", lambda original: original)
    seam.replace(sqs, "_queue_by_arn", "b4981875c8186c19", lambda original: original)
    sqs._HANDLERS |= {
        "StartMessageMoveTask": _start,
        "ListMessageMoveTasks": _list,
        "CancelMessageMoveTask": _cancel,
    }
