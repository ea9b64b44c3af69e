"""Attach key: put a customer's key into its usage plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keyward.customers.key import KeyRecord
from keyward.errors import KeyInOtherPlanError, TryUnderwayError
from keyward.runs import runtime
from keyward.runs.context import Context
from keyward.runs.keys.step import KeyStep, attach, placed, removed
from keyward.values import JSON, iso


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, action: {number, plan}, execution_arn}`; output
    `{key_id, plan, effective_by}`."""
    return attach_key(event, runtime.context())


def attach_key(task: JSON, run: Context) -> JSON:
    """Attach the key. Idempotent: a key that is in the plan already is attached.

    The plan and the time are recorded before the call: it may take effect without an answer, and
    does so some time after (aws-recorded.md 10). A successor is announced when all is handed over
    to it. A further plan may refuse the key, as one of the key's plans holds the same stage. That
    is written down, and Conclude customer reports it: it stops no other action. Raises
    TryUnderwayError for a key on its way into another plan, KeyInOtherPlanError, KeyGoneError,
    UnknownPlanError and what the gateway raises.
    """
    policy = run.policy
    step = KeyStep.begin(task, run, policy)
    record, plan = step.created_record(), str(step.action["plan"])
    if plan not in record.plans or plan in (record.journal.plan, record.journal.leaving):
        record = _attached(step, record, plan)
    elif plan in record.journal.awaited:
        # An adopted key that is in its plan already: its announcement waits for this. The plan's
        # stages are read where they are not known.
        run.plans(step.execution_arn, step.action.get("asked")).plan_id(plan)
        record = placed(record, plan, step.rotation)
        step.save(record)
    effective_by = iso((record.attached_at or 0) + policy.propagation_seconds)
    return {"key_id": record.key_id, "plan": plan, "effective_by": effective_by}


def _attached(step: KeyStep, record: KeyRecord, plan: str) -> KeyRecord:
    if record.journal.plan not in (None, plan):
        # Written after this run was planned: the next plan takes the key out of that plan first.
        raise TryUnderwayError(f"key {record.name} is on its way into plan {record.journal.plan}")
    plans = step.run.plans(step.execution_arn, step.action.get("asked"))
    plan_id = plans.plan_id(plan)
    journal = step.journal_plan(record, plan)
    try:
        attach(record, plan, plan_id, step.run.gateway, plans)
    except KeyInOtherPlanError:
        if not record.plans:
            raise
        attached = replace(removed(journal, plan), attached_at=record.attached_at)
        attached = attached.with_journal(refused=plan)
    else:
        if record.quota.spent:
            # A key that never left a plan, as of a sign-up, has nothing to carry.
            from keyward.runs.keys import quotas

            quotas.carry(step, journal, plan)
        attached = placed(journal, plan, step.rotation)
    step.save(attached)
    return attached
