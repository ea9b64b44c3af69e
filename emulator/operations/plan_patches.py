"""UpdateUsagePlan: every path of it, all or nothing (aws-recorded.md 3)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from emulator.context import Context, Handler
from emulator.copies import copy_of
from emulator.errors import ApiGatewayError, bad_request, conflict, not_found
from emulator.model import JSON, UsagePlan
from emulator.operations import common
from emulator.operations.patching import Patch, listed_path_error, patches, unescape
from emulator.operations.plan_keys import collision
from emulator.operations.plans import (
    BAD_THROTTLE,
    check_quota,
    check_stage,
    check_throttle,
    method_throttles,
    whole_throttle,
)

LEAVES = {
    "/throttle/rateLimit": ("throttle", "rateLimit"),
    "/throttle/burstLimit": ("throttle", "burstLimit"),
    "/quota/limit": ("quota", "limit"),
    "/quota/offset": ("quota", "offset"),
    "/quota/period": ("quota", "period"),
}
METHOD = "/apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>"
# the list of remove, with its "apidId", was quoted from AWS (boto3#2629); the others are inferred
PATHS = {
    "remove": (
        "/apiStages",
        "/quota",
        "/throttle",
        "/productCode",
        METHOD,
        "/apiStages/<apidId:stageName>/throttle",
    ),
    "add": ("/apiStages", "/productCode", *LEAVES),
    "replace": (
        "/name",
        "/description",
        "/productCode",
        *LEAVES,
        f"{METHOD}/rateLimit",
        f"{METHOD}/burstLimit",
        "/apiStages/<apidId:stageName>/throttle",
    ),
}
FINE_GRAINED = (
    "Can not remove usage plan throttling if fine grain throttling is defined "
    "for one or more api-stages."
)


@dataclass(frozen=True)
class Change:
    """One patch on its way into a copy of the plan's settings."""

    context: Context
    plan: UsagePlan
    settings: JSON
    patch: Patch

    def bad_path(self) -> ApiGatewayError:
        """The refusal of a path."""
        return listed_path_error(self.patch, PATHS)

    def api_stage(self, name: str) -> JSON:
        """The plan's entry for `api:stage`."""
        api_id, colon, stage = name.partition(":")
        if not (api_id and colon and stage):
            raise bad_request("Invalid API Stage specified")
        for item in self.settings["apiStages"]:
            if (item["apiId"], item["stage"]) == (api_id, stage):
                found: JSON = item
                return found
        raise not_found(
            f"Invalid API Stage {{api: {api_id}, stage: {stage}}} "
            f"specified for usageplan {self.plan.id}"
        )


def update_usage_plan(context: Context, params: JSON) -> JSON:
    """UpdateUsagePlan."""
    plan = common.plan(context, params["usagePlanId"])
    settings = copy_of(plan.settings)
    for patch in patches(params):
        _apply(Change(context, plan, settings, patch))
    check_throttle(settings.get("throttle"))
    check_quota(settings.get("quota"))
    plan.settings = settings
    return common.always_tagged(settings)


def _apply(change: Change) -> None:
    patch = change.patch
    if patch.path.startswith("/apiStages/"):
        _change_method_throttle(change)
    elif patch.op == "remove":
        _remove(change)
    elif patch.op not in PATHS or patch.path not in PATHS[patch.op]:
        raise change.bad_path()
    elif patch.path == "/apiStages":
        _add_stage(change)
    elif patch.path in LEAVES:
        _set_leaf(change.settings, patch)
    else:
        _set_text(change.settings, patch)


def _set_text(settings: JSON, patch: Patch) -> None:
    name = patch.path[1:]
    if patch.text:
        settings[name] = patch.text
    elif name == "name":
        raise bad_request("Usage Plan name cannot be an empty string")
    else:
        settings.pop(name, None)


