"""Enable key: API Gateway takes it again, with the value that it had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from keyward.aws.gateway import Gateway
from keyward.aws.tables import Registry
from keyward.customers import words as key_words
from keyward.policy.model import Policy
from keyward.runs import runtime
from keyward.runs.key_step import Step, switch


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
        told = key_words.about(
            "KeyResumed",
            done,
            step.execution_arn,
            [{"action": "enable_key", "key": done.name}],
            plan=done.plan,
            effective_by=step.effective_by(policy),
        )
        step.save(replace(done, reason=None), told)
    return {"number": step.number, "enabled": True}
