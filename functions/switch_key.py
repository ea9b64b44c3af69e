"""Switch key: API Gateway takes the key again, or refuses it from now on; it keeps its value."""

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

JSON = dict[str, Any]


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, action, execution_arn}`, where `action` is
    `enable_key {number}` or `disable_key {number, reason?, retire?, grace?, replaced_by?}`; output
    `{number, enabled}`."""
    return switch_key(event, runtime.gateway(), runtime.registry(), runtime.policy(), runtime.now)


def switch_key(
    task: JSON,
    gateway: Gateway,
    registry: Registry,
    policy: Policy,
    clock: Callable[[], float],
) -> JSON:
    """Enable or disable the key. Idempotent, 1 write. KeyResumed, KeySuspended or, for a key whose
    time is over, KeyDisabled goes into the outbox with the record of it. Raises KeyGoneError,
    TryUnderwayError and what the gateway raises."""
    step = Step.begin(task, registry, clock)
    enabled = task["action"]["action"] == "enable_key"
    effective_by = step.effective_by(policy)
    _enable(step, gateway, effective_by) if enabled else _disable(step, gateway, effective_by)
    return {"number": step.number, "enabled": enabled}


def _enable(step: Step, gateway: Gateway, effective_by: str) -> None:
    done = switch(step, True, gateway)
    if done:
        step.save(replace(done, reason=None), _switched("KeyResumed", step, done, effective_by))


def _disable(step: Step, gateway: Gateway, effective_by: str) -> None:
    before = step.made()
    done = switch(step, False, gateway) or before
    record = _retired(done, step.task["action"], step.now)
    record = replace(record, reason=step.task["action"].get("reason") or record.reason)
    if record != before:
        over = record.retire_at is not None and record.retire_at <= step.now
        kind = "KeyDisabled" if over else "KeySuspended"
        is_new = before.enabled or before.switching is not None
        step.save(record, _switched(kind, step, record, effective_by) if is_new else None)


def _switched(detail_type: str, step: Step, record: KeyRecord, effective_by: str) -> JSON:
    action = {"action": step.task["action"]["action"], "key": record.name}
    reason = None if detail_type == "KeyResumed" else record.reason
    more = {"plan": record.plan, "reason": reason, "effective_by": effective_by}
    return key_words.about(detail_type, record, step.execution_arn, [action], **more)


def _retired(record: KeyRecord, action: JSON, now: int) -> KeyRecord:
    """With the end of a key that is to `retire` now: it leaked, or is one too many."""
    if not action.get("retire") or record.retire_at is not None:
        return record
    return replace(
        record,
        retire_at=now,
        delete_at=now + int(action.get("grace", 0)),
        replaced_by=action.get("replaced_by"),
    )
