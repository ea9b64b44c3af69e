"""Find usage plans named in the policy that are not this stack's: they stay as they are. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from keyward.apis.kept_plans import kept_actions
from keyward.apis.model import ENFORCE
from keyward.apis.rule import KeyRule
from keyward.apis.usage_plan_patch import changes
from keyward.audit.account import ApiReading
from keyward.audit.model import Finding
from keyward.aws.gateway import GatewayPlan
from keyward.aws.gateway.plans import STACK_TAG
from keyward.policy.model import Policy
from keyward.values import some_of

BY_HAND, FOREIGN = "plan_by_hand", "plan_of_another_stack"
MAX_STAGES = 5
ADOPT = (
    'Write "adopt": true for plan {plan} in the policy, so that its limits and stages follow it, '
    "or put the stages into the plan by hand"
)
RENAME = (
    "Name another plan in the policy. If the stack {stack} is gone, take the tag "
    f"`{STACK_TAG}` off the plan"
)


def of_owners(
    plans: Sequence[GatewayPlan], apis: Iterable[ApiReading], policy: Policy, stack: str
) -> list[Finding]:
    """Find plans of other stacks, and plans of people whose limits differ from the policy or that
    lack stages of enforced APIs."""
    left = _left(apis, policy)
    names = Counter(plan.name for plan in plans)
    # Which of two plans of a name is meant, nobody knows: a finding of its own.
    named = [
        plan
        for plan in plans
        if plan.name in policy.usage_plans and names[plan.name] == 1 and not plan.is_ours(stack)
    ]
    foreign = [_foreign(plan) for plan in named if plan.is_foreign(stack)]
    by_hand = [
        _by_hand(plan, left.get(plan.name, []), policy)
        for plan in named
        if not plan.is_foreign(stack) and not policy.plan(plan.name).adopt
    ]
    return foreign + [finding for finding in by_hand if finding]


def _left(apis: Iterable[ApiReading], policy: Policy) -> dict[str, list[str]]:
    """List by plan the stages of enforced APIs that it lacks."""
    found: dict[str, list[str]] = {}
    for api in apis:
        if api.mode == ENFORCE and api.snapshot:
            rule = KeyRule(policy, api.rest_api_id, api.name, api.read_at)
            for action in kept_actions(api.snapshot, rule, api.snapshot.stages):
                found.setdefault(action["plan"], []).append(f"{api.rest_api_id}:{action['stage']}")
    return found


def _foreign(plan: GatewayPlan) -> Finding:
    other = plan.tags[STACK_TAG]
    return Finding(
        FOREIGN,
        "high",
        f"usage plan {plan.name} ({plan.plan_id}) belongs to stack {other}: no key goes into it",
        plan=plan.name,
        remedy=RENAME.format(stack=other),
    )


def _by_hand(plan: GatewayPlan, left: Sequence[str], policy: Policy) -> Finding | None:
    says = f"people made usage plan {plan.name} ({plan.plan_id}), so nothing of it changes"
    if left:
        says += f": its keys do not open {some_of(left, MAX_STAGES)}"
    elif changes(plan, policy.plan(plan.name), (), ()):
        says += ": its limits are not those of the policy"
    else:
        return None
    severity, remedy = "high" if left else "low", ADOPT.format(plan=plan.name)
    return Finding(BY_HAND, severity, says, plan=plan.name, remedy=remedy)
