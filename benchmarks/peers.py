"""What others call for the same job, on the same emulator: one worker that waits as its SDK does
and never gives up. docs/performance.md says where their calls are from."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from benchmarks.custodian import run
from benchmarks.desk import WHOLE, Row, row
from benchmarks.ground import CALL_SECONDS, STAGE, Ground, paths
from benchmarks.load import at_once
from emulator.errors import ApiGatewayError
from keyward.values import JSON
from local.lifetime.documents import document

# botocore's standard mode waits a random part of 2**attempt seconds, 20 at most.
MAX_BACKOFF, REFUSED = 20.0, 429
PAGE = 25
ASK_FOR_KEY = {"op": "replace", "path": "/apiKeyRequired", "value": "true"}
LOOP, HMRC, TERRAFORM, PORTAL = "boto3 loop", "HMRC", "Terraform", "developer portal"
CUSTODIAN = "Cloud Custodian"


class Sdk:
    """A client of API Gateway in a program that runs alone."""

    def __init__(self, ground: Ground) -> None:
        self._emulator, self._clock = ground.emulator, ground.clock
        self._chance = random.Random(1)

    def call(self, operation: str, **params: Any) -> JSON:
        """Call until the quotas let it through."""
        attempt = 0
        while True:
            self._clock.advance(CALL_SECONDS)
            try:
                return self._emulator.call(operation, params)
            except ApiGatewayError as error:
                if error.status != REFUSED:
                    raise
            self._clock.advance(self._chance.random() * min(2.0**attempt, MAX_BACKOFF))
            attempt += 1

    def pages(self, operation: str, **params: Any) -> Iterator[JSON]:
        """The items of a list, page by page."""
        position: JSON = {}
        while True:
            page = self.call(operation, **params, **position)
            yield from page.get("items", [])
            if not page.get("position"):
                return
            position = {"position": page["position"]}


def signs_up_by_loop(sdk: Sdk, plan: str, name: str) -> None:
    """Sign up in ten lines of boto3."""
    attach(sdk, plan, sdk.call("CreateApiKey", name=name, enabled=True)["id"])


def signs_up_as_hmrc(sdk: Sdk, plan: str, name: str) -> None:
    """Sign up as hmrc/api-platform does, which looks a key up by its name first."""
    sdk.call("GetApiKeys", nameQuery=name)
    signs_up_by_loop(sdk, plan, name)


def signs_up_by_terraform(sdk: Sdk, plan: str, name: str) -> None:
    """Sign up by aws_api_gateway_api_key and _usage_plan_key, which read what they made."""
    key = sdk.call("CreateApiKey", name=name, enabled=True)["id"]
    sdk.call("GetApiKey", apiKey=key, includeValue=True)
    attach(sdk, plan, key)
    sdk.call("GetUsagePlanKey", usagePlanId=plan, keyId=key)


def signs_up_by_portal(sdk: Sdk, plan: str, name: str) -> None:
    """Sign up in awslabs' developer portal: the registration, then the subscription."""
    sdk.call("GetApiKeys", limit=1, includeValues=True, customerId=name)
    key = sdk.call("CreateApiKey", name=name, customerId=name, enabled=True)["id"]
    sdk.call("GetApiKeys", limit=1, includeValues=True, customerId=name)
    attach(sdk, plan, key)


def attach(sdk: Sdk, plan: str, key: str) -> None:
    """Put a key into a usage plan."""
    sdk.call("CreateUsagePlanKey", usagePlanId=plan, keyId=key, keyType="API_KEY")


SIGN_UPS = {
    LOOP: signs_up_by_loop,
    HMRC: signs_up_as_hmrc,
    TERRAFORM: signs_up_by_terraform,
    PORTAL: signs_up_by_portal,
}


def closes_by_loop(sdk: Sdk, plan: str, api_id: str, body: bytes) -> None:
    """Patch the open methods and deploy them, with whatever else lies in the working copy."""
    sdk.call("GetRestApis", limit=500)
    for resource in [*sdk.pages("GetResources", restApiId=api_id, limit=PAGE, embed=["methods"])]:
        for method in methods_of(api_id, resource):
            sdk.call("UpdateMethod", **method, patchOperations=[ASK_FOR_KEY])
    sdk.call("CreateDeployment", restApiId=api_id, stageName=STAGE)


