"""Find what is wrong with usage plans as such; stages that an API lacks are found with the API.
Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from keyward.audit.model import Finding
from keyward.aws.gateway import GatewayPlan
from keyward.aws.parameter import Wanted
from keyward.aws.tables.policy import InForce
from keyward.policy.model import Policy
from keyward.values import counted

DIFFERS = "plan_differs"
MENDED_BY = "apply-policy"
REFUSED = "policy_refused"
CORRECT = "Put a good version into the policy parameter; the last good one is in force"


def of_edits(in_force: InForce, wanted: Wanted) -> list[Finding]:
    """An edit of the policy that cannot be used, or that no run has seen: its event was lost."""
    if wanted.refused:
        return [Finding(REFUSED, "high", wanted.refused, remedy=CORRECT)]
    if wanted.body is None or wanted.version == in_force.version:
        return []
    says = f"version {wanted.version} of the policy was not compared with the account yet"
    return [Finding("policy_unseen", "high", says, mended_by=MENDED_BY)]


def of_plans(
    plans: Sequence[GatewayPlan], lacking: Collection[str], policy: Policy
) -> list[Finding]:
    """Two plans of one name, and the plans of ours that are `lacking` something of the policy in
    force. What is held is not in force."""
    names = Counter(plan.name for plan in plans)
    findings = [
        Finding(
            "duplicate_plan",
            "high",
            f"{counted(names[name], 'usage plan')} are named {name}",
            plan=name,
            remedy="Rename or delete all but one",
        )
        for name in policy.usage_plans
        if names[name] > 1
    ]
    return findings + [
        Finding(
            DIFFERS,
            "low" if name in policy.usage_plans else "high",
            f"limits, stages or tag of usage plan {name} are not those of the policy in force",
            plan=name,
            mended_by=MENDED_BY,
        )
        for name in sorted(lacking)
    ]
