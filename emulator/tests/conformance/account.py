"""The account that the cases run against: calls, makers with clean-up, a client of its stages."""

from __future__ import annotations

import json
import secrets
import string
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from emulator.model import JSON
from emulator.tests.conformance.answers import KEYED, OPEN, Reply, bare, remove, send
from emulator.tests.conformance.pacing import Clock, PassingTime

PREFIX = "keyward-conformance-"


@dataclass
class Api:
    """An API made for a case: its id and the resource ids of its paths."""

    account: Account
    id: str
    ids: dict[str, str]

    @property
    def gw(self) -> Any:
        """The client."""
        return self.account.gw

    def where(self, line: str) -> JSON:
        """The members that name the method "GET /a"; resources are made as needed."""
        verb, path = line.split(" ")
        return {"restApiId": self.id, "resourceId": self.resource(path), "httpMethod": verb}

    def resource(self, path: str) -> str:
        """The resource id of a path."""
        if path not in self.ids:
            above, _, part = path.rpartition("/")
            made = self.gw.create_resource(
                restApiId=self.id, parentId=self.resource(above or "/"), pathPart=part
            )
            self.ids[path] = made["id"]
        return self.ids[path]

    def method(self, line: str, body: str = '{"ok": true}', **settings: Any) -> JSON:
        """A method with a MOCK integration that answers 200 and the body."""
        where = self.where(line)
        self.gw.put_method(**where, **(OPEN | settings))
        template = {"application/json": '{"statusCode": 200}'}
        self.gw.put_integration(**where, type="MOCK", requestTemplates=template)
        self.gw.put_method_response(**where, statusCode="200")
        self.gw.put_integration_response(
            **where, statusCode="200", responseTemplates={"application/json": body}
        )
        return where

    def patch_method(self, line: str, *operations: JSON) -> JSON:
        """UpdateMethod."""
        made: JSON = self.gw.update_method(**self.where(line), patchOperations=list(operations))
        return bare(made)

    def deploy(self, stage: str | None = "prod", **more: Any) -> str:
        """The id of a new deployment, with the stage pointing to it."""
        named = {"stageName": stage} if stage else {}
        return str(self.gw.create_deployment(restApiId=self.id, **named, **more)["id"])

    def stage(self, name: str = "prod") -> JSON:
        """GetStage."""
        return bare(self.gw.get_stage(restApiId=self.id, stageName=name))

    def patch_stage(self, *operations: JSON, name: str = "prod") -> JSON:
        """UpdateStage."""
        patches = list(operations)
        return bare(
            self.gw.update_stage(restApiId=self.id, stageName=name, patchOperations=patches)
        )

    def summary(self, deployment: str) -> JSON:
        """What a deployment froze, by path and verb."""
        answer = self.gw.get_deployment(
            restApiId=self.id, deploymentId=deployment, embed=["apisummary"]
        )
        found: JSON = answer["apiSummary"]
        return found

    def methods(self) -> dict[str, JSON]:
        """The working copy's methods by "GET /a"."""
        items = self.gw.get_resources(restApiId=self.id, limit=500, embed=["methods"])["items"]
        return {
            f"{verb} {item['path']}": method
            for item in items
            for verb, method in (item.get("resourceMethods") or {}).items()
        }


