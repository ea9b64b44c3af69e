"""Record customer: write what an event asks for into the Customers table, the desired state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from keyward.aws.tables.ledger import REFUSED
from keyward.customers.removal import SIGN_UP_SECONDS
from keyward.customers.stops import stops_keys
from keyward.errors import CustomerNotFoundError, InvalidEventError, KeywardError, PassingError
from keyward.events import contracts, remedy, third_party
from keyward.events.incoming import REMOVALS_EVENTS, is_unrelated
from keyward.events.requester import requester_from_event
from keyward.runs import outbox, runtime
from keyward.runs.context import Context
from keyward.runs.intake import Intake, Item
from keyward.runs.ledger import failed_line
from keyward.runs.record import Change, record
from keyward.values import frozen, run_name


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Record a batch of the customers or the stops queue; output: the messages that come again."""
    machine_arn = runtime.setting("RECONCILE_CUSTOMER_ARN")
    recorder = Recorder(runtime.context(), machine_arn, _count)
    dlq_url = runtime.setting("CUSTOMERS_DLQ_URL")
    return Intake(dlq_url, recorder.take, recorder.answer).queue(event, context)


def _count(name: str, number: int) -> None:
    if number:
        runtime.count({name: number})


@frozen
class Recorder:
    """Records the events of one batch."""

    run: Context
    machine_arn: str
    count: Callable[[str, int], None]

    def take(self, item: Item) -> None:
        """Record the event of a message. Raises InvalidEventError, and PassingError, also while the
        customer's sign-up may come yet."""
        if item.body.get("detail-type") in REMOVALS_EVENTS:
            # Only here: a sign-up does not pay for the import.
            from keyward.runs import removals

            for customer_id in removals.answer(self.run, contracts.removals_answer(item.body)):
                self._start(customer_id, item)
            return
        void = dict(self._record(self._events(item.body), item))
        waiting = [customer_id for customer_id, change in void.items() if change.waits]
        if waiting and self.run.now - item.at < SIGN_UP_SECONDS:
            raise PassingError(f"the record of {min(waiting)} was deleted, and may come back")
        for customer_id, change in void.items():
            why = str(change.void)
            name = CustomerNotFoundError.__name__
            helps = remedy.after_failure(name, "customer", customer_id, self.run.stack)
            self._announce_refusal(item, customer_id, CustomerNotFoundError, why, helps)

    def answer(self, item: Item, reason: str) -> None:
        """Answer a malformed event by CustomerFailed, if its customer can be named."""
        self.count("MalformedEvent", 1)
        customer_id = self._customer_in(item.body)
        if customer_id:
            # The DLQ knows whose an event of ours is.
            whose = contracts.customer_named_in(item.body)
            helps = remedy.command("dlq", "list", customer=whose, stack=self.run.stack)
            self._announce_refusal(item, customer_id, InvalidEventError, reason, helps)

    def _announce_refusal(
        self, item: Item, customer_id: str, error: type[KeywardError], reason: str, helps: str
    ) -> None:
        failed = contracts.announcement(
            "CustomerFailed",
            customer_id=customer_id,
            error=error.__name__,
            reason=reason,
            remedy=helps,
        )
        subject, asked = f"customer#{customer_id}", requester_from_event(item.body)
        # Two refusals of one moment are two, and a message that comes again is one.
        asked |= {"event_id": item.id}
        line = failed_line(subject, item.at, asked, failed, REFUSED)
        outbox.announce_now(self.run, failed, [line])

    def _events(self, envelope: dict[str, Any]) -> list[contracts.CustomerEvent]:
        """Parse the event. One of another system may say several things of a customer, or none."""
        own = [envelope]
        if third_party.is_third_party(envelope):
            own = third_party.translate(envelope, self.run.policy)
            self.count("ForeignEventIgnored", int(not own))
        elif is_unrelated(envelope.get("detail-type")):
            own = []
            self.count("UnrelatedEventDropped", 1)
        return [contracts.customer_event(event, self.run.now) for event in own]

    def _customer_in(self, envelope: dict[str, Any]) -> str | None:
        if third_party.is_third_party(envelope):
            return third_party.customer_in(envelope, self.run.policy)
        return contracts.customer_named_in(envelope)

    def _record(
        self, events: list[contracts.CustomerEvent], item: Item
    ) -> Iterator[tuple[str, Change]]:
        """Record all that one message says of a customer as one change of its record. Yields
        customers whose record was removed, where the sender is to be answered."""
        for customer_id in {event.customer_id for event in events}:
            change = record(self.run.registry, customer_id, lambda _: events)
            self.count("OlderChangeIgnored", change.ignored)
            if change.void:
                yield customer_id, change
            elif not change.written or self._stops_keys(change):
                self._start(customer_id, item)

    def _stops_keys(self, change: Change) -> bool:
        before, after = change.before, change.after
        if before is None or after is None:
            return False
        return stops_keys(before, after, self.run.policy, self.run.now)

    def _start(self, customer_id: str, item: Item) -> None:
        """Start a run that the stream will not start, as the event changed nothing; or that must
        not stand behind a burst in the stream, whose own run is a repeat then."""
        task = {"customer_id": customer_id, "asked": requester_from_event(item.body)}
        self.run.bus.start(self.machine_arn, run_name(customer_id, item.id), task)