def closes_as_hmrc(sdk: Sdk, plan: str, api_id: str, body: bytes) -> None:
    """Replace the API by the team's own document, deploy it, join the usage plan."""
    sdk.call("GetRestApis", limit=500)
    sdk.call("PutRestApi", restApiId=api_id, mode="overwrite", body=body)
    serve(sdk, api_id, sdk.call("CreateDeployment", restApiId=api_id)["id"])
    sdk.call("GetUsagePlan", usagePlanId=plan)
    stage = {"op": "add", "path": "/apiStages", "value": f"{api_id}:{STAGE}"}
    sdk.call("UpdateUsagePlan", usagePlanId=plan, patchOperations=[stage])


def closes_by_terraform(sdk: Sdk, plan: str, api_id: str, body: bytes) -> None:
    """Read every resource in its state, then write and read each method, then deploy."""
    stage = {"restApiId": api_id, "stageName": STAGE}
    sdk.call("GetRestApi", restApiId=api_id)
    before = sdk.call("GetStage", **stage)["deploymentId"]
    sdk.call("GetDeployment", restApiId=api_id, deploymentId=before)
    wanted = {"restApiId": api_id, "limit": 500, "embed": ["methods"]}
    for resource in sdk.call("GetResources", **wanted)["items"]:
        methods = methods_of(api_id, resource)
        if methods:
            sdk.call("GetResource", restApiId=api_id, resourceId=resource["id"])
        for method in methods:
            refresh_and_close(sdk, method)
    deployment = sdk.call("CreateDeployment", restApiId=api_id)["id"]
    sdk.call("GetDeployment", restApiId=api_id, deploymentId=deployment)
    serve(sdk, api_id, deployment)


def refresh_and_close(sdk: Sdk, method: JSON) -> None:
    """What Terraform calls for a method with its integration and response."""
    sdk.call("GetMethod", **method)
    sdk.call("GetIntegration", **method)
    sdk.call("GetMethodResponse", **method, statusCode="200")
    sdk.call("UpdateMethod", **method, patchOperations=[ASK_FOR_KEY])
    sdk.call("GetMethod", **method)


def methods_of(api_id: str, resource: JSON) -> list[JSON]:
    """The methods of a resource, as calls name them."""
    place = {"restApiId": api_id, "resourceId": resource["id"]}
    return [place | {"httpMethod": verb} for verb in resource.get("resourceMethods", {})]


def serve(sdk: Sdk, api_id: str, deployment: str) -> None:
    """Have the stage serve a deployment."""
    change = {"op": "replace", "path": "/deploymentId", "value": deployment}
    sdk.call("UpdateStage", restApiId=api_id, stageName=STAGE, patchOperations=[change])


CLOSINGS = {LOOP: closes_by_loop, HMRC: closes_as_hmrc, TERRAFORM: closes_by_terraform}


def sign_ups(number: int, portal: int) -> Iterator[Row]:
    """So many customers at once, by each peer. More than `portal` of them are not measured by the
    developer portal's way: the emulator reads all keys at each of its look-ups."""
    for who, sign_up in SIGN_UPS.items():
        if who == PORTAL and number > portal:
            continue
        ground = Ground()
        plan, sdk = ground.plan(), Sdk(ground)
        names = [f"customer-{position:05d}" for position in range(number)]
        work = partial(for_each, partial(sign_up, sdk, plan), names)
        yield measured(who, at_once(number), number, ground, work)


def for_each(sign_up: Callable[[str], None], names: list[str]) -> None:
    """One after the other."""
    for name in names:
        sign_up(name)


def closings(methods: int) -> Iterator[Row]:
    """An API of so many open methods, live, by each peer."""
    for who, close in CLOSINGS.items():
        ground = Ground()
        plan, api_id = ground.plan(), ground.api(methods)
        body = json.dumps(document(paths(methods, ["api_key"]))).encode()
        job = f"API of {methods} methods, exposed"
        work = partial(close, Sdk(ground), plan, api_id, body)
        yield measured(who, job, methods, ground, work)


def custodian(job: str, title: str, size: int) -> Row:
    """A job by Cloud Custodian. Raises UnavailableError where it cannot be had."""
    told = run(job, size)
    return row(CUSTODIAN, title, size, WHOLE, told["calls"], 0, told["seconds"])


def measured(who: str, job: str, size: int, ground: Ground, work: Callable[[], None]) -> Row:
    """What the work costs."""
    began = ground.begin()
    work()
    return row(who, job, size, WHOLE, ground.emulator.ledger, 0, ground.clock.now() - began)
