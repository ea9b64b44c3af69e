"""What a check has at hand: clients, makers of things that are removed again, calls of stages."""

from __future__ import annotations

import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from keyward.values import JSON
from local.world import document
from tools.live_check.state import State
from tools.live_check.world import World

Found = TypeVar("Found")
STAGE = "live"
KEYED = {"/pets": {"get": True}}
# A change has come once so many calls in a row see it: hosts learn of it one by one.
IN_A_ROW = 3


class NotHereError(Exception):
    """The question cannot be asked here, and why."""


class Run:
    """One run in one world."""

    def __init__(self, world: World, state: State) -> None:
        self.world, self.state = world, state

    @property
    def gateway(self) -> Any:
        """API Gateway's client."""
        return self.world.client("apigateway")

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        return dict(self.fact("outputs"))

    def fact(self, name: str) -> Any:
        """What an earlier check noted. Raises NotHereError when that check failed."""
        if name not in self.state.facts:
            raise NotHereError(f"an earlier check made no {name}")
        return self.state.facts[name]

    def name(self, word: str) -> str:
        """A name that says whose thing it is."""
        return f"{self.state.name}-{word}"

    def note(self, **facts: Any) -> None:
        """Keep facts for later checks, also of a run that goes on after a break."""
        self.state.facts.update(facts)
        self.state.save()

    def until(self, look: Callable[[], Found | None], what: str) -> Found:
        """What `look` finds, as soon as it is something true. Raises TimeoutError."""
        end = time.monotonic() + self.world.patience
        while not (found := look()):
            if time.monotonic() > end:
                raise TimeoutError(f"{what} did not happen within {self.world.patience:g} s")
            time.sleep(self.world.look_every)
        return found

    # things

    def api(self, word: str, paths: dict[str, dict[str, bool]], mode: str = "") -> str:
        """An API whose methods answer by themselves; `paths` say by verb whether it asks for a key.
        It is deployed; `mode` is its tag `keyward`."""
        body = json.dumps(document(self.name(word), paths)).encode()
        made = self.gateway.import_rest_api(
            body=body, parameters={"endpointConfigurationTypes": "REGIONAL"}
        )
        api = self.state.keep("api", made["id"])
        if mode:
            self.tag(f"restapis/{api}", {"keyward": mode})
        self.deploy(api)
        return api

    def tag(self, resource: str, tags: dict[str, str]) -> None:
        """Tag a resource, which is named as at the end of its ARN: `usageplans/a1b2c3`."""
        arn = f"arn:{self.world.partition}:apigateway:{self.world.region}::/{resource}"
        self.gateway.tag_resource(resourceArn=arn, tags=tags)

    def deploy(self, api: str) -> str:
        """Deploy as a team does: the deployment's id."""
        return str(self.gateway.create_deployment(restApiId=api, stageName=STAGE)["id"])

    def plan(self, word: str, api: str | None = None, **settings: Any) -> str:
        """A usage plan, with the API's stage when there is one."""
        stages = {"apiStages": [{"apiId": api, "stage": STAGE}]} if api else {}
        made = self.gateway.create_usage_plan(name=self.name(word), **stages, **settings)
        return self.state.keep("plan", made["id"])

    def key(self, word: str, plan: str | None = None) -> JSON:
        """A key, in the plan when there is one."""
        made: JSON = self.gateway.create_api_key(name=self.name(word), enabled=True)
        self.state.keep("key", made["id"])
        if plan:
            self.attach(made["id"], plan)
        return made

    def attach(self, key: str, plan: str) -> None:
        """Put the key into the plan."""
        self.gateway.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")

    def usage(self, plan: str, key: str) -> list[int] | None:
        """Today's calls of the key and what is left, as GetUsage counts them; None for no row."""
        today = datetime.now(UTC).date().isoformat()
        answer = self.gateway.get_usage(usagePlanId=plan, startDate=today, endDate=today)
        days = answer.get("items", {}).get(key)
        return list(map(int, days[-1])) if days else None

    def value(self) -> str:
        """A value for a key."""
        return secrets.token_hex(20)

    # calls of a stage

    def call(self, api: str, path: str = "/pets", value: str = "") -> int:
        """GET a path of the API's stage, with a key's value when there is one: the status."""
        return self.answer(api, path, value)[0]

    def answer(self, api: str, path: str = "/pets", value: str = "") -> tuple[int, str]:
        """As `call`: the status, and of a refusal the type of error."""
        url = self.world.stage_url(api, STAGE) + path
        request = urllib.request.Request(url, headers={"x-api-key": value} if value else {})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status), ""
        except urllib.error.HTTPError as refused:
            return int(refused.code), str(refused.headers.get("x-amzn-ErrorType", ""))

    def sees(self, status: int, api: str, path: str = "/pets", value: str = "") -> float:
        """Wait until calls get this status, several in a row: the seconds that it took."""
        begun = time.monotonic()

        def steady() -> bool:
            return all(self.call(api, path, value) == status for _ in range(IN_A_ROW))

        self.until(steady, f"{status} for {path}")
        return time.monotonic() - begun
