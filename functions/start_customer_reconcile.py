"""Start customer reconcile: start a run for each change of the Customers table, a removal included,
and for each change that others make to a customer's keys."""

from __future__ import annotations

from typing import Any

from keyward.customers.bookkeeping import unpacked
from keyward.customers.model import manual_fields
from keyward.errors import InvalidRecordError
from keyward.events import contracts
from keyward.events.cloudtrail import Home, editor_of, keys_of
from keyward.events.key_value import without_values
from keyward.events.requester import DRIFT, EVENT, RECORD, requester_from_event
from keyward.runs import runtime
from keyward.runs.context import Context
from keyward.runs.intake import Intake, Item
from keyward.runs.looks import Looks
from keyward.values import JSON, frozen, run_name


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take a batch of the Customers table's stream or of the queue of changed keys; output: the
    items that come again."""
    run, machine_arn = runtime.context(), runtime.setting("RECONCILE_CUSTOMER_ARN")
    dlq_url = runtime.setting("CUSTOMERS_DLQ_URL")
    if event["Records"][0].get("eventSource") == "aws:sqs":
        looks = Looks(run, machine_arn, run.registry.drifts, "customer", "customer_id")
        return Intake(dlq_url, Hearer(run, looks, Home.of(run.stack, machine_arn)).take).queue(
            event, context
        )
    return Intake(dlq_url, Starter(run, machine_arn).take).stream(event, context)


@frozen
class Starter:
    """Starts one run for each change, however often the stream brings it."""

    run: Context
    machine_arn: str

    def take(self, item: Item) -> None:
        """Date the fields that a person put, then start the run. Raises InvalidInputError."""
        customer_id, record = contracts.parse_customer_id(item.body), unpacked(item.body)
        by_record = {"by": RECORD, "event_id": item.id}
        if item.removed:
            # Few invocations hear of a removal, and all would pay for the import.
            from keyward.runs.removals import note

            if note(self.run, customer_id, int(item.at), item.id, record).held:
                runtime.count({"RemovalsHeld": 1})
            else:
                self._start(customer_id, item, by_record)
            return
        try:
            by_hand = manual_fields(record)
        except InvalidRecordError:
            # The run tells of it. Nothing of such a record goes into another table.
            self._start(customer_id, item, by_record)
            return
        if by_hand:
            self.run.registry.customers.note_dates(customer_id, by_hand, int(item.at))
        requester = by_record if by_hand else {"by": EVENT}
        self._start(customer_id, item, requester)

    def _start(self, customer_id: str, item: Item, requester: JSON) -> None:
        task = {"customer_id": customer_id, "asked": requester}
        self.run.bus.start(self.machine_arn, run_name(customer_id, item.id), task)


@frozen
class Hearer:
    """Has customers looked at whose keys somebody else changed, deleted, attached or detached."""

    run: Context
    looks: Looks
    home: Home

    def take(self, item: Item) -> None:
        """A key that no record names is nobody's: the audit tells of it. Raises
        InvalidEventError."""
        # People name themselves and their sessions.
        detail = self.home.record_in(without_values(item.body))
        if detail is None:
            return
        who = editor_of(detail).words()
        asked = requester_from_event(item.body, who=who) | {"by": DRIFT}
        for key_id in keys_of(detail):
            customer_id = self.run.registry.customers.owner_of(key_id)
            if customer_id:
                self.looks.look_at(customer_id, item.id, asked)
