"""Create key: one key for a customer, exactly once, whatever happened to earlier tries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from keyward.aws.gateway import Gateway, GatewayKey
from keyward.aws.gateway.calls import TRY_SECONDS
from keyward.aws.tables import Lease, Registry
from keyward.customers import key as keys
from keyward.customers.key import CREATED, CREATING, KeyRecord
from keyward.customers.model import Customer, customer_of
from keyward.errors import (
    CustomerNotFoundError,
    GatewayRefusedError,
    KeyConflictError,
    KeyValueTakenError,
    ThrottledError,
    TryUnderwayError,
)
from keyward.events.contracts import parse_customer_id
from keyward.runs import runtime
from keyward.runs.ledger import key_line


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, action: {number}, execution_arn}`; output `{key_id}`."""
    value = value_source(runtime.secret, runtime.setting("KEY_PREFIX"))
    return create_key(event, runtime.gateway(), runtime.registry(), value, runtime.now)


def value_source(read_secret: Callable[[str], str], prefix: str) -> Callable[[Customer], str]:
    """Where a new key's value comes from: the customer's own secret, or chance."""

    def value(customer: Customer) -> str:
        if customer.key_value_secret:
            return keys.parse_custom_value(read_secret(customer.key_value_secret))
        return keys.new_value(prefix)

    return value


def create_key(
    task: dict[str, Any],
    gateway: Gateway,
    registry: Registry,
    value: Callable[[Customer], str],
    clock: Callable[[], float],
) -> dict[str, Any]:
    """Make the key, or adopt the one that an earlier try made. Idempotent. `clock`: epoch seconds.

    Without a key record nothing is read. A record in CREATING means that an earlier try may have
    happened: it is waited for (TryUnderwayError) and looked up. Raises what the gateway raises,
    KeyValueTakenError, CustomerNotFoundError, InvalidRecordError, LeaseLostError.
    """
    lease = Lease.of(task)
    registry.leases.renew(lease, clock())
    customer = _customer(registry, parse_customer_id(task))
    number = int(task["action"]["number"])
    known = registry.customers.key(customer.customer_id, number)
    if known and known.state == CREATED:
        return {"key_id": known.key_id}
    record = known or _begun(customer.customer_id, number, task["action"])
    made = _earlier_try(known, gateway, clock()) if known else None
    if made is None:
        chosen = value(customer)
        # The moment of the call: reading a secret may have taken a while.
        record = replace(record, tried_at=int(clock()))
        registry.customers.save_key(record, lease)
        made = _make(record, chosen, customer, gateway, registry, lease)
    created = replace(record, state=CREATED, key_id=made.key_id, created_at=int(made.created_at))
    line = key_line(task, None, created, clock())
    registry.customers.save_key(created, lease, line=line)
    return {"key_id": made.key_id}


def _begun(customer_id: str, number: int, action: dict[str, Any]) -> KeyRecord:
    """The record of a key that nobody tried to make yet: also what it is the successor of."""
    replaced = action.get("replaces")
    return KeyRecord(
        customer_id,
        number,
        CREATING,
        rotation=int(action.get("rotation", 0)),
        overlap=int(action.get("overlap", 0)),
        grace=int(action.get("grace", 0)),
        replaces=None if replaced is None else int(replaced),
        cause=action.get("reason"),
    )


def _customer(registry: Registry, customer_id: str) -> Customer:
    record = registry.customers.desired(customer_id)
    if record is None:
        raise CustomerNotFoundError(
            f"customer_id: the Customers table has no customer {customer_id}"
        )
    return customer_of(record)


def _earlier_try(known: KeyRecord, gateway: Gateway, now: float) -> GatewayKey | None:
    if now < known.tried_at + TRY_SECONDS:
        raise TryUnderwayError(f"an earlier try to create {known.name} may still be under way")
    return _adopt(known, gateway)


def _adopt(record: KeyRecord, gateway: Gateway) -> GatewayKey | None:
    """The key that an earlier try made, without its duplicates; None when there is none."""
    found = gateway.keys_named(record.customer_id, record.name)
    for duplicate in found[1:]:
        gateway.delete_key(duplicate.key_id)
    return found[0] if found else None


def _make(
    record: KeyRecord,
    value: str,
    customer: Customer,
    gateway: Gateway,
    registry: Registry,
    lease: Lease,
) -> GatewayKey:
    """CreateApiKey. When it certainly had no effect the record is dropped, so that the next try
    need not wait and look; when it may have had one, the record stays."""
    try:
        return gateway.create_key(record.name, value, customer.customer_id, customer.tags)
    except KeyConflictError:
        adopted = _adopt(record, gateway)
        if adopted:
            return adopted
        registry.customers.drop_key(record, lease)
        raise KeyValueTakenError(
            "key_value_secret: another key has this value already. Store another value"
        ) from None
    except (ThrottledError, GatewayRefusedError):
        registry.customers.drop_key(record, lease)
        raise
