"""Start customer reconcile: each change of the Customers table starts a run for its customer."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from keyward.aws.bus import Bus
from keyward.aws.tables import Registry
from keyward.customers.model import manual_fields
from keyward.errors import InvalidInputError
from keyward.events import contracts
from keyward.runs import batch, runtime
from keyward.runs.ledger import EVENT, RECORD


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A batch from the Customers table's stream; output: the records that are to come again."""
    registry, bus = runtime.registry(), runtime.bus()
    machine, dlq = runtime.setting("RECONCILE_CUSTOMER_ARN"), runtime.setting("CUSTOMERS_DLQ_URL")
    return batch.from_stream(
        event, context, lambda record: start(record, registry, bus, machine, dlq)
    )


def start(
    record: DynamoDBRecord, registry: Registry, bus: Bus, machine_arn: str, dlq_url: str
) -> None:
    """Date what was put by hand, then start a run; a record of the stream that comes twice starts
    one. A customer id that cannot be one goes to the DLQ."""
    change = record.dynamodb
    image = dict(change.new_image) if change and change.new_image else None
    if change is None or image is None:
        return
    try:
        customer_id = contracts.parse_customer_id(image)
    except InvalidInputError as error:
        bus.send(dlq_url, json.dumps(image, default=str), reason=str(error))
        return
    by_hand = manual_fields(image)
    if by_hand:
        at = change.approximate_creation_date_time or 0
        registry.customers.note_dates(customer_id, by_hand, int(at))
    digest = hashlib.sha256((record.event_id or "").encode()).hexdigest()[:20]
    asked = {"by": RECORD, "event_id": record.event_id} if by_hand else {"by": EVENT}
    task = {"customer_id": customer_id, "asked": asked}
    bus.start(machine_arn, f"{customer_id[:40]}-{digest}", task)
