"""Decide when to look at a customer again: by its records, and after a refusal."""

from __future__ import annotations

import hashlib
from contextlib import suppress

from keyward import errors
from keyward.customers.model import KeyRecords, customer_of
from keyward.customers.plan import due_at
from keyward.errors import (
    CustomerNotFoundError,
    InvalidInputError,
    KeysFullError,
    KeywardError,
    StillSuspendedError,
)
from keyward.events.requester import UNASKED, requester_of
from keyward.runs.context import Context
from keyward.values import DAY, HOUR, JSON, frozen

GAVE_WAY = "its place was needed for a customer without a key, as the account has no room for more"


@frozen
class Refusal:
    """The end of a run that was refused for good. `is_told`: it is not announced again, as nobody
    asked anew and nothing has changed. `again_at` (epoch seconds) is when the customer is looked at
    again."""

    is_told: bool
    again_at: float


def next_due(customer_id: str, records: KeyRecords, context: Context, after: float) -> float | None:
    """When the customer is next due by the clock alone, after a time (both epoch seconds); None for
    never. Raises InvalidRecordError, PolicyRefusedError."""
    record = records.in_force(context.registry.customers.desired(customer_id))
    if record is None:
        return None
    return due_at(customer_of(record), records.keys, context.policy, after)


def note_refusal(customer_id: str, task: JSON, reason: str, context: Context) -> Refusal:
    """Note that a run was refused for good. The customer is looked at again after an hour, later
    each time in a row, up to a day. What is due before is done in its time.

    A record that cannot be right is looked at only if something is due: its correction starts a
    run.
    """
    leases, customers, now = context.registry.leases, context.registry.customers, context.now
    digest = hashlib.sha256(reason.encode()).hexdigest()[:16]
    step = f"{task.get('execution_arn')} {task.get('entered')}"
    times, is_same = leases.note_failure(f"customer#{customer_id}", digest, step)
    again_at = now + min(HOUR * 2 ** min(times - 1, 10), DAY)
    starter = requester_of(task)
    kind = errors.class_named(str(task["error"].get("Error")))
    is_told = is_same and starter["by"] in UNASKED
    if kind is StillSuspendedError:
        # What else comes of such a customer is taken; a new word for working keys is a new reason.
        is_told = is_same
    if kind and issubclass(kind, InvalidInputError | CustomerNotFoundError):
        customers.postpone_if_due(customer_id, again_at)
        return Refusal(is_told, again_at)
    records = customers.load_keys(customer_id)
    if kind and issubclass(kind, KeysFullError) and _makes_room(customer_id, records, context):
        again_at = now
    with suppress(KeywardError):
        again_at = min(again_at, next_due(customer_id, records, context, now) or again_at)
    customers.hasten_due(customer_id, again_at, now)
    return Refusal(is_told, again_at)


def call_for_room(context: Context, freed: int) -> None:
    """Have as many customers looked at as keys were `freed`: those who wait longest for room."""
    customers, now = context.registry.customers, context.now
    for customer_id in customers.call_for_room(freed):
        customers.hasten_due(customer_id, now, now - 1)


def _makes_room(customer_id: str, records: KeyRecords, context: Context) -> bool:
    """Have the customer wait for room. One without a working key gets it from its own leaked key
    (True: plan again at once), or from the key that is longest in its grace."""
    customers, now = context.registry.customers, context.now
    customers.wait_for_room(customer_id, now)
    if any(key.is_dead for key in records.keys):
        return records.waits_since is None
    if not any(key.key_id and key.enabled for key in records.keys):
        owner = customers.end_a_grace(now, GAVE_WAY)
        if owner:
            customers.hasten_due(owner, now, now - 1)
    return False
