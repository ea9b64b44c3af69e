"""Delete key: for good; its number is remembered, so that no later key has it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from keyward.customers.key import CREATED, DELETING, KeyRecord
from keyward.errors import NotFoundError
from keyward.runs import runtime
from keyward.runs.context import Context
from keyward.runs.due import call_for_room
from keyward.runs.keys.step import KeyStep
from keyward.values import JSON


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, action: {number, reason?, retired?}, execution_arn}`;
    output `{number, deleted}`."""
    return delete_key(event, runtime.context())


def delete_key(task: JSON, run: Context) -> JSON:
    """Delete the key and replace its record by the tombstone. Idempotent, 1 write; a key that is
    gone counts as deleted.

    A key in the making may exist, so it is looked up first. The place is offered to who waits for
    room in a full account. Raises TryUnderwayError and what the gateway raises.
    """
    step = KeyStep.begin(task, run, run.policy)
    record = step.find()
    if record:
        record = _ended(record, step)
        if record.state == CREATED:
            # Written before the call: no later run may take the key for a working one.
            record = replace(record, state=DELETING)
            step.save(record)
        ids = _in_the_making(step, record) if record.key_id is None else [record.key_id]
        for key_id in ids:
            with suppress(NotFoundError):
                run.gateway.delete_key(key_id)
        call_for_room(run, len(ids))
        step.bury(replace(record, key_id=ids[0] if ids else None))
    return {"number": step.number, "deleted": True}


def _ended(record: KeyRecord, step: KeyStep) -> KeyRecord:
    """With why, and with the end of a key whose time is over (`retired`)."""
    record = replace(record, reason=step.action.get("reason") or record.reason)
    if not step.action.get("retired"):
        return record
    return record.with_end(retire_at=min(record.end.retire_at or step.now, step.now))


def _in_the_making(step: KeyStep, record: KeyRecord) -> list[str]:
    """The keys that an earlier try made, by their ids."""
    step.check_landed(record, "create")
    return [key.key_id for key in step.made_before(record)]
