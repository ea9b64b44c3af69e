"""Announce expiry: a key stops working soon. No call of API Gateway."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from keyward.aws.tables import Registry
from keyward.customers import words as key_words
from keyward.events import contracts
from keyward.runs import runtime
from keyward.runs.key_step import Step


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, action: {number, days, expires_at?}, execution_arn}`;
    output `{number, days}`."""
    return announce_expiry(event, runtime.registry(), runtime.now)


def announce_expiry(
    task: dict[str, Any], registry: Registry, clock: Callable[[], float]
) -> dict[str, Any]:
    """KeyExpiring goes into the outbox, and the record remembers it: each notice comes once. A key
    that was replaced ends at its `retire_at`, another at the action's `expires_at` (epoch
    seconds)."""
    step = Step.begin(task, registry, clock)
    record, days = step.made(), int(task["action"]["days"])
    expires = record.retire_at or int(task["action"]["expires_at"])
    if (record.told_days, record.told_expiry) != (days, expires):
        told = key_words.about(
            "KeyExpiring",
            record,
            step.execution_arn,
            [{"action": "announce_expiry", "key": record.name}],
            plan=record.plan,
            days=days,
            expires_at=contracts.iso(expires),
            reason=record.reason,
        )
        step.save(replace(record, told_days=days, told_expiry=expires), told)
    return {"number": step.number, "days": days}
