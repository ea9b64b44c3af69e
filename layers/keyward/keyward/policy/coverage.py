"""Tell which stages a plan of the policy covers. Pure: plans are JSON objects that `parse` took."""

from __future__ import annotations

from keyward.policy.parts import matches
from keyward.values import JSON

STAGES, EVERYWHERE = "stages", ["*"]


def covers(plan: JSON, api_id: str, api_name: str, stage: str) -> bool:
    """Whether a plan of the policy covers the stage."""
    apis, stages = (tuple(plan.get(name, EVERYWHERE)) for name in ("apis", STAGES))
    return matches(apis, api_id, api_name) and matches(stages, stage)


def coverage(plan: JSON) -> JSON:
    """Return the plan's part that says which stages it covers: `{apis, stages}`."""
    return {name: plan.get(name, EVERYWHERE) for name in ("apis", STAGES)}


def is_within(after: JSON, before: JSON) -> bool:
    """Whether all that `after` covers was covered before."""
    return all(matches(tuple(before[n]), glob) for n in ("apis", STAGES) for glob in after[n])
