"""A little world for denials: one API, one customer with a key in a plan, and a client."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from emulator import data_plane
from emulator.emulator import Emulator
from emulator.tests.openapi_lab import document
from keyward.aws.gateway import Gateway
from keyward.customers.key import CREATED
from keyward.customers.key_item import key_of
from keyward.explain.judge import Verdict
from keyward.explain.model import DeniedRequest
from keyward.explain.read import Explainer, Records
from keyward.explain.render import as_json
from keyward.policy.model import Policy
from keyward.policy.parse import default_text, parse
from keyward.values import JSON
from tests.support import Bench

VALUE = "E" * 40
DAY = 86_400
PATHS: JSON = {
    "/pets": {"get": ["api_key"], "post": ["api_key"]},
    "/pets/{petId}": {"get": ["api_key"]},
    "/open": {"get": None},
    "/token": {"get": ["token"]},
    "/signed": {"get": ["signed"]},
    "/files/{proxy+}": {"x-amazon-apigateway-any-method": ["api_key"]},
}


@dataclass
class World:
    """The API, its deployment on prod, the plan that holds prod, and the key of customer acme in
    it. `policy` waits for no propagation unless a test says so."""

    emulator: Emulator
    client: Any
    gateway: Gateway
    now: Callable[[], float]
    policy: Policy
    tables: Bench | None = None
    api: str = ""
    plan: str = ""
    key: str = ""
    quota: JSON = field(default_factory=lambda: {"limit": 3, "period": "DAY"})

    @property
    def bench(self) -> Bench:
        """What Keyward remembers."""
        assert self.tables
        return self.tables

    def build(self, paths: JSON = PATHS) -> World:
        """Everything as it should be, long ago."""
        body = json.dumps(document(paths)).encode()
        self.api = self.client.import_rest_api(body=body)["id"]
        self.deploy()
        self.plan = self.client.create_usage_plan(
            name="free",
            apiStages=[{"apiId": self.api, "stage": "prod"}],
            throttle={"rateLimit": 50, "burstLimit": 50},
            quota=self.quota,
        )["id"]
        self.key = self.client.create_api_key(
            name="acme/1", value=VALUE, customerId="acme", enabled=True
        )["id"]
        self.attach()
        return self

    def deploy(self, stage: str = "prod") -> None:
        """The team deploys its working copy."""
        self.client.create_deployment(restApiId=self.api, stageName=stage)

    def attach(self) -> None:
        """CreateUsagePlanKey."""
        self.client.create_usage_plan_key(usagePlanId=self.plan, keyId=self.key, keyType="API_KEY")

    def patch_plan(self, path: str, value: str = "", op: str = "replace") -> None:
        """UpdateUsagePlan."""
        operation = {"op": op, "path": path, "value": value}
        self.client.update_usage_plan(usagePlanId=self.plan, patchOperations=[operation])

    def patch_stage(self, path: str, value: str) -> None:
        """UpdateStage."""
        operation = {"op": "replace", "path": path, "value": value}
        where = {"restApiId": self.api, "stageName": "prod"}
        self.client.update_stage(**where, patchOperations=[operation])

    def patch_api(self, path: str, value: str) -> None:
        """UpdateRestApi."""
        operation = {"op": "replace", "path": path, "value": value}
        self.client.update_rest_api(restApiId=self.api, patchOperations=[operation])

    def enable(self, on: bool) -> None:
        """UpdateApiKey."""
        operation = {"op": "replace", "path": "/enabled", "value": str(on).lower()}
        self.client.update_api_key(apiKey=self.key, patchOperations=[operation])

    def spend(self, remaining: int = 0) -> None:
        """So many calls are left."""
        operation = {"op": "replace", "path": "/remaining", "value": str(remaining)}
        where = {"usagePlanId": self.plan, "keyId": self.key}
        self.client.update_usage(**where, patchOperations=[operation])

    def request(self, line: str = "GET /pets", stage: str = "prod", api: str = "") -> DeniedRequest:
        """The question about `GET /pets`."""
        verb, path = line.split(" ")
        return DeniedRequest(api or self.api, stage, verb, path)

    def call(self, asked: DeniedRequest, value: str = VALUE) -> tuple[int, str, str]:
        """The data plane's answer: status, error type, message."""
        status, headers, body = data_plane.handle(
            self.emulator,
            asked.method,
            asked.rest_api_id,
            asked.stage,
            asked.path,
            "",
            {"x-api-key": value, "authorization": "AWS4-HMAC-SHA256 fake"},
            b"",
        )
        message = json.loads(body)["message"] if status != 200 else ""
        return status, dict(headers).get("x-amzn-ErrorType", ""), message

    def explainer(self) -> Explainer:
        """What the function makes of its settings."""
        records = None
        if self.tables:
            records = Records(self.bench.registry.customers, self.bench.registry.apis)
        return Explainer(self.gateway, records, self.policy, "enforce", self.now)

    def explain(self, asked: DeniedRequest, **who: str) -> JSON:
        """The explanation for customer acme, or for whom `who` names."""
        whose = who or ({"customer_id": "acme"} if self.tables else {"key_id": self.key})
        return as_json(self.explainer().explain(asked, **whose))

    def verdict(self, asked: DeniedRequest) -> Verdict:
        """The verdict for the key by its id, without records."""
        return self.explainer().explain(asked, key_id=self.key)[0][1]

    # what Keyward remembers
    def customer(self, **more: Any) -> None:
        """The customer's record."""
        record = {"customer_id": "acme", "plan": "free", "status": "active"} | more
        self.bench.tables["CustomersTable"].put_item(Item=record)

    def record(self, **more: Any) -> None:
        """The key's record."""
        fields = {"key_id": self.key, "plan": "free", "attached_at": 1} | more
        item = {"customer_id": "acme", "record": "key#1", "state": CREATED} | fields
        self.bench.save_key(key_of(item))


