"""A gateway made by hand from the state model, for tests of the data plane alone."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from emulator import data_plane
from emulator.clock import VirtualClock
from emulator.model import ApiKey, Deployment, Resource, RestApi, Stage, State, UsagePlan
from emulator.propagation import Propagation
from emulator.tests.conformance.answers import Reply

VALUE = "fake-value-of-a-key-0001"


def mock(template: str = '{"ok": true}', **method: Any) -> dict[str, Any]:
    """A method with a MOCK integration that answers 200 with the template."""
    return {
        "authorizationType": "NONE",
        "apiKeyRequired": False,
        "methodIntegration": {
            "type": "MOCK",
            "requestTemplates": {"application/json": '{"statusCode": 200}'},
            "integrationResponses": {
                "200": {
                    "statusCode": "200",
                    "responseTemplates": {"application/json": template},
                }
            },
        },
        **method,
    }


def keyed(**method: Any) -> dict[str, Any]:
    """A MOCK method that asks for a key."""
    return mock(apiKeyRequired=True, **method)


@dataclass
class Lab:
    """State, clock and propagation as the data plane wants them, and makers."""

    state: State = field(default_factory=State)
    clock: VirtualClock = field(default_factory=VirtualClock)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.propagation = Propagation(self.clock)

    def api(self, methods: dict[str, dict[str, Any]], **settings: Any) -> RestApi:
        """An API `api1` with methods by "GET /path", deployed to `prod`."""
        api = RestApi("api1", {"id": "api1", "apiKeySource": "HEADER", **settings}, "root")
        for line, method in methods.items():
            verb, path = line.split(" ")
            resource = api.by_path().get(path) or Resource(f"r{len(api.resources)}", path)
            api.resources[resource.id] = resource
            resource.methods[verb] = {"httpMethod": verb, **method}
        self.state.rest_apis[api.id] = api
        self.deploy(api, "prod")
        return api

    def deploy(self, api: RestApi, stage: str, **settings: Any) -> str:
        """A new deployment of the working copy, with the stage pointing to it."""
        deployment = Deployment(f"d{len(api.deployments)}", int(self.clock.now()), api.freeze())
        api.deployments[deployment.id] = deployment
        wanted = {"deploymentId": deployment.id, "stageName": stage, **settings}
        api.stages[stage] = Stage(stage, wanted)
        return deployment.id

    def key(self, value: str = VALUE, *, enabled: bool = True) -> ApiKey:
        """A key in no plan."""
        number = len(self.state.keys)
        key = ApiKey(f"key{number}", value, {"name": f"k{number}", "enabled": enabled})
        self.state.keys[key.id] = key
        return key

    def plan(self, *keys: ApiKey, stages: tuple[str, ...] = ("prod",), **more: Any) -> UsagePlan:
        """A plan over stages of `api1` with these keys."""
        items = [{"apiId": "api1", "stage": stage} for stage in stages]
        plan = UsagePlan(f"plan{len(self.state.plans)}", {"apiStages": items, **more})
        plan.key_ids.update(dict.fromkeys(key.id for key in keys))
        self.state.plans[plan.id] = plan
        return plan

    def call(
        self, line: str, key: str | None = None, stage: str = "prod", body: str = "", **headers: str
    ) -> Reply:
        """A request "GET /path?query"; header names with `_` for `-`."""
        verb, target = line.split(" ")
        path, _, query = target.partition("?")
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent["X-Api-Key"] = key
        status, answer, content = data_plane.handle(
            self, verb, "api1", stage, path, query, sent, body.encode()
        )
        return Reply(status, {name.lower(): value for name, value in answer}, content)
