"""The difference between a usage plan and its policy, as patch operations of one UpdateUsagePlan.

Pure. One call for everything, because UpdateUsagePlan is allowed once in 20 s (limits.html).
Paths and values: aws-recorded.md 3; the throttle map as one value: developer guide, usage plans
with the CLI."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from keyward.policy.parts import PlanPolicy, Quota, Throttle, place_of
from keyward.values import JSON, StageRef, frozen

# The part of a usage plan that limits nothing.
NAME = "name"


class Limits(Protocol):
    """A usage plan as the gateway has it; `stages` maps (API id, stage) to throttles of methods."""

    @property
    def throttle(self) -> Throttle | None:
        """The plan's throttle."""

    @property
    def quota(self) -> Quota | None:
        """The plan's quota."""

    @property
    def stages(self) -> Mapping[StageRef, Mapping[str, Throttle]]:
        """The plan's stages."""


@frozen
class Change:
    """One part of a usage plan that is to change (`throttle`, `quota`, `methods`, `stages`,
    `name`), its values in API Gateway's words, and the patch operations for it."""

    part: str
    before: Any
    after: Any
    operations: tuple[JSON, ...]


def additions(current: Limits, wanted: PlanPolicy, added: Sequence[StageRef]) -> list[JSON]:
    """Patch operations that add stages to the plan, with the policy's limits of methods there.
    Nothing else of the plan changes."""
    lacking = [ref for ref in added if ref not in current.stages]
    return [
        *(_replace("/apiStages", f"{api}:{stage}", op="add") for api, stage in lacking),
        *(_method_throttles(ref, wanted.methods) for ref in lacking if wanted.methods),
    ]


def changes(
    current: Limits,
    wanted: PlanPolicy | None,
    covered: Sequence[StageRef],
    leaving: Sequence[StageRef],
) -> list[Change]:
    """List what makes the plan as the policy wants it, in the order of one call: stages that are
    `leaving`, limits of methods on `covered` stages, limits of the plan. `wanted` is None for a
    plan that the policy does not name: its stages leave, its limits stay."""
    found = [_detached(leaving)] if leaving else []
    if wanted is None:
        return found
    methods = {ref: current.stages[ref] for ref in covered}
    other = {ref: limits for ref, limits in methods.items() if dict(limits) != dict(wanted.methods)}
    if other:
        operations = tuple(_method_throttles(ref, wanted.methods) for ref in other)
        former = _limits_json(next(iter(other.values())))
        found.append(Change("methods", former, _limits_json(wanted.methods), operations))
    for part, was, now, operations in (
        ("throttle", current.throttle, wanted.throttle, _throttle(wanted.throttle)),
        ("quota", current.quota, wanted.quota, _quota(wanted.quota)),
    ):
        if was != now:
            before, after = (limits.as_json() if limits else None for limits in (was, now))
            found.append(Change(part, before, after, operations))
    return found


def named(before: str, after: str) -> Change:
    """A name that people gave a plan of ours, and the one that it gets back."""
    return Change(NAME, before, after, (_replace("/name", after),))


def _detached(leaving: Sequence[StageRef]) -> Change:
    before = [{"rest_api_id": api, "stage": stage} for api, stage in leaving]
    removed = (_replace("/apiStages", f"{api}:{stage}", op="remove") for api, stage in leaving)
    return Change("stages", before, [], tuple(removed))


def _limits_json(methods: Mapping[str, Throttle]) -> JSON:
    return {line: limits.as_json() for line, limits in methods.items()}


def _method_throttles(ref: StageRef, methods: Mapping[str, Throttle]) -> JSON:
    path = f"/apiStages/{ref[0]}:{ref[1]}/throttle"
    if not methods:
        return {"op": "remove", "path": path}
    limits = {place_of(line): throttle.as_json() for line, throttle in methods.items()}
    return _replace(path, json.dumps(limits))


def _throttle(wanted: Throttle | None) -> tuple[JSON, ...]:
    """Both fields always: a missing one would be stored as 0."""
    if wanted is None:
        return ({"op": "remove", "path": "/throttle"},)
    return (
        _replace("/throttle/rateLimit", str(wanted.rate_limit)),
        _replace("/throttle/burstLimit", str(wanted.burst_limit)),
    )


def _quota(wanted: Quota | None) -> tuple[JSON, ...]:
    if wanted is None:
        return ({"op": "remove", "path": "/quota"},)
    return tuple(_replace(f"/quota/{name}", str(v)) for name, v in wanted.as_json().items())


def _replace(path: str, value: str, op: str = "replace") -> JSON:
    return {"op": op, "path": path, "value": value}
