"""A batch from a queue or a stream: one record that fails comes again, and never stops the next.

For functions only, like `runtime`; apart from it, because only a few functions pay for its import.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    FailureResponse,
    process_partial_response,
)

from keyward.runs import runtime


class _Loud(BatchProcessor):
    """Powertools logs a record's failure at DEBUG only; somebody will want to know why it came
    again."""

    def failure_handler(self, record: Any, exception: Any) -> FailureResponse:
        """As in the base class, after a line in the log."""
        kind, error, _ = exception
        runtime.logger.warning(
            "a record failed and comes again", extra={"error": kind.__name__, "reason": str(error)}
        )
        return super().failure_handler(record, exception)


def from_queue(event: dict[str, Any], context: Any, take: Callable[[Any], None]) -> dict[str, Any]:
    """Apply `take` to each SQSRecord; returns the messages that are to come again."""
    return _process(EventType.SQS, event, context, take)


def from_stream(event: dict[str, Any], context: Any, take: Callable[[Any], None]) -> dict[str, Any]:
    """Apply `take` to each DynamoDBRecord; returns the records that are to come again."""
    return _process(EventType.DynamoDBStreams, event, context, take)


def _process(
    kind: EventType, event: dict[str, Any], context: Any, take: Callable[[Any], None]
) -> dict[str, Any]:
    def handle(record: Any) -> None:
        take(record)

    processor = _Loud(event_type=kind, raise_on_entire_batch_failure=False)
    return dict(
        process_partial_response(
            event=event, record_handler=handle, processor=processor, context=context
        )
    )
