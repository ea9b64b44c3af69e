"""APIs to read on a bench, with the rule that holds for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from emulator.tests.openapi_lab import document
from keyward.apis.head import Head
from keyward.apis.model import DeployedMethod
from keyward.apis.rule import KeyRule
from keyward.policy.model import Policy
from keyward.policy.parse import default_text, parse
from keyward.runs.apis.read import read_head
from keyward.values import JSON
from tests.support import Bench

TITLE: JSON = {"title": "shop", "version": "1"}
PETS: JSON = {"/pets": {"get": None, "options": None}}
KEYED: JSON = {"/pets": {"get": ["api_key"], "options": None}}
# What a stage serves of GET /pets of PETS.
GET = DeployedMethod("/pets", "GET", "NONE", False)


@dataclass
class ReadLab:
    """One account."""

    bench: Bench

    def api(self, paths: JSON = PETS, *stages: str, mode: str | None = None) -> str:
        """An API, deployed on its stages; paths as openapi_lab.document takes."""
        body = json.dumps(document(paths, info=TITLE)).encode()
        made = str(self.bench.client.import_rest_api(body=body)["id"])
        if mode:
            self.tag(made, mode)
        for stage in stages or ("prod",):
            self.deploy(made, stage)
        return made

    def tag(self, api: str, mode: str) -> None:
        arn = f"arn:aws:apigateway:us-east-1::/restapis/{api}"
        self.bench.client.tag_resource(resourceArn=arn, tags={"keyward": mode})

    def deploy(self, api: str, stage: str = "prod") -> str:
        made = self.bench.client.create_deployment(restApiId=api, stageName=stage)
        return str(made["id"])

    def edit(self, api: str, paths: JSON) -> None:
        """The team edits its working copy."""
        body = json.dumps(document(paths, info=TITLE)).encode()
        self.bench.client.put_rest_api(restApiId=api, mode="overwrite", body=body)

    def require(self, api: str, path: str = "/pets", verb: str = "GET") -> None:
        """The working copy asks for a key."""
        gateway = self.bench.gateway
        [method] = [m for m in gateway.working_copy(api) if m.place == (path, verb)]
        gateway.require_key(api, method.resource_id, verb)

    def live(self, api: str, stage: str = "prod") -> str:
        return self.bench.gateway.stage(api, stage).deployment_id

    def head(self, api: str) -> Head:
        return read_head(self.bench.gateway, api, "observe")

    def rule(self, api: str, wanted: Policy | None = None) -> KeyRule:
        return KeyRule(wanted or policy(), api, "shop", self.bench.clock.now())

    def calls(self, before: int) -> list[str]:
        """The reads since."""
        return self.bench.operations()[before:]


def policy(**changes: Any) -> Policy:
    """The default policy, changed."""
    return parse(json.dumps(json.loads(default_text()) | changes))


def exempt(api: str = "*", path: str = "/pets") -> Policy:
    """The default policy with one more exemption."""
    kept = json.loads(default_text())["exemptions"]
    more = {"api": api, "method": "GET", "path": path, "reason": "open on purpose"}
    return policy(exemptions=[*kept, more])
