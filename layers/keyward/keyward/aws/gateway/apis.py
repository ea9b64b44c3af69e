"""REST APIs: what their stages serve, their working copy, and the writes that protect them."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from keyward.aws.gateway.calls import Calls
from keyward.errors import (
    ApiNotFoundError,
    GatewayRefusedError,
    GatewayUnavailableError,
    NotFoundError,
)
from keyward.policy.parts import Throttle
from keyward.values import JSON

# The model is imported where an API is read: functions of customers have this adapter as well.
if TYPE_CHECKING:
    from keyward.apis.model import DeployedMethod, StageSnapshot, WorkingMethod


class ApiCalls(Calls):
    """Read an API as it is deployed and as it is edited; require keys; deploy; point stages."""

    def api(self, rest_api_id: str) -> JSON:
        """GetRestApi: `name`, `tags`, `apiKeySource` and more. Raises ApiNotFoundError."""
        try:
            return self._call("GetRestApi", restApiId=rest_api_id)
        except NotFoundError:
            raise ApiNotFoundError(
                f"rest_api_id: this account and Region have no REST API {rest_api_id}"
            ) from None

    def apis(self) -> list[JSON]:
        """GetRestApis: what `api` tells, of all of them, 500 a call."""
        return self._pages("GetRestApis")

    def stages(self, rest_api_id: str) -> list[StageSnapshot]:
        """GetStages, without the methods that the stages serve."""
        # GetStages has no pages, and answers with `item` (botocore model; aws-recorded.md 7).
        items = self._call("GetStages", restApiId=rest_api_id).get("item", [])
        return [_stage(item) for item in items]

    def stage(self, rest_api_id: str, name: str) -> StageSnapshot:
        """GetStage, without the methods that it serves. Raises NotFoundError."""
        return _stage(self._call("GetStage", restApiId=rest_api_id, stageName=name))

    def deployed(self, rest_api_id: str, deployment_id: str) -> tuple[DeployedMethod, ...]:
        """What a deployment serves: GetDeployment with its apisummary, one call for any number of
        methods. Raises NotFoundError."""
        from keyward.apis.model import DeployedMethod

        answer = self._call(
            "GetDeployment", restApiId=rest_api_id, deploymentId=deployment_id, embed=["apisummary"]
        )
        return tuple(
            DeployedMethod(
                path,
                verb,
                str(method.get("authorizationType") or "NONE"),
                bool(method.get("apiKeyRequired")),
            )
            for path, methods in sorted((answer.get("apiSummary") or {}).items())
            for verb, method in sorted(methods.items())
        )

    def working_copy(self, rest_api_id: str) -> tuple[WorkingMethod, ...]:
        """GetResources with the methods embedded: one call for up to 500 resources."""
        from keyward.apis.model import WorkingMethod

        resources = self._pages("GetResources", restApiId=rest_api_id, embed=["methods"])
        return tuple(
            WorkingMethod(str(resource["id"]), str(resource["path"]), verb, method)
            for resource in resources
            for verb, method in sorted((resource.get("resourceMethods") or {}).items())
        )

    def authorizers(self, rest_api_id: str) -> dict[str, str]:
        """GetAuthorizers: the names of an API's authorizers, by id."""
        items = self._pages("GetAuthorizers", restApiId=rest_api_id)
        return {str(item["id"]): str(item["name"]) for item in items}

    def export(self, rest_api_id: str, stage: str) -> JSON:
        """The OpenAPI 3 document of what a stage serves, extensions included. Raises
        GatewayRefusedError when API Gateway cannot write one ("JSON body models are not found"), or
        one that can be read."""
        answer = self._call(
            "GetExport",
            restApiId=rest_api_id,
            stageName=stage,
            exportType="oas30",
            parameters={"extensions": "apigateway"},
            accepts="application/json",
        )
        try:
            document: JSON = json.loads(self._client.read("GetExport", answer["body"]))
        except RecursionError:
            raise GatewayRefusedError("GetExport: a document nested too deep to read") from None
        except ValueError as error:
            raise GatewayUnavailableError(f"GetExport: {type(error).__name__}") from None
        return document

    def require_key(
        self, rest_api_id: str, resource_id: str, verb: str, required: bool = True
    ) -> bool:
        """UpdateMethod: the next deployment asks for a key, or for none. Returns what the answer
        says: anything but "true" is taken as false without an error (aws-recorded.md 6). Raises
        NotFoundError."""
        answer = self._call(
            "UpdateMethod",
            restApiId=rest_api_id,
            resourceId=resource_id,
            httpMethod=verb,
            patchOperations=[
                {"op": "replace", "path": "/apiKeyRequired", "value": str(required).lower()}
            ],
        )
        return answer.get("apiKeyRequired") is True

    def deploy(self, rest_api_id: str, description: str) -> str:
        """CreateDeployment of the working copy, without a stage: the id. There is no client token,
        so a doubtful call is looked up by its description. Raises DeploymentThrottledError."""
        # A `stageName` would move the stage at once (aws-recorded.md 7): what it is to serve has
        # to be noted first.
        answer = self._call("CreateDeployment", restApiId=rest_api_id, description=description)
        return str(answer["id"])

    def deployment_described(self, rest_api_id: str, description: str) -> str | None:
        """The id of the deployment with this description, None without one."""
        for item in self._pages("GetDeployments", restApiId=rest_api_id):
            if item.get("description") == description:
                return str(item["id"])
        return None

    def delete_deployment(self, rest_api_id: str, deployment_id: str) -> None:
        """DeleteDeployment. Idempotent. API Gateway refuses it while a stage serves the deployment
        (aws-recorded.md 7)."""
        with suppress(NotFoundError):
            self._call("DeleteDeployment", restApiId=rest_api_id, deploymentId=deployment_id)

    def point_stage(self, rest_api_id: str, stage: str, deployment_id: str) -> str:
        """UpdateStage: returns the deployment that the stage serves now, by the answer. Nothing
        else of the stage changes. `op` may be add, remove, replace or copy (AWS CLI reference,
        update-stage), so there is no condition: a stage that somebody moved just before is not
        noticed."""
        answer = self._call(
            "UpdateStage",
            restApiId=rest_api_id,
            stageName=stage,
            patchOperations=[{"op": "replace", "path": "/deploymentId", "value": deployment_id}],
        )
        return str(answer.get("deploymentId"))


