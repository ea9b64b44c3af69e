"""Which right a call takes that makes a tagged thing: asked by roles of the run's own."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from tools.live_check.checks import check
from tools.live_check.gateway import refusal
from tools.live_check.run import NotHereError, Run

ACTIONS = {"key": "create_api_key", "plan": "create_usage_plan"}
# What a role may besides POST on /apikeys and /usageplans. The first is the control.
WAYS: dict[str, tuple[str, tuple[str, ...]]] = {
    "nothing": ("", ()),
    "PUT on /tags": ("apigateway:PUT", ("/tags/*",)),
    "POST on /tags": ("apigateway:POST", ("/tags/*",)),
    "PATCH": ("apigateway:PATCH", ("/apikeys/*", "/usageplans/*")),
}
TAGS = {"made-by": "live-check"}


@check(
    "tag-rights",
    "a key and a plan: PUT on /tags",
    source="Service Authorization Reference: apigateway:PUT on the ARN under /tags",
    engine="template.yaml (rights on /tags) and tools/grants.py",
)
def the_right_to_make_something_tagged(run: Run) -> str:
    """CreateApiKey and CreateUsagePlan with tags, under roles of one right more each."""
    enough: dict[str, list[str]] = {kind: [] for kind in ACTIONS}
    for number, way in enumerate(WAYS):
        client = client_of(run, number, way)
        for kind, operation in ACTIONS.items():
            name = run.name(f"right-{number}")
            call = getattr(client, operation)
            if refusal(call, name=name, tags=TAGS) == "accepted":
                enough[kind].append(way)
        if any("nothing" in ways for ways in enough.values()):
            raise NotHereError("a role without a right on tags is not refused")
    key, plan = (" or ".join(ways) or "none of these" for ways in enough.values())
    return f"a key and a plan: {key}" if key == plan else f"a key: {key}; a plan: {plan}"


def client_of(run: Run, number: int, way: str) -> Any:
    """API Gateway under a role with this right, as soon as the role may do what all may."""
    name, iam = run.name(f"right-{number}"), run.world.client("iam")
    run.state.keep("role", name)
    who = f"arn:{run.world.partition}:iam::{run.state.account}:root"
    trust = {"Effect": "Allow", "Principal": {"AWS": who}, "Action": "sts:AssumeRole"}
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
    where = f"arn:{run.world.partition}:apigateway:{run.world.region}::"
    action, resources = WAYS[way]
    rights = [allowed(where, "apigateway:POST", "/apikeys", "/usageplans")]
    rights += [allowed(where, action, *resources)] if action else []
    iam.put_role_policy(RoleName=name, PolicyName="right", PolicyDocument=document(*rights))

    def ready() -> Any:
        try:
            client = run.world.as_role(made["Role"]["Arn"])
            for operation in ACTIONS.values():
                getattr(client, operation)(name=name)
        except ClientError as error:
            if "AccessDenied" in str(error) or "not authorized" in str(error):
                return None
            raise
        return client

    return run.until(ready, f"the rights of {name}")


def allowed(where: str, action: str, *resources: str) -> dict[str, Any]:
    """A statement that allows an action."""
    names = [where + resource for resource in resources]
    return {"Effect": "Allow", "Action": action, "Resource": names}


def document(*statements: dict[str, Any]) -> str:
    """A policy of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
