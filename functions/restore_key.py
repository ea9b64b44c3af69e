"""Restore key: a rotation was undone, the key that it replaced works on. No call of API Gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keyward.aws.tables import Registry
from keyward.customers.undo_rotation import restored
from keyward.runs import runtime
from keyward.runs.key_step import Step


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, action: {number, replaces?, overlap?, grace?},
    execution_arn}`; output `{number}`."""
    return restore_key(event, runtime.registry(), runtime.now)


def restore_key(
    task: dict[str, Any], registry: Registry, clock: Callable[[], float]
) -> dict[str, Any]:
    """Its end is taken from the record, and it becomes the successor of the key that replaced it:
    what follows is a rotation like any other. Idempotent. Raises LeaseLostError,
    InvalidInputError."""
    step, action = Step.begin(task, registry, clock), task["action"]
    record, replaces = step.made(), action.get("replaces")
    if record.retire_at is not None:
        number = None if replaces is None else int(replaces)
        times = {name: int(action.get(name, 0)) for name in ("overlap", "grace")}
        step.save(restored(record, number, **times))
    return {"number": step.number}
