"""The difference between a usage plan and its policy, as patch operations of one UpdateUsagePlan.

Pure. One call for everything, because UpdateUsagePlan is allowed once in 20 s (limits.html).
Paths and values: aws-recorded.md 3; the throttle map as one value: developer guide, usage plans
with the CLI."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from keyward.policy.parts import PlanPolicy, Quota, Throttle, place_of
from keyward.values import JSON

StageRef = tuple[str, str]


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


def patch(
    current: Limits, wanted: PlanPolicy, rest_api_id: str, add: Iterable[str] = ()
) -> list[JSON]:
    """What makes the plan as the policy wants it, and adds the API's stages `add` to it. Stages of
    other APIs are left alone, and none is ever removed."""
    return patch_all(current, wanted, [rest_api_id], [(rest_api_id, stage) for stage in add])


def patch_all(
    current: Limits, wanted: PlanPolicy, api_ids: Collection[str], added: Sequence[StageRef]
) -> list[JSON]:
    """The same for several APIs in one call; `added` are stages of theirs."""
    there = {ref: limits for ref, limits in current.stages.items() if ref[0] in api_ids}
    return [
        *(_replace("/apiStages", f"{api}:{stage}", op="add") for api, stage in added),
        *(
            _method_throttles(ref, wanted.methods)
            for ref, limits in {**there, **{ref: {} for ref in added}}.items()
            if dict(limits) != dict(wanted.methods)
        ),
        *_throttle(current.throttle, wanted.throttle),
        *_quota(current.quota, wanted.quota),
    ]


def _method_throttles(ref: StageRef, methods: Mapping[str, Throttle]) -> JSON:
    path = f"/apiStages/{ref[0]}:{ref[1]}/throttle"
    if not methods:
        return {"op": "remove", "path": path}
    limits = {place_of(line): throttle.as_json() for line, throttle in methods.items()}
    return _replace(path, json.dumps(limits))


def _throttle(current: Throttle | None, wanted: Throttle | None) -> list[JSON]:
    """Both fields always: a missing one would be stored as 0."""
    if current == wanted:
        return []
    if wanted is None:
        return [{"op": "remove", "path": "/throttle"}]
    return [
        _replace("/throttle/rateLimit", str(wanted.rate_limit)),
        _replace("/throttle/burstLimit", str(wanted.burst_limit)),
    ]


def _quota(current: Quota | None, wanted: Quota | None) -> list[JSON]:
    if current == wanted:
        return []
    if wanted is None:
        return [{"op": "remove", "path": "/quota"}]
    return [_replace(f"/quota/{name}", str(value)) for name, value in wanted.as_json().items()]


def _replace(path: str, value: str, op: str = "replace") -> JSON:
    return {"op": op, "path": path, "value": value}
