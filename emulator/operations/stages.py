"""Stages (aws-recorded.md 7; localstack snapshots, TestStages and TestStageCrudCanary)."""

from __future__ import annotations

import re

from emulator.context import Context, Handler
from emulator.copies import copy_of
from emulator.errors import bad_request, conflict
from emulator.model import JSON, RestApi, Stage
from emulator.operations import common
from emulator.operations.plans import forget_stage

NO_DEPLOYMENT = "Deployment id does not exist"
STAGE_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")


def canary_of(wanted: JSON, deployment_id: str) -> JSON:
    """Canary settings with their defaults."""
    made: JSON = {
        "deploymentId": wanted.get("deploymentId") or deployment_id,
        "percentTraffic": float(wanted.get("percentTraffic") or 0.0),
        "useStageCache": bool(wanted.get("useStageCache", False)),
    }
    return made | common.given(wanted, "stageVariableOverrides")


def add_stage(context: Context, api: RestApi, name: str, deployment_id: str, wanted: JSON) -> Stage:
    """Make a stage; the caller has checked the deployment.

    Raises:
        ApiGatewayError: bad name, stage already there, or one too many.
    """
    if not STAGE_NAME.fullmatch(name):
        raise bad_request("Stage name only allows a-zA-Z0-9_-")
    if name in api.stages:
        raise conflict("Stage already exists")
    common.check_tags(wanted.get("tags"))
    common.check_limit(len(api.stages), common.MAX_STAGES, "Stages for this API")
    now = context.now()
    cached = bool(wanted.get("cacheClusterEnabled"))
    settings: JSON = {
        "deploymentId": deployment_id,
        "stageName": name,
        "cacheClusterEnabled": cached,
        "cacheClusterStatus": "AVAILABLE" if cached else "NOT_AVAILABLE",
        "methodSettings": {},
        "tracingEnabled": bool(wanted.get("tracingEnabled")),
        "createdDate": now,
        "lastUpdatedDate": now,
    }
    names = ("description", "cacheClusterSize", "variables", "documentationVersion", "tags")
    settings |= common.given(wanted, *names)
    if wanted.get("canarySettings") is not None:
        settings["canarySettings"] = canary_of(wanted["canarySettings"], deployment_id)
    made = Stage(name, settings)
    api.stages[name] = made
    return made


def create_stage(context: Context, params: JSON) -> JSON:
    """CreateStage."""
    api = common.rest_api(context, params["restApiId"])
    canary_id = (params.get("canarySettings") or {}).get("deploymentId")
    for deployment_id in (params["deploymentId"], canary_id):
        if deployment_id and deployment_id not in api.deployments:
            raise bad_request(NO_DEPLOYMENT)
    made = add_stage(context, api, params["stageName"], params["deploymentId"], params)
    return common.untagged_in_lists(made.settings)


def get_stage(context: Context, params: JSON) -> JSON:
    """GetStage."""
    return common.untagged_in_lists(common.stage(context, params).settings)


def get_stages(context: Context, params: JSON) -> JSON:
    """GetStages, of a deployment when `deploymentId` is given; `item`, not `items` (recorded)."""
    api = common.rest_api(context, params["restApiId"])
    wanted = params.get("deploymentId")
    stages = [stage for stage in api.stages.values() if wanted in (None, stage.deployment_id)]
    return {"item": [common.untagged_in_lists(copy_of(stage.settings)) for stage in stages]}


def delete_stage(context: Context, params: JSON) -> JSON:
    """DeleteStage: it leaves every plan (aws-recorded.md 3)."""
    stage = common.stage(context, params)
    del common.rest_api(context, params["restApiId"]).stages[stage.name]
    forget_stage(context, params["restApiId"], stage.name)
    return {}


def flush_cache(context: Context, params: JSON) -> JSON:
    """FlushStageCache and FlushStageAuthorizersCache: nothing is cached here."""
    common.stage(context, params)
    return {}


HANDLERS: dict[str, Handler] = {
    "CreateStage": create_stage,
    "GetStage": get_stage,
    "GetStages": get_stages,
    "DeleteStage": delete_stage,
    "FlushStageCache": flush_cache,
    "FlushStageAuthorizersCache": flush_cache,
}
