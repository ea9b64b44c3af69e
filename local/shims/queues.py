"""SQS loses no message that arrives while another is taken away.

ministack rebuilds a queue's list of messages on one thread while EventBridge, HTTP requests and
functions append to the old list on others. Every such step takes the one lock here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ministack.services import eventbridge, sqs

from local.shims import seam

LOCK = threading.RLock()

# what appends to a queue, and what puts a new list of messages in the place of the old one
STEPS = {
    "_act_send_message": "3abd766508c885c6",
    "_act_delete_message": "8d700665e3d6d9b3",
    "_act_delete_message_batch": "877517c32f0fe636",
    "_dlq_sweep": "6a77691e16715a0d",
    "_expire_retained": "c0da3361632bea27",
    "_receive_messages_for_esm": "f230dbcd4974adcf",
    "_delete_messages_for_esm": "c1686f29b48b42ee",
}


def _alone(step: Callable[..., Any]) -> Callable[..., Any]:
    def locked(*args: Any) -> Any:
        with LOCK:
            return step(*args)

    return locked


def install() -> None:
    """Mend the steps that change a queue's messages."""
    sqs._queues_lock = LOCK
    originals = {getattr(sqs, name): name for name in STEPS}
    for name, source in STEPS.items():
        seam.replace(sqs, name, source, _alone)
    for action, step in sqs._HANDLERS.items():
        if step in originals:
            sqs._HANDLERS[action] = getattr(sqs, originals[step])
    seam.replace(eventbridge, "_dispatch_to_sqs", "eb75981283a29783", _alone)