def remembered(bench: Bench, propagation_seconds: int = 0) -> World:
    """The world with Keyward's tables: acme is a customer, and its key is recorded."""
    bench.emulator.reset()
    bench.empty_tables()
    body = json.loads(default_text()) | {"propagation_seconds": propagation_seconds}
    policy = parse(json.dumps(body))
    world = World(bench.emulator, bench.client, bench.gateway, bench.clock.now, policy, bench)
    world.build()
    world.customer()
    world.record()
    return world


def suspended(world: World) -> None:
    world.customer(status="suspended", status_reason="unpaid since October")
    world.enable(False)


def retired(world: World) -> None:
    world.record(enabled=False, retire_at=1, replaced_by=2, reason="yearly")
    world.enable(False)


def closed(world: World) -> None:
    world.customer(status="closed", status_reason="asked for it")
    world.client.delete_api_key(apiKey=world.key)


def out_of_plan(world: World) -> None:
    world.client.delete_usage_plan_key(usagePlanId=world.plan, keyId=world.key)


def plan_without_stage(world: World) -> None:
    world.patch_plan("/apiStages", f"{world.api}:prod", "remove")


def undeployed_method(world: World) -> None:
    root = {
        item["path"]: item["id"]
        for item in world.client.get_resources(restApiId=world.api)["items"]
    }["/pets"]
    world.client.put_method(
        restApiId=world.api, resourceId=root, httpMethod="DELETE", authorizationType="NONE"
    )


def from_authorizer(world: World) -> None:
    world.patch_api("/apiKeySource", "AUTHORIZER")
    world.deploy()


def without_stages(world: World) -> None:
    world.client.delete_stage(restApiId=world.api, stageName="prod")


def no_burst(world: World) -> None:
    world.patch_plan(
        f"/apiStages/{world.api}:prod/throttle",
        '{"/pets/GET":{"rateLimit":1.0,"burstLimit":0}}',
    )


def no_stage_burst(world: World) -> None:
    where = {"restApiId": world.api, "stageName": "prod"}
    operations = [
        {"op": "replace", "path": f"/*/*/throttling/{name}", "value": "0"}
        for name in ("rateLimit", "burstLimit")
    ]
    world.client.update_stage(**where, patchOperations=operations)


def nothing(world: World) -> None:
    """All is as it should be."""
