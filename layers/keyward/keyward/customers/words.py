"""What is announced of a customer's keys."""

from __future__ import annotations

from typing import Any

from keyward.customers.key import KeyRecord
from keyward.events import contracts

JSON = dict[str, Any]


def issued(
    key: KeyRecord, plan: str, effective_by: str, execution_arn: str, reason: str | None = None
) -> JSON:
    """KeyIssued: the key was made and is in its plan."""
    actions = [
        {"action": "create_key", "key": key.name},
        {"action": "attach_key", "key": key.name, "plan": plan},
    ]
    more = {"plan": plan, "effective_by": effective_by, "reason": reason}
    return about("KeyIssued", key, execution_arn, actions, **more)


def plan_changed(
    key: KeyRecord, plan: str, effective_by: str, execution_arn: str, reason: str | None = None
) -> JSON:
    """PlanChanged: the key has left `key.plan` and is in `plan`."""
    actions = [{"action": "move_key", "key": key.name, "from": key.plan, "plan": plan}]
    more = {"plan": plan, "effective_by": effective_by, "reason": reason}
    return about("PlanChanged", key, execution_arn, actions, **more)


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


def rotated(
    old: KeyRecord | None,
    retired: KeyRecord | None,
    heir: KeyRecord,
    carried: JSON,
    effective_by: str,
    execution_arn: str,
) -> list[JSON]:
    """KeyRotated: `heir` took the place of `old`, which is `retired` now; and PlanChanged when it
    did so in another plan."""
    actions: list[JSON] = [
        {"action": "create_key", "key": heir.name},
        {"action": "attach_key", "key": heir.name, "plan": heir.plan},
        *([carried] if carried else []),
    ]
    more: JSON = {"plan": heir.plan, "effective_by": effective_by, "reason": heir.cause}
    if old and retired:
        more |= {"replaces": old.key_id, "retires_at": contracts.iso(retired.retire_at or 0)}
    events = [about("KeyRotated", heir, execution_arn, actions, **more)]
    if old and old.plan and old.plan != heir.plan:
        actions = [actions[0], {**actions[1], "from": old.plan}]
        events.append(about("PlanChanged", heir, execution_arn, actions, **more))
    return events
