"""Change record: what is written down of a key, its quota in API Gateway with it, and what is
announced without a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keyward.customers.undo_rotation import restored
from keyward.events import contracts
from keyward.events.requester import with_cause
from keyward.runs import runtime
from keyward.runs.context import Context
from keyward.runs.keys.extension import extend_quota
from keyward.runs.keys.handover import carry_quota_over
from keyward.runs.keys.step import KeyStep
from keyward.runs.ledger import notice_line
from keyward.values import JSON


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, action, execution_arn}`. By `action` the output:
    `extend_quota {number, plan, extensions}`: `{key_id, extended}`, the requests that were granted;
    `carry_quota_over {number, rotation?, in_use?}`: `{key_id, remaining}`;
    `announce_notice {notice, detail, marks}`, `announce_expiry {number, days, expires_at?}` or
    `restore_key {number, replaces?, overlap?, grace?}`: `{action}`."""
    return change_record(event, runtime.context())


def change_record(task: JSON, run: Context) -> JSON:
    """Apply the action to the customer's records. Idempotent. Raises LeaseLostError,
    InvalidInputError; for a quota KeyGoneError and what the gateway raises."""
    name = str(task["action"]["action"])
    if name in QUOTAS:
        return QUOTAS[name](KeyStep.begin(task, run, run.policy))
    CHANGES[name](KeyStep.begin(task, run))
    return {"action": name}


def _announce_notice(step: KeyStep) -> None:
    """Put the notice into the outbox, with the marks by which it comes once."""
    action = step.action
    done = [{"action": "announce_notice", "notice": action["notice"]}]
    announced = contracts.announcement(
        action["notice"],
        **action["detail"],
        execution_arn=step.execution_arn,
        # A refusal did nothing.
        actions=None if "error" in action["detail"] else done,
    )
    step.run.registry.notices.announce_once(
        contracts.parse_customer_id(step.task),
        [str(mark) for mark in action["marks"]],
        with_cause(announced, action.get("asked")),
        step.lease,
        step.when,
        notice_line(step.task, step.run.now),
    )


def _announce_expiry(step: KeyStep) -> None:
    """Write down the notice, from which KeyExpiring follows. A key that was replaced ends at its
    `retire_at`, another at the action's `expires_at` (epoch seconds)."""
    record, days = step.created_record(), int(step.action["days"])
    expires = record.end.retire_at or int(step.action["expires_at"])
    noticed = record.with_end(notice_days=days, notice_expiry=expires)
    if noticed != record:
        step.save(noticed)


def _restore_key(step: KeyStep) -> None:
    """Undo the rotation: the replaced key becomes the successor of the key that replaced it, so
    that what follows is a rotation like any other. Or give a key that was too many its place."""
    record, action = step.created_record(), step.action
    if record.end.retire_at is not None:
        number = action.get("replaces")
        times = {name: int(action.get(name, 0)) for name in ("overlap", "grace")}
        step.save(restored(record, None if number is None else int(number), **times))


QUOTAS: dict[str, Callable[[KeyStep], JSON]] = {
    "extend_quota": extend_quota,
    "carry_quota_over": carry_quota_over,
}
CHANGES: dict[str, Callable[[KeyStep], None]] = {
    "announce_notice": _announce_notice,
    "announce_expiry": _announce_expiry,
    "restore_key": _restore_key,
}
