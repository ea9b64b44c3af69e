"""Take a removed record of a customer, and a person's answer to removals that are held."""

from __future__ import annotations

from dataclasses import replace

from keyward.customers.model import customer_of
from keyward.customers.removal import Removal, works
from keyward.customers.stops import leak_in
from keyward.errors import InvalidRecordError, PassingError, RemovalsHeldError
from keyward.events import contracts, remedy, requester
from keyward.runs import outbox
from keyward.runs.context import Context
from keyward.values import JSON, iso

# One invocation answers so many; what is left comes again with the message.
LOT = 200
# An item of DynamoDB has 400 KB at most; a record of a customer has a few.
MAX_CHARACTERS = 200_000


def note(context: Context, customer_id: str, at: int, cause: str, record: JSON) -> Removal:
    """Keep that a `record` was removed `at` (epoch seconds), and give how that stands then.

    After as many removals in an hour as the policy allows, one that stops a working key is held.
    That is told once an hour. Idempotent."""
    removals, customers = context.registry.removals, context.registry.customers
    removal = Removal(customer_id, at, cause, leak=leak_in(record))
    records = customers.load_keys(customer_id)
    known = records.removal
    if known is not None and known.at >= removal.at:
        return known
    if any(map(works, records.keys)):
        most = context.policy.most_removals_an_hour
        held = not removals.count(removal.customer_id, removal.at, most)
        removal = replace(removal, held=held, record=_sound(record))
    removals.save(removal)
    if removal.held:
        _announce_hold(context, removal)
    return removal


def answer(context: Context, is_approved: bool) -> list[str]:
    """Give the customers to suspend, if approved: they are due as well. Else put the records back,
    those of the hour before the first too. Idempotent. Raises PassingError while more are left."""
    removals, customers = context.registry.removals, context.registry.customers
    lot = removals.held(LOT)
    for removal in filter(None, map(customers.removal, lot)):
        if is_approved:
            # Due first: who dies in between is called again, and finds it held still.
            customers.hasten_due(removal.customer_id, context.now, context.now - 1)
            removals.change(replace(removal, held=False, record=None), removal)
        else:
            _put_back(context, removal)
    if len(lot) == LOT:
        raise PassingError("more removals are held: the message comes again")
    if not is_approved:
        for removal in filter(None, map(customers.removal, removals.recent())):
            _put_back(context, removal)
    removals.clear()
    return [*lot] if is_approved else []


def _sound(record: JSON) -> JSON | None:
    """A record that can be kept in another table; None for one that nobody could put back."""
    try:
        customer_of(record)
    except InvalidRecordError:
        return None
    return record if len(str(record)) < MAX_CHARACTERS else None


def _put_back(context: Context, removal: Removal) -> None:
    """Put the record back with a leak that was told since; the stream starts its run."""
    if removal.record is None:
        context.registry.removals.forget(removal)
        return
    leak = {} if leak_in(removal.record) or not removal.leak else {"rotation": removal.leak}
    context.registry.removals.put_back(removal, removal.record | leak)


def _announce_hold(context: Context, removal: Removal) -> None:
    most = context.policy.most_removals_an_hour
    event = contracts.announcement(
        "CustomerFailed",
        customer_id=removal.customer_id,
        error=RemovalsHeldError.__name__,
        reason=f"more than {most} records of customers were removed within an hour: the keys of "
        "the others work on until somebody answers",
        remedy=remedy.command("holds", stack=context.stack),
    )
    mark = f"removals#{iso(removal.at)[:13]}"
    event = requester.with_cause(event, {"by": requester.RECORD, "event_id": removal.cause})
    outbox.announce_once(context, mark, event, 7200)
