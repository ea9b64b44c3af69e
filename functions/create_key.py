"""Create key: one key for a customer, exactly once, whatever happened to earlier tries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from keyward.aws.gateway import GatewayKey
from keyward.customers.key import (
    CREATED,
    CREATING,
    OWN_VALUES,
    Journal,
    KeyRecord,
    Succession,
    labels_of,
    own_value,
)
from keyward.customers.model import Customer, customer_of
from keyward.errors import (
    CustomerNotFoundError,
    GatewayRefusedError,
    InvalidRecordError,
    KeyConflictError,
    KeyValueTakenError,
    ThrottledError,
)
from keyward.events.contracts import parse_customer_id
from keyward.events.key_value import new_value
from keyward.runs import runtime
from keyward.runs.context import Context
from keyward.runs.keys.step import KeyStep
from keyward.values import JSON, counted

# Gives the value of a customer's key by its number.
Value = Callable[[Customer, int], str]


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, action: {action, number}, execution_arn}`, where `action` is
    `create_key` or `adopt_key {key_id, plans}`; output `{key_id}`."""
    value = value_source(runtime.secret, runtime.setting("KEY_PREFIX"))
    return create_key(event, runtime.context(), value)


def value_source(read_secret: Callable[[str], str], prefix: str) -> Value:
    """Where a new key's value comes from: the customer's own secret, or chance."""

    def value(customer: Customer, number: int) -> str:
        secrets = customer.secrets
        if not secrets:
            return new_value(prefix)
        if 1 < len(secrets) < number:
            problem = f"names {counted(len(secrets), 'secret')}, and key {number} has none"
            raise InvalidRecordError(OWN_VALUES, problem, f"Add a secret for key {number}")
        own = secrets[number - 1 if len(secrets) > 1 else 0]
        return own_value(read_secret(own), number)

    return value


def create_key(task: JSON, run: Context, value: Value) -> JSON:
    """Make the key, or adopt the one that an earlier try made. Idempotent.

    Without a key record nothing is read. A record in CREATING means that an earlier try may have
    happened: it is waited for (TryUnderwayError) and looked up. Raises what the gateway raises,
    KeyValueTakenError, CustomerNotFoundError, InvalidRecordError, LeaseLostError. With `existing`
    in the action no key is made: the record of one that was never made is dropped. The customer's
    own record may be gone then.
    """
    step = KeyStep.begin(task, run)
    if step.action["action"] == "adopt_key":
        # Few runs adopt, and all would pay for the import.
        from keyward.runs.keys.adoption import adopt_key

        return adopt_key(step, _customer(step))
    earlier = step.find()
    if earlier and earlier.state == CREATED:
        return {"key_id": earlier.key_id}
    record = earlier or _begun(parse_customer_id(task), step.number, step.action)
    made = _earlier_try(step, earlier) if earlier else None
    record = record.with_journal(batch=None)
    if made is None and step.action.get("existing"):
        if earlier:
            run.registry.customers.drop_key(earlier, step.lease)
        return {"key_id": None}
    if made is None:
        customer = _customer(step)
        chosen = value(customer, step.number)
        # The moment of the call: reading a secret may have taken a while.
        record = replace(record, labels=labels_of(customer)).with_journal(started_at=step.now)
        # A value of the customer's own may be guessed, so nothing that could be compared is kept.
        mark = None if customer.secrets else run.registry.fingerprints.of(chosen)
        record = replace(record, fingerprint=mark)
        step.save(record)
        made = _make(step, record, chosen, customer)
    created_at = int(made.created_at)
    step.save(replace(record, state=CREATED, key_id=made.key_id, created_at=created_at))
    return {"key_id": made.key_id}


def _begun(customer_id: str, number: int, action: JSON) -> KeyRecord:
    """The record of a key that nobody tried to make yet: also what it is the successor of."""
    replaced = action.get("replaces")
    succession = Succession(
        rotation=int(action.get("rotation", 0)),
        replaces=None if replaced is None else int(replaced),
        overlap=int(action.get("overlap", 0)),
        grace=int(action.get("grace", 0)),
        cause=action.get("reason"),
    )
    journal = Journal(awaited=tuple(action.get("plans", ())))
    return KeyRecord(customer_id, number, CREATING, journal=journal, succession=succession)


def _customer(step: KeyStep) -> Customer:
    customer_id = parse_customer_id(step.task)
    record = step.run.registry.customers.desired(customer_id)
    if record is None:
        raise CustomerNotFoundError(
            f"customer_id: the Customers table has no customer {customer_id}"
        )
    try:
        return customer_of(record)
    except InvalidRecordError:
        # Few records cannot be read, and each sign-up would pay for the import.
        from keyward.customers.stops import readable

        return customer_of(readable(record)[0])


def _earlier_try(step: KeyStep, earlier: KeyRecord) -> GatewayKey | None:
    step.check_landed(earlier, "create")
    return _adopt(step, earlier)


def _adopt(step: KeyStep, record: KeyRecord) -> GatewayKey | None:
    """The key that an earlier try made, without its duplicates; None when there is none."""
    found = step.made_before(record)
    # Two tries landed, as names are not unique (aws-recorded.md 1). Nobody has seen either value,
    # so the oldest key stays.
    for duplicate in found[1:]:
        step.run.gateway.delete_key(duplicate.key_id)
    return found[0] if found else None


def _make(step: KeyStep, record: KeyRecord, value: str, customer: Customer) -> GatewayKey:
    """CreateApiKey. When it certainly had no effect the record is dropped, so that the next try
    need not wait and look; when it may have had one, the record stays."""
    drop = step.run.registry.customers.drop_key
    try:
        labels = labels_of(customer)
        return step.run.gateway.create_key(record.name, value, labels.tags, labels.description)
    except KeyConflictError:
        # With a value of the customer's own, the key in the way may be that of an earlier try.
        adopted = _adopt(step, record)
        if adopted:
            return adopted
        drop(record, step.lease)
        raise KeyValueTakenError(
            f"{OWN_VALUES}: must not be the value of another key. Store another value, or a "
            f'JSON object that has one for each key, with the member "{record.number}" for this'
        ) from None
    except (ThrottledError, GatewayRefusedError):
        drop(record, step.lease)
        raise
