"""Start customer reconcile: each change of the Customers table starts a run for its customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keyward.customers.model import manual_fields
from keyward.events import contracts
from keyward.events.requester import EVENT, RECORD
from keyward.runs import runtime
from keyward.runs.context import Context
from keyward.runs.intake import Intake, Item
from keyward.values import run_name


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take a batch of the Customers table's stream; output: the records that come again."""
    starter = Starter(runtime.context(), runtime.setting("RECONCILE_CUSTOMER_ARN"))
    return Intake(runtime.setting("CUSTOMERS_DLQ_URL"), starter.take).stream(event, context)


@dataclass(frozen=True)
class Starter:
    """Starts one run for each change, however often the stream brings it."""

    run: Context
    machine_arn: str

    def take(self, item: Item) -> None:
        """Date the fields that a person put, then start the run. Raises InvalidInputError."""
        customer_id = contracts.parse_customer_id(item.body)
        by_hand = manual_fields(item.body)
        if by_hand:
            self.run.registry.customers.note_dates(customer_id, by_hand, int(item.at))
        requester = {"by": RECORD, "event_id": item.id} if by_hand else {"by": EVENT}
        task = {"customer_id": customer_id, "asked": requester}
        self.run.bus.start(self.machine_arn, run_name(customer_id, item.id), task)
