"""Disable key: API Gateway refuses it from now on; nothing else of it changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from keyward.aws.gateway import Gateway
from keyward.aws.tables import Registry
from keyward.customers import words as key_words
from keyward.customers.key import KeyRecord
from keyward.policy.model import Policy
from keyward.runs import runtime
from keyward.runs.key_step import Step, switch


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, action: {number, reason?, retire?, grace?,
    replaced_by?}, execution_arn}`; output `{number, enabled}`."""
    return disable_key(event, runtime.gateway(), runtime.registry(), runtime.policy(), runtime.now)


def disable_key(
    task: dict[str, Any],
    gateway: Gateway,
    registry: Registry,
    policy: Policy,
    clock: Callable[[], float],
) -> dict[str, Any]:
    """Disable the key. Idempotent, 1 write. KeySuspended, or KeyDisabled for a key whose time is
    over, goes into the outbox with the record of it. Raises KeyGoneError, TryUnderwayError and what
    the gateway raises."""
    step = Step.begin(task, registry, clock)
    before = step.made()
    done = switch(step, False, gateway) or before
    record = _retired(done, task["action"], step.now)
    record = replace(record, reason=task["action"].get("reason") or record.reason)
    if record != before:
        over = record.retire_at is not None and record.retire_at <= step.now
        told = key_words.about(
            "KeyDisabled" if over else "KeySuspended",
            record,
            step.execution_arn,
            [{"action": "disable_key", "key": record.name}],
            plan=record.plan,
            reason=record.reason,
            effective_by=step.effective_by(policy),
        )
        step.save(record, told if before.enabled or before.switching is not None else None)
    return {"number": step.number, "enabled": False}


def _retired(record: KeyRecord, action: dict[str, Any], now: int) -> KeyRecord:
    """With the end of a key that is to `retire` now: it leaked, or is one too many."""
    if not action.get("retire") or record.retire_at is not None:
        return record
    return replace(
        record,
        retire_at=now,
        delete_at=now + int(action.get("grace", 0)),
        replaced_by=action.get("replaced_by"),
    )