@dataclass
class Account:
    """One account; `settle` is the time in which a change may become visible on its stages."""

    gw: Any
    credentials: Any
    control: str
    invoke: str
    region: str
    clock: Clock = field(default_factory=PassingTime)
    live: bool = False
    settle: float = 2.0
    pace: Callable[[str], None] = lambda operation: None
    _made: list[tuple[str, str]] = field(default_factory=list)

    def today(self, back: int = 0) -> str:
        """The account's day, or one some days back, as YYYY-MM-DD in UTC."""
        return datetime.fromtimestamp(self.clock.now() - back * 86_400, UTC).date().isoformat()

    # names and values
    def name(self, word: str = "x") -> str:
        """A name that no other case uses."""
        return f"{PREFIX}{word}-{uuid.uuid4().hex[:12]}"

    def value(self, length: int = 40) -> str:
        """A key value."""
        letters = string.ascii_letters + string.digits
        return "".join(secrets.choice(letters) for _ in range(length))

    def arn(self, path: str) -> str:
        """The ARN of `restapis/id`, `apikeys/id`, …"""
        return f"arn:aws:apigateway:{self.region}::/{path}"

    # makers
    def keep(self, kind: str, made: str) -> None:
        """Have a thing cleared away at the end of the case."""
        self._made.append((kind, made))

    def bare_api(self, **settings: Any) -> Api:
        """An API with nothing but its root; on AWS a regional one, which may be made more often."""
        regional = {"endpointConfiguration": {"types": ["REGIONAL"]}} if self.live else {}
        made = self.gw.create_rest_api(**({"name": self.name("api")} | regional | settings))
        self.keep("api", made["id"])
        return Api(self, made["id"], {"/": made["rootResourceId"]})

    def api(
        self, methods: dict[str, JSON] | None = None, stage: str | None = None, **settings: Any
    ) -> Api:
        """An API with MOCK methods by "GET /a", by default one that asks for a key."""
        api = self.bare_api(**settings)
        for line, method in (methods or {"GET /a": KEYED}).items():
            api.method(line, **method)
        if stage:
            api.deploy(stage)
        return api

    def imported(self, document: JSON, **parameters: str) -> Api:
        """An API made of a document."""
        made = self.gw.import_rest_api(body=json.dumps(document).encode(), parameters=parameters)
        self.keep("api", made["id"])
        items = self.gw.get_resources(restApiId=made["id"], limit=500)["items"]
        return Api(self, made["id"], {item["path"]: item["id"] for item in items})

    def key(self, **settings: Any) -> JSON:
        """An enabled key; its value is in the answer."""
        wanted = {"name": self.name("key"), "enabled": True} | settings
        made = self.gw.create_api_key(**{k: v for k, v in wanted.items() if v is not None})
        self.keep("key", made["id"])
        return bare(made)

    def plan(self, *stages: tuple[Api, str], **settings: Any) -> str:
        """The id of a plan over these stages."""
        items = [{"apiId": api.id, "stage": stage} for api, stage in stages]
        named = {"apiStages": items} if items else {}
        made = self.gw.create_usage_plan(**({"name": self.name("plan")} | named | settings))
        self.keep("plan", made["id"])
        return str(made["id"])

    def attach(self, plan: str, key: JSON) -> JSON:
        """CreateUsagePlanKey."""
        return bare(
            self.gw.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
        )

    def customer(self, api: Api, stage: str = "prod", **settings: Any) -> tuple[str, JSON]:
        """A plan over the stage and a key in it."""
        plan, key = self.plan((api, stage), **settings), self.key()
        self.attach(plan, key)
        return plan, key

    def patch_key(self, key: JSON, *operations: JSON) -> JSON:
        """UpdateApiKey."""
        return bare(self.gw.update_api_key(apiKey=key["id"], patchOperations=list(operations)))

    def patch_plan(self, plan: str, *operations: JSON) -> JSON:
        """UpdateUsagePlan."""
        return bare(self.gw.update_usage_plan(usagePlanId=plan, patchOperations=list(operations)))

    def read_plan(self, plan: str) -> JSON:
        """GetUsagePlan."""
        return bare(self.gw.get_usage_plan(usagePlanId=plan))

    def import_csv(self, text: str, *, fail: bool = True) -> JSON:
        """ImportApiKeys."""
        made = self.gw.import_api_keys(body=text.encode(), format="csv", failOnWarnings=fail)
        for key_id in made["ids"]:
            self.keep("key", key_id)
        return bare(made)

    def keys_named(self, name: str, **more: Any) -> list[JSON]:
        """GetApiKeys by the beginning of a name; what is found is cleared away too."""
        found: list[JSON] = self.gw.get_api_keys(nameQuery=name, limit=500, **more)["items"]
        for item in found:
            self.keep("key", item["id"])
        return found

    def plan_keys(self, plan: str) -> list[str]:
        """The ids of the keys in a plan."""
        items = self.gw.get_usage_plan_keys(usagePlanId=plan, limit=500)["items"]
        return [item["id"] for item in items]

    # the two planes as they are on the wire
    def raw(self, verb: str, target: str, body: JSON | None = None) -> Reply:
        """A signed call of the control plane, answered as it comes over the wire."""
        data = json.dumps(body).encode() if body is not None else b""
        request = AWSRequest(verb, f"{self.control}{target}", data=data)
        request.headers["Accept"] = "application/json"
        if body is not None:
            request.headers["Content-Type"] = "application/json"
        self.pace("raw")
        SigV4Auth(self.credentials, "apigateway", self.region).add_auth(request)
        return send(verb, f"{self.control}{target}", dict(request.headers.items()), data)

    def call(
        self,
        api: Api,
        line: str = "GET /a",
        key: JSON | str | None = None,
        stage: str = "prod",
        **headers: str,
    ) -> Reply:
        """A client's request; header names with `_` for `-`."""
        verb, path = line.split(" ")
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent["x-api-key"] = key if isinstance(key, str) else key["value"]
        url = self.invoke.format(rest_api_id=api.id, stage=stage, region=self.region)
        return send(verb, f"{url}{path}", sent, b"")

    def sees(self, status: int, api: Api, line: str = "GET /a", **more: Any) -> Reply:
        """The answer once it has this status: at once, or on AWS when it stays so for a while."""
        wanted, in_a_row, end = (5 if self.live else 1), 0, self.clock.now() + self.settle
        while True:
            reply = self.call(api, line, **more)
            in_a_row = in_a_row + 1 if reply.status == status else 0
            if in_a_row == wanted:
                return reply
            if self.clock.now() > end:
                raise AssertionError(f"{reply.status} {reply.body[:200]!r}, not a steady {status}")
            self.clock.advance(2 if self.live else 0.1)

    def door(self, name: str, order: Any) -> None:
        """An order to the emulator (DESIGN.md 6)."""
        body = json.dumps(order).encode()
        reply = send("POST", f"{self.control}/_emulator/{name}", {}, body)
        assert reply.status < 300, reply.body

    # clean-up
    def clear(self) -> None:
        """Delete what the case made: plans first, as keys and stages hang on them."""
        made, self._made = self._made, []
        for kind, delete in (
            ("plan", self._delete_plan),
            ("key", lambda made: self.gw.delete_api_key(apiKey=made)),
            ("api", lambda made: self.gw.delete_rest_api(restApiId=made)),
        ):
            for made_id in {name for of_kind, name in made if of_kind == kind}:
                # gone already, by the case itself
                with suppress(self.gw.exceptions.NotFoundException):
                    delete(made_id)

    def _delete_plan(self, plan: str) -> None:
        stages = self.read_plan(plan).get("apiStages") or []
        if stages:
            self.patch_plan(
                plan, *(remove("/apiStages", f"{item['apiId']}:{item['stage']}") for item in stages)
            )
        self.gw.delete_usage_plan(usagePlanId=plan)