def _set_leaf(settings: JSON, patch: Patch) -> None:
    """A leaf makes its object where there was none (recorded)."""
    group, leaf = LEAVES[patch.path]
    if group == "throttle":
        limits = settings.setdefault("throttle", {"burstLimit": 0, "rateLimit": 0.0})
        limits[leaf] = _limit(leaf, patch)
        return
    quota = settings.setdefault("quota", {"offset": 0})
    if leaf == "period":
        quota["period"] = patch.text
    else:
        error = bad_request(f"Usage Plan quota {leaf} must be a non-negative numeric")
        quota[leaf] = int(common.number(patch.value, error))


def _limit(leaf: str, patch: Patch) -> float:
    value = common.number(patch.value, bad_request(BAD_THROTTLE))
    if value < 0:
        raise bad_request(BAD_THROTTLE)
    return int(value) if leaf == "burstLimit" else value


def _remove(change: Change) -> None:
    settings, path = change.settings, change.patch.path
    if path == "/apiStages":
        settings["apiStages"].remove(change.api_stage(change.patch.text))
    elif path == "/throttle":
        if any(item.get("throttle") for item in settings["apiStages"]):
            raise bad_request(FINE_GRAINED)
        settings.pop("throttle", None)
    elif path in ("/quota", "/productCode"):
        settings.pop(path[1:], None)
    else:
        raise change.bad_path()


def _add_stage(change: Change) -> None:
    """Add a stage. API Gateway accepts a stage that the plan has already (not recorded)."""
    api_id, colon, stage = change.patch.text.partition(":")
    if not (api_id and colon and stage):
        raise bad_request("Invalid API Stage specified")
    check_stage(change.context, api_id, stage)
    if any((i["apiId"], i["stage"]) == (api_id, stage) for i in change.settings["apiStages"]):
        return
    for other in change.context.state.plans.values():
        if other is not change.plan and other.covers(api_id, stage):
            for key_id in change.plan.key_ids:
                if key_id in other.key_ids:
                    # a slash here, a colon where a key is attached: recorded
                    raise conflict(collision(change.plan.id, key_id, f"{api_id}/{stage}"))
    change.settings["apiStages"].append({"apiId": api_id, "stage": stage})


def _change_method_throttle(change: Change) -> None:
    """`/apiStages/<api>:<stage>/throttle[/<resourcePath>/<httpMethod>[/rateLimit|/burstLimit]]`."""
    name, *rest = change.patch.path.removeprefix("/apiStages/").split("/")
    if not rest or rest[0] != "throttle":
        raise change.bad_path()
    stage = change.api_stage(unescape(name))
    throttles = stage.get("throttle") or {}
    steps = rest[1:]
    if change.patch.op == "remove":
        throttles = _without(throttles, steps)
    elif change.patch.op == "replace" and not steps:
        throttles = _read_map(change.patch)
    elif change.patch.op == "replace" and steps[-1] in ("rateLimit", "burstLimit"):
        limits = throttles.setdefault(_method_key(steps[:-1]), {})
        limits[steps[-1]] = _limit(steps[-1], change.patch)
    else:
        raise change.bad_path()
    _store(stage, throttles)


def _store(stage: JSON, throttles: JSON) -> None:
    stage.pop("throttle", None)
    if throttles:
        stage["throttle"] = method_throttles(throttles)


def _without(throttles: JSON, steps: list[str]) -> JSON:
    gone = _method_key(steps) if steps else None
    return {key: limits for key, limits in throttles.items() if gone and key != gone}


def _method_key(steps: list[str]) -> str:
    """`probe/GET`, `~1probe/GET` and `/probe/GET` all mean the key `/probe/GET`."""
    *path, verb = steps
    joined = "/".join(unescape(step) for step in path)
    return f"/{joined.lstrip('/')}/{verb}"


def _read_map(patch: Patch) -> JSON:
    """The whole map as JSON text (developer guide, usage plans)."""
    try:
        document = json.loads(patch.text)
        return {path: whole_throttle(limits) for path, limits in document.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise bad_request("Invalid throttle settings specified") from error


HANDLERS: dict[str, Handler] = {"UpdateUsagePlan": update_usage_plan}
