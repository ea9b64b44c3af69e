"""The state of one account and Region, in plain Python: what every door of the emulator reads.

Bodies (`settings`, a method, an integration) have the shape of botocore's output members
(`apiKeyRequired`, `methodIntegration`, …): API Gateway answers in it. Times are epoch seconds. What
has an identity of its own is a class here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from emulator.copies import copy_of
from emulator.ordered import Ordered
from emulator.routing import Node, tree

JSON = dict[str, Any]


@dataclass
class Resource:
    """A path of the working copy. `methods` maps a verb (`GET`, `ANY`) to the output shape of
    GetMethod, its `methodIntegration` and `methodResponses` included."""

    id: str
    path: str
    parent_id: str | None = None
    path_part: str | None = None
    methods: dict[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """What a deployment froze, all that the data plane and GetExport need: a deep copy, never
    changed."""

    paths: dict[str, dict[str, JSON]]
    settings: JSON
    authorizers: dict[str, JSON]
    models: dict[str, JSON]
    request_validators: dict[str, JSON]
    gateway_responses: dict[str, JSON]
    documentation_parts: list[JSON] = field(default_factory=list)

    @cached_property
    def routes(self) -> Node:
        """The paths as a tree, made when the first request comes."""
        return tree(self.paths)


@dataclass
class Deployment:
    """An immutable snapshot with its id; `created` in epoch seconds."""

    id: str
    created: int
    snapshot: Snapshot
    description: str | None = None


@dataclass
class Stage:
    """A stage: `settings` is the output shape of GetStage (deploymentId, variables, methodSettings,
    canarySettings, tags, …)."""

    name: str
    settings: JSON

    @property
    def deployment_id(self) -> str:
        """Id of the deployment that the stage serves."""
        return str(self.settings["deploymentId"])


@dataclass
class RestApi:
    """A RestApi with its working copy, deployments and stages. `settings` is the output shape of
    GetRestApi."""

    id: str
    settings: JSON
    root_id: str
    resources: dict[str, Resource] = field(default_factory=dict)
    authorizers: dict[str, JSON] = field(default_factory=dict)
    models: dict[str, JSON] = field(default_factory=dict)
    request_validators: dict[str, JSON] = field(default_factory=dict)
    gateway_responses: dict[str, JSON] = field(default_factory=dict)
    documentation_parts: list[JSON] = field(default_factory=list)
    deployments: dict[str, Deployment] = field(default_factory=dict)
    stages: dict[str, Stage] = field(default_factory=dict)

    def by_path(self) -> dict[str, Resource]:
        """The resources by their path, `/` included."""
        return {resource.path: resource for resource in self.resources.values()}

    def freeze(self) -> Snapshot:
        """A snapshot of the working copy as CreateDeployment takes it."""
        return Snapshot(
            paths=copy_of({r.path: r.methods for r in self.resources.values() if r.methods}),
            settings=copy_of(self.settings),
            authorizers=copy_of(self.authorizers),
            models=copy_of(self.models),
            request_validators=copy_of(self.request_validators),
            gateway_responses=copy_of(self.gateway_responses),
            documentation_parts=copy_of(self.documentation_parts),
        )


@dataclass
class ApiKey:
    """An API key. `settings` is the output shape of GetApiKey without `value`."""

    id: str
    value: str
    settings: JSON

    @property
    def enabled(self) -> bool:
        """Whether the data plane accepts it."""
        return bool(self.settings["enabled"])


def key_rank(value: str, name: str) -> tuple[str, str]:
    """The order of GetApiKeys: by name; keys of one name came in an order that was stable, and
    neither that of their values nor of their ages (aws-recorded.md 1)."""
    return (name, value[::-1])


def _keys() -> Ordered[str, ApiKey]:
    return Ordered(lambda _, key: key_rank(key.value, key.settings.get("name", "")))


def _key_ids() -> Ordered[str, None]:
    return Ordered(lambda key_id, _: (key_id,))


@dataclass
class UsagePlan:
    """A usage plan. `settings` is the output shape of GetUsagePlan (`apiStages`, `throttle`, …);
    `key_ids` is a set, in the order in which they were attached."""

    id: str
    settings: JSON
    key_ids: Ordered[str, None] = field(default_factory=_key_ids)

    def covers(self, api_id: str, stage: str) -> bool:
        """Whether the stage is among the plan's API stages."""
        return any(
            item["apiId"] == api_id and item["stage"] == stage
            for item in self.settings.get("apiStages", [])
        )


@dataclass
class Usage:
    """Counters of one key in one plan: requests used by day (`YYYY-MM-DD`), and what is left of
    what UpdateUsage granted for a period (by the period's first day)."""

    used: dict[str, int] = field(default_factory=dict)
    remaining: dict[str, int] = field(default_factory=dict)


def _usage() -> Ordered[tuple[str, str], Usage]:
    return Ordered(lambda owner, _: owner)


@dataclass
class State:
    """Everything the emulated account holds. `usage` is keyed by (plan id, key id); `buckets` are
    the throttle's token buckets: tokens left and the time of that figure; `account` is what
    UpdateAccount has set. Operations add and remove keys by the methods, which keep an index."""

    account_id: str = "123456789012"
    region: str = "us-east-1"
    rest_apis: dict[str, RestApi] = field(default_factory=dict)
    keys: Ordered[str, ApiKey] = field(default_factory=_keys)
    plans: dict[str, UsagePlan] = field(default_factory=dict)
    usage: Ordered[tuple[str, str], Usage] = field(default_factory=_usage)
    account: JSON = field(default_factory=dict)
    buckets: dict[tuple[str, ...], tuple[float, float]] = field(default_factory=dict)
    _ids_by_value: dict[str, str] = field(default_factory=dict)

    def key_with(self, value: str) -> ApiKey | None:
        """The key that has this value; there is at most one (aws-recorded.md 1)."""
        if len(self._ids_by_value) != len(self.keys):
            self._ids_by_value = {key.value: key.id for key in self.keys.values()}
        return self.keys.get(self._ids_by_value.get(value, ""))

    def add_key(self, key: ApiKey) -> None:
        """Take a key in, or in anew when its name may have changed."""
        self.keys[key.id] = key
        self._ids_by_value[key.value] = key.id

    def remove_key(self, key_id: str) -> None:
        """Forget a key, its places in plans and its usage."""
        self._ids_by_value.pop(self.keys.pop(key_id).value, None)
        for plan in self.plans_of(key_id):
            self.detach(plan, key_id)

    def detach(self, plan: UsagePlan, key_id: str) -> None:
        """Take a key out of a plan; its counters there go with it."""
        del plan.key_ids[key_id]
        self.usage.pop((plan.id, key_id), None)

    def plans_of(self, key_id: str) -> list[UsagePlan]:
        """The plans that a key is attached to."""
        return [plan for plan in self.plans.values() if key_id in plan.key_ids]
