"""What a gateway host knows of keys, plans and stages when a request comes in.

A view answers from facts, each about one thing only. So a change of one key or membership is
published by itself (propagation.py) and leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from emulator.copies import copy_of
from emulator.model import JSON, RestApi, Snapshot, State

# ("key", value) | ("limits", plan) | ("member", plan, key id) | ("covers", plan, api, stage)
# | ("stage", api, stage)
Entity = tuple[str, ...]
Fact = Any


@dataclass(frozen=True)
class KeyView:
    """A key as the data plane sees it."""

    id: str
    enabled: bool


@dataclass(frozen=True)
class PlanView:
    """A usage plan as it holds for one stage. `methods` maps `/path/VERB` to its throttle."""

    id: str
    throttle: JSON | None
    quota: JSON | None
    methods: dict[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True)
class StageView:
    """A stage with the snapshots that it serves."""

    settings: JSON
    snapshot: Snapshot
    canary: Snapshot | None


class View:
    """The truth of the control plane, read at once: propagation is off."""

    def __init__(self, state: State) -> None:
        self.state = state

    def fact(self, entity: Entity) -> Fact:
        """What is known of the entity now; None when there is no such thing."""
        return read(self.state, entity)

    def plan_ids(self) -> Iterable[str]:
        """The plans that may matter."""
        return list(self.state.plans)

    def key(self, value: str) -> KeyView | None:
        """The key with this value."""
        found: KeyView | None = self.fact(("key", value))
        return found

    def stage(self, api_id: str, name: str) -> StageView | None:
        """The stage, with what it serves."""
        found: StageView | None = self.fact(("stage", api_id, name))
        return found

    def plan(self, key_id: str, api_id: str, stage: str) -> PlanView | None:
        """The plan by which a key may use a stage; there is at most one (aws-recorded.md 3, 4)."""
        for plan_id in self.plan_ids():
            methods = self.fact(("covers", plan_id, api_id, stage))
            if methods is None or not self.fact(("member", plan_id, key_id)):
                continue
            limits = self.fact(("limits", plan_id))
            if limits is not None:
                return PlanView(plan_id, limits[0], limits[1], methods)
        return None


def read(state: State, entity: Entity) -> Fact:
    """The fact about an entity as the state has it."""
    kind = entity[0]
    if kind == "key":
        key = state.key_with(entity[1])
        return KeyView(key.id, key.enabled) if key else None
    if kind == "stage":
        return _stage(state.rest_apis.get(entity[1]), entity[2])
    plan = state.plans.get(entity[1])
    if plan is None:
        return None
    if kind == "member":
        return entity[2] in plan.key_ids or None
    if kind == "limits":
        return (plan.settings.get("throttle"), plan.settings.get("quota"))
    for item in plan.settings.get("apiStages") or []:
        if item["apiId"] == entity[2] and item["stage"] == entity[3]:
            return item.get("throttle") or {}
    return None


def _stage(api: RestApi | None, name: str) -> StageView | None:
    stage = api.stages.get(name) if api else None
    if api is None or stage is None:
        return None
    canary_id = (stage.settings.get("canarySettings") or {}).get("deploymentId", "")
    canary = api.deployments.get(canary_id)
    return StageView(
        stage.settings,
        api.deployments[stage.deployment_id].snapshot,
        canary.snapshot if canary else None,
    )


def frozen(fact: Fact) -> Fact:
    """A fact that later changes of the state cannot reach (snapshots never change)."""
    if isinstance(fact, StageView):
        return StageView(copy_of(fact.settings), fact.snapshot, fact.canary)
    return copy_of(fact)
