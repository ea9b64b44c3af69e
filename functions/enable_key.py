"""Enable key: API Gateway takes it again, with the value that it had."""

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
    """Task input `{customer_id, lease, action: {number}, execution_arn}`; output
    `{number, enabled}`."""
    return enable_key(event, runtime.gateway(), runtime.registry(), runtime.policy(), runtime.now)


def enable_key(
    task: dict[str, Any],
    gateway: Gateway,
    registry: Registry,
    policy: Policy,
    clock: Callable[[], float],
) -> dict[str, Any]:
    """Enable the key. Idempotent, 1 write. KeyResumed goes into the outbox with the record of it.
    Raises KeyGoneError, TryUnderwayError and what the gateway raises."""
    step = Step.begin(task, registry, clock)
    done = switch(step, True, gateway)
    if done:
        told = key_events.about(
            "KeyResumed",
            done,
            step.execution_arn,
            [{"action": "enable_key", "key": done.name}],
            plan=done.plan,
            effective_by=step.effective_by(policy),
        )
        step.save(replace(done, reason=None), told)
    return {"number": step.number, "enabled": True}
