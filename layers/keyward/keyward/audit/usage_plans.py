"""Find what is wrong with usage plans as such; what an API's stages lack is found with the API.
Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from keyward.apis.usage_plan_patch import patch_all
from keyward.audit.model import Finding
from keyward.aws.gateway import GatewayPlan
from keyward.policy.model import Policy

DIFFERS = "plan_differs"


def of_plans(
    plans: Sequence[GatewayPlan], found: Iterable[Finding], policy: Policy
) -> list[Finding]:
    """Two plans of one name, and plans whose limits are not the policy's, unless an enforced API
    has them mended, as `found` says."""
    mended = {item.plan for item in found if item.kind == DIFFERS}
    names = Counter(plan.name for plan in plans)
    findings = [
        Finding(
            "duplicate_plan",
            "high",
            f"{names[name]} usage plans are named {name}",
            plan=name,
            remedy="Rename or delete all but one",
        )
        for name in policy.usage_plans
        if names[name] > 1
    ]
    return findings + [
        Finding(
            DIFFERS,
            "low",
            f"the limits of usage plan {plan.name} are not those of the policy",
            plan=plan.name,
            remedy="Set the plan's limits, or tag one of its APIs `keyward` = `enforce`",
        )
        for plan in plans
        if plan.name in policy.usage_plans
        and plan.name not in mended
        and names[plan.name] == 1
        and patch_all(plan, policy.plan(plan.name), (), ())
    ]


def once(found: Iterable[Finding]) -> list[Finding]:
    """Leave out what another API's finding says of the same plan: one run mends it for all."""
    plans: set[str | None] = set()
    first = []
    for item in found:
        if item.kind == DIFFERS:
            if item.plan in plans:
                continue
            plans.add(item.plan)
        first.append(item)
    return first
