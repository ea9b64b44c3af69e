"""What is announced of a customer's keys."""

from __future__ import annotations

from typing import Any

from keyward import contracts
from keyward.key import KeyRecord

JSON = dict[str, Any]


def issued(key: KeyRecord, plan: str, effective_by: str, execution_arn: str) -> JSON:
    """KeyIssued: the key was made and is in its plan."""
    actions = [
        {"action": "create_key", "key": key.name},
        {"action": "attach_key", "key": key.name, "plan": plan},
    ]
    return about("KeyIssued", key, execution_arn, actions, plan=plan, effective_by=effective_by)


def plan_changed(key: KeyRecord, plan: str, effective_by: str, execution_arn: str) -> JSON:
    """PlanChanged: the key has left `key.plan` and is in `plan`."""
    actions = [{"action": "move_key", "key": key.name, "from": key.plan, "plan": plan}]
    return about("PlanChanged", key, execution_arn, actions, plan=plan, effective_by=effective_by)


def about(
    detail_type: str, key: KeyRecord, execution_arn: str, actions: list[JSON], **more: Any
) -> JSON:
    """An announcement about one key; `more` are members of its detail."""
    return contracts.announcement(
        detail_type,
        customer_id=key.customer_id,
        key_id=key.key_id,
        execution_arn=execution_arn,
        actions=actions,
        **more,
    )
