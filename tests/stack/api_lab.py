"""APIs of teams that own them: they import, edit and deploy; their callers ask."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from emulator.tests.openapi_lab import document
from keyward.values import JSON
from tests.stack.stack_lab import EFFECT_SECONDS, Stack, eventually

# The policy of these tests exempts OPTIONS and GET /health.
PETS: JSON = {"/pets": {"get": None, "options": None}, "/health": {"get": None}}
CLOSED: JSON = {"/pets": {"get": ["api_key"], "options": None}, "/health": {"get": None}}
# The budget of docs/costs.md for an exposed stage, the second look included.
READS_TO_CLOSE = 11


@dataclass(frozen=True)
class Api:
    """One API on the gateway."""

    stack: Stack
    id: str

    def tag(self, mode: str) -> None:
        """Say how Keyward is to treat it."""
        arn = f"arn:aws:apigateway:{self.stack.aws.region}::/restapis/{self.id}"
        self.stack.gateway.tag_resource(resourceArn=arn, tags={"keyward": mode})

    def edit(self, paths: JSON, mode: str = "merge") -> None:
        """Edit the working copy; paths as openapi_lab.document takes them."""
        body = json.dumps(document(paths)).encode()
        self.stack.gateway.put_rest_api(restApiId=self.id, mode=mode, body=body)

    def deploy(self, stage: str = "prod", **more: Any) -> str:
        """Deploy the working copy: the id of the deployment."""
        made = self.stack.gateway.create_deployment(restApiId=self.id, stageName=stage, **more)
        return str(made["id"])

    def stage(self, name: str = "prod") -> JSON:
        """A stage as the gateway tells it, without what a deployment changes."""
        found: JSON = self.stack.gateway.get_stage(restApiId=self.id, stageName=name)
        changing = ("deploymentId", "lastUpdatedDate", "ResponseMetadata")
        return {key: item for key, item in found.items() if key not in changing}

    def deployment(self, stage: str = "prod") -> str:
        """The id of the deployment that a stage serves."""
        found = self.stack.gateway.get_stage(restApiId=self.id, stageName=stage)
        return str(found["deploymentId"])

    def live(self, stage: str = "prod") -> dict[str, bool]:
        """What a stage asks a key for, by "GET /pets"."""
        summary = self.stack.gateway.get_deployment(
            restApiId=self.id, deploymentId=self.deployment(stage), embed=["apisummary"]
        )["apiSummary"]
        return {
            f"{verb} {path}": method["apiKeyRequired"]
            for path, methods in summary.items()
            for verb, method in methods.items()
        }

    def ask(self, line: str, key: str | None = None, stage: str = "prod") -> int:
        """The status of a request like "GET /pets", with the value of a key or without one."""
        verb, path = line.split()
        parts = urlsplit(self.stack.aws.urls.stage(self.id, stage) + path)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
        try:
            connection.request(verb, parts.path, headers={"x-api-key": key} if key else {})
            return connection.getresponse().status
        finally:
            connection.close()

    def await_told(self, *types: str, seconds: float = EFFECT_SECONDS) -> list[JSON]:
        """The details of all that was announced of this API, once it is of just these types."""

        def look() -> bool:
            return len(self.stack.event_types(rest_api_id=self.id)) >= len(types)

        eventually(look, seconds, f"{types} of {self.id}")
        assert self.stack.event_types(rest_api_id=self.id) == list(types)
        return self.stack.outcomes(rest_api_id=self.id)

    def arns(self) -> list[str]:
        """The runs that events started for it."""
        return self.stack.run_arns(self.id)

    def executions_ended(self, number: int) -> list[JSON]:
        """As many runs that events started for it, once all have ended."""
        arns = eventually(lambda: len(self.arns()) >= number and self.arns(), what=f"{number} runs")
        return [self.stack.ended(arn) for arn in arns or []]

    def writes(self, since: int = 0) -> list[str]:
        """Keyward's writes on this API, by operation; those on usage plans with its stages too."""
        return [
            call["operation"]
            for call in self.stack.aws.calls()[since:]
            if call["caller"]
            and not call["operation"].startswith("Get")
            and self.id in json.dumps(call["params"])
        ]


def new_api(stack: Stack, paths: JSON = PETS, mode: str | None = "enforce") -> Api:
    """An API, imported and tagged, with no stage yet."""
    body = json.dumps(document(paths)).encode()
    api = Api(stack, str(stack.gateway.import_rest_api(body=body)["id"]))
    if mode:
        api.tag(mode)
    return api


def protected_api(stack: Stack, paths: JSON = PETS) -> Api:
    """An API that was deployed open on prod and that Keyward has closed."""
    api = new_api(stack, paths)
    api.deploy()
    api.await_told("ApiProtected")
    return api
