"""Record customer: events from the queue become the desired state in the Customers table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from keyward.aws.bus import Bus
from keyward.aws.tables import Registry
from keyward.customers import undo_rotation
from keyward.customers.model import KeyRecords, apply
from keyward.errors import InvalidEventError, PassingError
from keyward.events import contracts, third_party
from keyward.policy.model import Policy
from keyward.runs import batch, runtime
from keyward.runs.ledger import EVENT, REFUSED, asked_by_event, failed_line

# Two events of one customer may be recorded at the same moment: the loser reads again.
ROUNDS = 5


@runtime.metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A batch from the customers queue; output: the messages that are to come again."""
    recorder = Recorder(
        runtime.registry(),
        runtime.bus(),
        runtime.setting("EVENT_BUS"),
        runtime.setting("RECONCILE_CUSTOMER_ARN"),
        runtime.setting("CUSTOMERS_DLQ_URL"),
        _count,
    )
    return batch.from_queue(event, context, lambda record: recorder.take(record, runtime.now()))


def _count(name: str, number: int) -> None:
    if number:
        runtime.metrics.add_metric(name=name, unit=MetricUnit.Count, value=number)


@dataclass(frozen=True)
class Recorder:
    """Records one message after the other; one that is malformed never stops the next."""

    registry: Registry
    bus: Bus
    bus_name: str
    machine_arn: str
    dlq_url: str
    count: Callable[[str, int], None]
    policy: Callable[[], Policy] = runtime.policy

    def take(self, message: SQSRecord, now: float) -> None:
        """Record the event of a message. A malformed one goes to the DLQ at once, and is answered
        by CustomerFailed when its customer can be named. Raises what can pass: SQS sends it
        again."""
        envelope = _json(message.body)
        try:
            self._record(self._events(envelope, now), message.message_id)
        except InvalidEventError as error:
            self.bus.send(self.dlq_url, message.body, reason=str(error))
            self._tell(envelope, message, str(error))
            self.count("MalformedEvent", 1)

    def _events(self, envelope: Any, now: float) -> list[contracts.CustomerEvent]:
        """In our words: those of another system may say several things of a customer, or none."""
        own = [envelope]
        if third_party.is_third_party(envelope):
            own = third_party.translated(envelope, self.policy())
            self.count("ForeignEventIgnored", int(not own))
        return [contracts.customer_event(item, now) for item in own]

    def _named_in(self, envelope: object) -> str | None:
        if third_party.is_third_party(envelope):
            return third_party.customer_in(envelope, self.policy())
        return contracts.customer_named_in(envelope)

    def _record(self, events: list[contracts.CustomerEvent], message_id: str) -> None:
        """All that one message says of a customer is one change of its record."""
        for customer_id in {event.customer_id for event in events}:
            for _ in range(ROUNDS):
                if self._recorded(customer_id, events, message_id):
                    break
            else:
                raise PassingError(f"the record of {customer_id} keeps changing")

    def _recorded(
        self, customer_id: str, events: list[contracts.CustomerEvent], message_id: str
    ) -> bool:
        before = self.registry.customers.desired(customer_id)
        known = self.registry.customers.known(customer_id) if before else KeyRecords()
        after, ignored, dated = before, 0, known.dated
        for event in events:
            change = apply(after, event, dated)
            undo_rotation.check(after, change.record, known.keys)
            after, ignored = change.record, ignored + len(change.ignored)
        if after == before:
            self._look_again(customer_id, message_id)
        elif after is not None and not self.registry.customers.save_desired(after, before):
            return False
        self.count("OlderChangeIgnored", ignored)
        return True

    def _look_again(self, customer_id: str, message_id: str) -> None:
        """No change, so no stream record; yet an event is a wish to have the customer looked at."""
        digest = hashlib.sha256(message_id.encode()).hexdigest()[:20]
        task = {"customer_id": customer_id, "asked": {"by": EVENT}}
        self.bus.start(self.machine_arn, f"{customer_id[:40]}-{digest}", task)

    def _tell(self, envelope: object, message: SQSRecord, reason: str) -> None:
        customer_id = self._named_in(envelope)
        if customer_id and isinstance(envelope, dict):
            failed = contracts.announcement(
                "CustomerFailed", customer_id=customer_id, reason=reason
            )
            sent = int(message.attributes.sent_timestamp) / 1000
            asked = asked_by_event(envelope)
            line = failed_line(f"customer#{customer_id}", sent, None, reason, asked, action=REFUSED)
            self.registry.ledger.append([line])
            self.bus.announce([contracts.entry(failed, self.bus_name)])


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
