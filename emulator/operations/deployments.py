"""Deployments: snapshots of the working copy (aws-recorded.md 7)."""

from __future__ import annotations

from emulator.context import Context, Handler
from emulator.copies import copy_of
from emulator.errors import bad_request, not_found
from emulator.ids import SHORT
from emulator.model import JSON, Deployment, RestApi, Stage
from emulator.operations import common
from emulator.operations.paging import by, page
from emulator.operations.patching import listed_path_error, patches
from emulator.operations.stages import add_stage, canary_of

BAD_CANARY = "Invalid deployment content specified."
NO_DEPLOYMENT = "Invalid Deployment identifier specified"


def _check_methods(api: RestApi) -> None:
    """Refuse an API that has nothing to deploy, or a method that leads nowhere."""
    methods = [method for item in api.resources.values() for method in item.methods.values()]
    if not methods:
        raise bad_request("The REST API doesn't contain any methods")
    if any("methodIntegration" not in method for method in methods):
        raise bad_request("No integration defined for method")


def _check_canary(api: RestApi, stage_name: str | None) -> None:
    if not stage_name:
        provided = "null" if stage_name is None else stage_name
        raise bad_request(
            f"{BAD_CANARY}Non null and non empty stageName must be provided for canary deployment. "
            f"Provided value is {provided}"
        )
    if stage_name not in api.stages:
        raise bad_request(
            f"{BAD_CANARY}Stage {stage_name} must already be created before making a canary "
            "release deployment"
        )


def create_deployment(context: Context, params: JSON) -> JSON:
    """CreateDeployment: a snapshot; with `stageName` it makes the stage or moves it."""
    api = common.rest_api(context, params["restApiId"])
    _check_methods(api)
    stage_name = params.get("stageName")
    canary = params.get("canarySettings")
    if canary is not None:
        _check_canary(api, stage_name)
    made = Deployment(
        context.ids.new(SHORT, api.deployments),
        context.now(),
        api.freeze(),
        params.get("description") or None,
    )
    if stage_name and stage_name in api.stages:
        _move(context, api.stages[stage_name], made.id, params)
    elif stage_name:
        wanted = common.given(
            params, "cacheClusterEnabled", "cacheClusterSize", "variables", "tracingEnabled"
        )
        if params.get("stageDescription"):
            wanted["description"] = params["stageDescription"]
        add_stage(context, api, stage_name, made.id, wanted)
    api.deployments[made.id] = made
    return _shown(made)


def _move(context: Context, stage: Stage, deployment_id: str, params: JSON) -> None:
    """An existing stage keeps its settings; a canary deployment leaves its main one in place."""
    settings = copy_of(stage.settings)
    if params.get("canarySettings") is not None:
        settings["canarySettings"] = canary_of(params["canarySettings"], deployment_id)
    else:
        settings["deploymentId"] = deployment_id
        settings |= common.given(
            params, "cacheClusterEnabled", "cacheClusterSize", "variables", "tracingEnabled"
        )
    if params.get("stageDescription"):
        settings["description"] = params["stageDescription"]
    settings["lastUpdatedDate"] = context.now()
    stage.settings = settings


def _shown(deployment: Deployment) -> JSON:
    shown: JSON = {"id": deployment.id, "createdDate": deployment.created}
    return shown | ({"description": deployment.description} if deployment.description else {})


def summary(deployment: Deployment) -> JSON:
    """`apiSummary`: each method as it was deployed (botocore model: MethodSnapshot)."""
    return {
        path: {
            verb: {
                "authorizationType": method["authorizationType"],
                "apiKeyRequired": method["apiKeyRequired"],
            }
            for verb, method in methods.items()
        }
        for path, methods in deployment.snapshot.paths.items()
    }


def _deployment(context: Context, params: JSON) -> Deployment:
    api = common.rest_api(context, params["restApiId"])
    found = api.deployments.get(params["deploymentId"])
    if found is None:
        raise not_found(NO_DEPLOYMENT)
    return found


def get_deployment(context: Context, params: JSON) -> JSON:
    """GetDeployment; the summary only when `embed` asks for it."""
    found = _deployment(context, params)
    embedded = "apisummary" in [item.lower() for item in params.get("embed") or []]
    return _shown(found) | ({"apiSummary": summary(found)} if embedded else {})


def get_deployments(context: Context, params: JSON) -> JSON:
    """GetDeployments."""
    api = common.rest_api(context, params["restApiId"])
    return page(api.deployments.values(), params, by("id", lambda made: made.id), _shown)


def update_deployment(context: Context, params: JSON) -> JSON:
    """UpdateDeployment: its description."""
    found = _deployment(context, params)
    description = found.description
    for patch in patches(params):
        if (patch.op, patch.path) != ("replace", "/description"):
            raise listed_path_error(patch, {"replace": ("/description",)})
        description = patch.text or None
    found.description = description
    return _shown(found)


def delete_deployment(context: Context, params: JSON) -> JSON:
    """DeleteDeployment: refused while a stage or a canary serves it."""
    found = _deployment(context, params)
    api = common.rest_api(context, params["restApiId"])
    for stage in api.stages.values():
        canary = stage.settings.get("canarySettings") or {}
        if found.id in (stage.deployment_id, canary.get("deploymentId")):
            raise bad_request("Active stages pointing to this deployment must be moved or deleted")
    del api.deployments[found.id]
    return {}


HANDLERS: dict[str, Handler] = {
    "CreateDeployment": create_deployment,
    "GetDeployment": get_deployment,
    "GetDeployments": get_deployments,
    "UpdateDeployment": update_deployment,
    "DeleteDeployment": delete_deployment,
}
