"""APIs, usage plans, keys and policies, for tests of what an edit of the policy does."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from keyward.apis.model import Attachment
from keyward.aws.tables.policy import InForce
from keyward.runs.policy.run import PolicyRun
from keyward.values import JSON
from local.lifetime.documents import document
from local.lifetime.services import Ssm
from tests.support import OURS, Bench, registry_of

ARN = "arn:aws:states:us-east-1:123456789012:execution:apply-policy:run-1"
OTHER = "arn:aws:states:us-east-1:123456789012:execution:apply-policy:run-2"
QUEUE = "https://sqs.example/apis"
ASKED: JSON = {"by": "event", "event_id": "e1", "detail_type": "Edit", "source": "aws.ssm"}
QUOTA: JSON = {"limit": 100, "offset": 0, "period": "DAY"}
QUOTA_FIELD = "usage_plans.free.quota"
FAST: JSON = {"rateLimit": 5.0, "burstLimit": 10}
# What a step answers: the run is at its end, or a usage plan is to be brought in line.
END: JSON = {"next": "end"}
UPDATE: JSON = {"next": "update_plan"}


def an_api(
    bench: Bench,
    name: str,
    mode: str | None = "enforce",
    stages: Iterable[str] = ("prod",),
    paths: JSON | None = None,
) -> str:
    body = document(paths or {"/pets": {"get": ["api_key"]}})
    body["info"]["title"] = name
    api_id = str(bench.client.import_rest_api(body=json.dumps(body).encode())["id"])
    if mode:
        arn = f"arn:aws:apigateway:us-east-1::/restapis/{api_id}"
        bench.client.tag_resource(resourceArn=arn, tags={"keyward": mode})
    for stage in stages:
        bench.client.create_deployment(restApiId=api_id, stageName=stage)
    return api_id


def a_plan(bench: Bench, name: str, *refs: tuple[str, str], **more: Any) -> str:
    stages = [{"apiId": api_id, "stage": stage} for api_id, stage in refs]
    wanted = {"tags": OURS} | more
    plan_id = bench.client.create_usage_plan(name=name, apiStages=stages, **wanted)["id"]
    for api_id, stage in refs:
        note = Attachment(stage, name, plan_id, 1, confirmed=True)
        bench.registry.apis.attached(api_id, note)
    return str(plan_id)


def a_key(bench: Bench, plan_id: str, name: str | None) -> None:
    named = {"name": name} if name else {}
    key_id = str(bench.client.create_api_key(enabled=True, **named)["id"])
    bench.gateway.attach_key(plan_id, key_id)


def policy(*exemptions: JSON, **plans: JSON) -> JSON:
    return {"usage_plans": plans, "exemptions": [*exemptions]}


def exempt(api: str = "*", method: str = "GET", path: str = "*", **more: str) -> JSON:
    return {"api": api, "method": method, "path": path, "reason": "a test"} | more


class Edits:
    """Edits of the policy parameter, which nothing but a step of a run puts in force. The first
    policy has the plan `free`, with a quota of 100 calls a day."""

    def __init__(self, bench: Bench, first: JSON | None = None) -> None:
        self.bench = bench
        self.ssm = Ssm(bench.clock, lambda name, operation: None)
        self.ssm.first_parameter("policy", json.dumps(first or policy(free={"quota": QUOTA})))
        self.registry = registry_of(bench.tables, self.ssm)
        self.context = replace(bench.context(), registry=self.registry)

    def put(self, body: JSON | str) -> None:
        """The owner writes a version."""
        text = body if isinstance(body, str) else json.dumps(body)
        self.ssm.put_parameter(Name="policy", Value=text)

    def run(self, arn: str = ARN, mode: str = "observe", **task: Any) -> PolicyRun:
        """A run, which somebody `ASKED` for."""
        task = {"execution_arn": arn, "asked": ASKED} | task
        return PolicyRun(self.context, task, mode, QUEUE)

    def plan(self, body: JSON | str | None = None, **more: Any) -> JSON:
        """The first step, after an edit: its answer, which always has the same members."""
        if body is not None:
            self.put(body)
        return shortened(self.run(**more).plan())

    def update(self, **more: Any) -> JSON:
        """The second step."""
        return shortened(self.run(**more).update())

    @property
    def in_force(self) -> InForce:
        """What stands in the table."""
        return self.registry.policies.load()

    def quota(self, name: str = "free") -> int | None:
        """The limit of a plan on API Gateway, None without one."""
        [plan] = [plan for plan in self.bench.gateway.plans() if plan.name == name]
        return plan.quota.limit if plan.quota else None

    def told(self) -> list[tuple[str, list[str]]]:
        """What was announced: the kinds with the fields that changed."""
        return [(e["DetailType"], fields(e["Detail"])) for e in self.bench.bus.entries]


def fields(detail: JSON) -> list[str]:
    """The fields that changed."""
    return [change["field"] for change in detail.get("changes", [])]


def limited(calls: int, **more: Any) -> JSON:
    """The policy with the plan `free` with another limit."""
    return policy(free={"quota": QUOTA | {"limit": calls}} | more)


def shortened(answer: JSON) -> JSON:
    """An answer without the members that say nothing."""
    assert {"next", "wait_seconds", "failed"} <= {*answer}
    return {name: value for name, value in answer.items() if value not in (0, [])}
