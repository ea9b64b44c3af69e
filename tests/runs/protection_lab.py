"""Runs of protect-api on one account, without its machine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from keyward.apis.model import ApiRecords, Deployment, Hold
from keyward.policy.model import Policy
from keyward.runs.apis.protection import Protection
from keyward.runs.apis.request import ApiRequest
from keyward.values import JSON
from tests.runs.read_lab import PETS, ReadLab, policy
from tests.support import MACHINE, OURS

CLOSED: JSON = {"/pets": {"get": ["api_key"]}}
MORE = PETS | {"/new": {"get": ["api_key"]}}
ASKED = ApiRequest("", None, False, None, None, False, MACHINE, None)


@dataclass
class ProtectionLab(ReadLab):
    """Runs on APIs; an API that says nothing is observed."""

    policy: Policy = field(default_factory=policy)

    def protection(self, api: str, **asked: Any) -> Protection:
        request = replace(ASKED, rest_api_id=api, **asked)
        context = self.bench.context()
        return Protection(context, self.policy, request, "observe", context.now)

    def steps(self, api: str, **asked: Any) -> JSON:
        return self.protection(api, **asked).steps()

    def dry(self, api: str, **asked: Any) -> list[JSON]:
        return self.protection(api, dry_run=True, **asked).dry_run()

    def records(self, api: str) -> ApiRecords:
        return self.bench.registry.apis.load_records(api)

    def all_noted(self) -> list[JSON]:
        return list(self.bench.tables["ApisTable"].scan()["Items"])

    def plan(self, name: str, *refs: tuple[str, str], **tags: str) -> str:
        stages = [{"apiId": api, "stage": stage} for api, stage in refs]
        made = self.bench.client.create_usage_plan(name=name, apiStages=stages, tags=tags)
        return str(made["id"])

    def attached(self, paths: JSON = PETS, *stages: str, mode: str | None = "enforce") -> str:
        """An API whose stages are in both plans of the policy."""
        api = self.api(paths, *stages, mode=mode)
        refs = [(api, stage) for stage in stages or ("prod",)]
        for name in ("free", "pro"):
            self.plan(name, *refs, **OURS)
        return api

    def hold(self, api: str, stage: str = "prod", mark: str = "mark", **more: Any) -> None:
        event: JSON = {"detail_type": "ApiHeld", "detail": {}}
        now = self.bench.clock.now()
        self.bench.registry.apis.hold(api, Hold(stage, mark, **more), event, now)

    def ours(self, api: str, deployment_id: str, stage: str = "prod", mark: str = "m") -> None:
        made = Deployment(deployment_id, stage, "before", (), mark)
        self.bench.registry.apis.save_deployment(api, made, self.bench.clock.now())


def names(actions: list[JSON]) -> list[str]:
    return [action["action"] for action in actions]
