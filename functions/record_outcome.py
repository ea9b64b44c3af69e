"""Record outcome: what Keyward announced is remembered for the report; who, what and when."""

from __future__ import annotations

import json
from typing import Any

from keyward.aws.tables import Registry
from keyward.report.activity import outcome_of
from keyward.runs import runtime
from keyward.runs.intake import Intake, Item


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A batch from the queue of announcements; output: the messages that are to come again."""
    registry = runtime.registry()

    def take(item: Item) -> None:
        keep(item.text, registry, runtime.now())

    return Intake(runtime.setting("OUTCOMES_DLQ_URL"), take).queue(event, context)


def keep(body: str, registry: Registry, now: float) -> None:
    """`body` is an EventBridge envelope. Raises InvalidEventError."""
    event_id, at, outcome = outcome_of(json.loads(body))
    registry.outcomes.keep(event_id, at, outcome, now)
