"""Note editor: who edited an API's working copy last, by CloudTrail; it starts nothing."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from keyward.aws.bus import Bus
from keyward.aws.tables import Registry
from keyward.errors import InvalidInputError
from keyward.events.cloudtrail import edit
from keyward.runs import batch, runtime


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A batch from the edits queue; output: the messages that are to come again."""
    registry, bus, dlq = runtime.registry(), runtime.bus(), runtime.setting("EDITS_DLQ_URL")
    return batch.from_queue(event, context, lambda message: note(message, registry, bus, dlq))


def note(message: SQSRecord, registry: Registry, bus: Bus, dlq_url: str) -> None:
    """Keep who, when and which call, by API and by method; an earlier edit changes nothing. A
    message that cannot be right goes to the DLQ at once, with the reason."""
    try:
        found = edit(_object(message.body))
    except InvalidInputError as error:
        bus.send(dlq_url, message.body, reason=str(error))
        return
    if found:
        registry.apis.note_editor(found.rest_api_id, found.editor)
    if found and found.resource_id:
        registry.edits.note(found.rest_api_id, found.resource_id, found.verb, found.editor)


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}
