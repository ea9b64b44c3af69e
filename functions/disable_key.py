"""Disable key: API Gateway refuses it from now on; nothing else of it changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from keyward import key_events, runtime
from keyward.gateway import Gateway
from keyward.key_steps import Step, switch
from keyward.policy import Policy
from keyward.registry import Registry


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, action: {number, reason?}, execution_arn}`; output
    `{number, enabled}`."""
    return disable_key(event, runtime.gateway(), runtime.registry(), runtime.policy(), runtime.now)


def disable_key(
    task: dict[str, Any],
    gateway: Gateway,
    registry: Registry,
    policy: Policy,
    clock: Callable[[], float],
) -> dict[str, Any]:
    """Disable the key. Idempotent, 1 write. KeySuspended goes into the outbox with the record of
    it. Raises KeyGoneError, TryUnderwayError and what the gateway raises."""
    step = Step.begin(task, registry, clock)
    done = switch(step, False, gateway)
    if done:
        reason = task["action"].get("reason")
        told = key_events.about(
            "KeySuspended",
            done,
            step.execution_arn,
            [{"action": "disable_key", "key": done.name}],
            plan=done.plan,
            reason=reason,
            effective_by=step.effective_by(policy),
        )
        step.save(replace(done, reason=reason), told)
    return {"number": step.number, "enabled": False}
