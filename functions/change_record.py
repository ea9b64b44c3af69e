"""Change record: what is written down and announced without a call of API Gateway."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from keyward.aws.tables import Registry
from keyward.customers import words as key_words
from keyward.customers.undo_rotation import restored
from keyward.events import contracts
from keyward.runs import runtime
from keyward.runs.key_step import Step
from keyward.runs.ledger import notice_line

JSON = dict[str, Any]


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, action, execution_arn}`, where `action` is
    `announce_notice {notice, detail, marks}`, `announce_expiry {number, days, expires_at?}` or
    `restore_key {number, replaces?, overlap?, grace?}`; output `{action}`."""
    return change_record(event, runtime.registry(), runtime.now)


def change_record(task: JSON, registry: Registry, clock: Callable[[], float]) -> JSON:
    """Apply the action to the customer's records. Idempotent. Raises LeaseLostError,
    InvalidInputError."""
    step, name = Step.begin(task, registry, clock), str(task["action"]["action"])
    CHANGES[name](step)
    return {"action": name}


def _announce_notice(step: Step) -> None:
    """Put the notice into the outbox, with the marks by which it comes once."""
    action = step.task["action"]
    announced = contracts.announcement(
        action["notice"],
        **action["detail"],
        execution_arn=step.execution_arn,
        actions=[{"action": "announce_notice", "notice": action["notice"]}],
    )
    step.registry.notices.give(
        contracts.parse_customer_id(step.task),
        [str(mark) for mark in action["marks"]],
        announced,
        step.lease,
        step.when,
        notice_line(step.task, step.clock()),
    )


def _announce_expiry(step: Step) -> None:
    """Put KeyExpiring into the outbox. A key that was replaced ends at its `retire_at`, another at
    the action's `expires_at` (epoch seconds)."""
    record, days = step.made(), int(step.task["action"]["days"])
    expires = record.retire_at or int(step.task["action"]["expires_at"])
    if (record.told_days, record.told_expiry) == (days, expires):
        return
    expiring = key_words.about(
        "KeyExpiring",
        record,
        step.execution_arn,
        [{"action": "announce_expiry", "key": record.name}],
        plan=record.plan,
        days=days,
        expires_at=contracts.iso(expires),
        reason=record.reason,
    )
    step.save(replace(record, told_days=days, told_expiry=expires), expiring)


def _restore_key(step: Step) -> None:
    """Undo the rotation: the replaced key becomes the successor of the key that replaced it, so
    that what follows is a rotation like any other."""
    record, action = step.made(), step.task["action"]
    if record.retire_at is not None:
        number = action.get("replaces")
        times = {name: int(action.get(name, 0)) for name in ("overlap", "grace")}
        step.save(restored(record, None if number is None else int(number), **times))


CHANGES: dict[str, Callable[[Step], None]] = {
    "announce_notice": _announce_notice,
    "announce_expiry": _announce_expiry,
    "restore_key": _restore_key,
}