def _stage(item: JSON) -> StageSnapshot:
    from keyward.apis.model import Canary, StageSnapshot

    canary = item.get("canarySettings") or {}
    percent = float(canary.get("percentTraffic") or 0.0)
    log = item.get("accessLogSettings") or {}
    # A promoted canary stays behind with 0 percent (aws-recorded.md 7).
    in_flight = bool(canary.get("deploymentId")) and percent > 0
    return StageSnapshot(
        name=str(item["stageName"]),
        deployment_id=str(item.get("deploymentId") or ""),
        canary=Canary(str(canary["deploymentId"]), percent) if in_flight else None,
        log_arn=str(log.get("destinationArn") or ""),
        log_format=str(log.get("format") or ""),
        created_at=_epoch(item.get("createdDate")),
        changed_at=_epoch(item.get("lastUpdatedDate")),
        throttles=_throttles(item.get("methodSettings") or {}),
        web_acl=bool(item.get("webAclArn")),
    )


def _epoch(when: Any) -> float:
    return float(when.timestamp()) if when else 0.0


def _throttles(settings: JSON) -> dict[str, Throttle]:
    """Those that state both limits; the path of a setting is escaped, `~1pets/GET`."""
    return {
        name.replace("~1", "/").strip("/"): Throttle(
            float(item["throttlingRateLimit"]), int(item["throttlingBurstLimit"])
        )
        for name, item in settings.items()
        if {"throttlingRateLimit", "throttlingBurstLimit"} <= set(item)
    }
