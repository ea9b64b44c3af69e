"""APIs, usage plans, keys and policies, for tests of what an edit of the policy does."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from keyward.apis.model import Attachment
from keyward.values import JSON
from local.lifetime.documents import document
from tests.support import OURS, Bench


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
