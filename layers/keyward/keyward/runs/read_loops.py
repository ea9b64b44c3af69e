"""Which stages of an API somebody opens again and again, by what we remember of our deployments."""

from __future__ import annotations

from keyward.apis.loops import Loop, loop_of
from keyward.apis.model import ApiSeen, KeyRule
from keyward.aws.tables import Registry


def read_loops(registry: Registry, seen: ApiSeen, rule: KeyRule) -> dict[str, Loop]:
    """The loops by stage. Nothing is read unless a stage is exposed."""
    exposed = {stage.name: rule.exposed(stage) for stage in seen.stages if rule.exposed(stage)}
    if not exposed:
        return {}
    redeploys = registry.storms.redeploys(seen.rest_api_id, rule.now)

    def closed_by(deployment_id: str) -> tuple[str, ...]:
        ours = registry.apis.deployment(seen.rest_api_id, deployment_id)
        return ours.methods if ours else ()

    found = {stage: loop_of(methods, redeploys, closed_by) for stage, methods in exposed.items()}
    return {stage: loop for stage, loop in found.items() if loop}
