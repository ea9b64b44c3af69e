"""Record outcome: what Keyward announced is remembered for the report; who, what and when."""

from __future__ import annotations

import json
from typing import Any

from keyward.aws.tables import Registry
from keyward.report.activity import outcome_of
from keyward.runs import batch, runtime


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A batch from the queue of announcements; output: the messages that are to come again."""
    registry = runtime.registry()
    return batch.from_queue(
        event, context, lambda record: keep(record.body, registry, runtime.now())
    )


def keep(body: str, registry: Registry, now: float) -> None:
    """`body` is an EventBridge envelope. Raises InvalidEventError."""
    event_id, at, outcome = outcome_of(json.loads(body))
    registry.outcomes.keep(event_id, at, outcome, now)
