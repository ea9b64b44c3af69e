"""Usage plans named in the policy that are not Keyward's: they stay as they are. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from keyward.apis.model import ApiSnapshot, StageSnapshot
from keyward.apis.rule import KeyRule
from keyward.values import JSON

# For events: what an enforced API leaves as it is.
LEAVE = "leave_plan"
BY_PEOPLE = (
    "people made this usage plan, so it keeps its stages and limits, and its keys do not open "
    'the stage. Write "adopt": true for the plan in the policy, or put the stage into it by hand'
)
FOREIGN = (
    "this usage plan belongs to the stack {stack}: its keys do not open the stage. "
    "Name another plan in the policy"
)


def kept_actions(
    snapshot: ApiSnapshot, rule: KeyRule, stages: Iterable[StageSnapshot]
) -> list[JSON]:
    """List, as an action that does nothing, each stage that such a plan lacks."""
    return [
        {"action": LEAVE, "stage": stage.name, "plan": plan.plan, "reason": plan.kept}
        for stage in stages
        for plan in snapshot.plans
        if plan.kept
        and stage.name not in plan.stages
        and rule.policy.plan(plan.plan).covers(snapshot.rest_api_id, snapshot.name, stage.name)
    ]
