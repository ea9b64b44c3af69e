"""Attach key: put a customer's key into its usage plan, and have that announced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from keyward.aws.gateway import Gateway
from keyward.aws.tables import Registry
from keyward.customers import words as key_words
from keyward.customers.key import KeyRecord
from keyward.events import contracts
from keyward.policy.model import Policy
from keyward.runs import runtime
from keyward.runs.key_step import Step, attach
from keyward.runs.usage_plans import UsagePlans


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, action: {number, plan}, execution_arn}`; output
    `{key_id, plan, effective_by}`."""
    return attach_key(
        event,
        runtime.gateway(),
        runtime.registry(),
        runtime.usage_plans(str(event["execution_arn"])),
        runtime.policy(),
        runtime.now,
    )


def attach_key(
    task: dict[str, Any],
    gateway: Gateway,
    registry: Registry,
    plans: UsagePlans,
    policy: Policy,
    clock: Callable[[], float],
) -> dict[str, Any]:
    """Attach the key. Idempotent: a key that is in the plan already is attached.

    The plan and the time are recorded before the call, because it may have had an effect that
    nobody answered, and takes effect some time after (aws-recorded.md 10). KeyIssued goes into the
    outbox with the record of it; a successor is announced when all is handed over to it. Raises
    KeyInOtherPlanError, KeyGoneError, UnknownPlanError and what the gateway raises.
    """
    step = Step.begin(task, registry, clock)
    record, plan = step.made(), str(task["action"]["plan"])
    if record.plan != plan:
        record = _attached(step, record, plan, gateway, plans, policy)
    effective_by = contracts.iso((record.attached_at or 0) + policy.propagation_seconds)
    return {"key_id": record.key_id, "plan": plan, "effective_by": effective_by}


def _attached(
    step: Step,
    record: KeyRecord,
    plan: str,
    gateway: Gateway,
    plans: UsagePlans,
    policy: Policy,
) -> KeyRecord:
    plan_id = plans.id_of(plan)
    effective_by = step.effective_by(policy)
    asked = replace(record, moving_to=plan, tried_at=step.now, attached_at=step.now)
    step.save(asked)
    attach(record, plan, plan_id, gateway, plans)
    issued = key_words.issued(asked, plan, effective_by, step.execution_arn)
    rotation = max(record.rotation, step.rotation)
    attached = replace(asked, plan=plan, moving_to=None, rotation=rotation)
    return step.save(attached, issued if record.replaces is None else None)
