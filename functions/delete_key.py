"""Delete key: for good; its number is remembered, so that no later key has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from keyward.aws.gateway import Gateway
from keyward.aws.tables import Registry
from keyward.customers import words as key_words
from keyward.customers.key import CREATED, DELETED, DELETING, KeyRecord
from keyward.errors import NotFoundError
from keyward.events.contracts import parse_customer_id
from keyward.policy.model import Policy
from keyward.runs import runtime
from keyward.runs.key_step import Step


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, action: {number, reason?, retired?}, execution_arn}`;
    output `{number, deleted}`."""
    return delete_key(event, runtime.gateway(), runtime.registry(), runtime.policy(), runtime.now)


def delete_key(
    task: dict[str, Any],
    gateway: Gateway,
    registry: Registry,
    policy: Policy,
    clock: Callable[[], float],
) -> dict[str, Any]:
    """Delete the key and bury its record. Idempotent, 1 write; a key that is gone already counts
    as deleted.

    A key that was in the making is looked up first, as it may be there. KeyRevoked, or KeyRetired
    for a key whose time is over, goes into the outbox with the tombstone, unless there never was a
    key. Raises TryUnderwayError and what the
    gateway raises.
    """
    step = Step.begin(task, registry, clock)
    record = step.found()
    if record:
        record = replace(record, reason=task["action"].get("reason") or record.reason)
        if task["action"].get("retired"):
            record = replace(record, retire_at=min(record.retire_at or step.now, step.now))
        if record.state == CREATED:
            step.save(replace(record, state=DELETING))
        ids = _in_the_making(step, record, gateway) if record.key_id is None else [record.key_id]
        for key_id in ids:
            _delete(key_id, gateway)
        deleted = replace(record, key_id=ids[0] if ids else None)
        _bury(step, deleted, step.effective_by(policy))
    return {"number": step.number, "deleted": True}


def _in_the_making(step: Step, record: KeyRecord, gateway: Gateway) -> list[str]:
    """The keys that an earlier try made, by their ids."""
    step.wait_for(record, "create")
    return [key.key_id for key in gateway.keys_named(record.customer_id, record.name)]


def _delete(key_id: str, gateway: Gateway) -> None:
    try:
        gateway.delete_key(key_id)
    except NotFoundError:
        return


def _bury(step: Step, record: KeyRecord, effective_by: str) -> None:
    customers = step.registry.customers
    over = record.retire_at is not None and record.retire_at <= step.now
    told = key_words.about(
        "KeyRetired" if over else "KeyRevoked",
        record,
        step.execution_arn,
        [{"action": "delete_key", "key": record.name}],
        plan=record.plan,
        reason=record.reason,
        effective_by=effective_by,
    )
    last = max(record.number, customers.last_number(parse_customer_id(step.task)))
    announced = [told] if record.key_id else []
    line = step.line(replace(record, state=DELETED)) if record.key_id else None
    customers.save_tombstone(record, last, step.lease, step.now, announced, step.when, line)
