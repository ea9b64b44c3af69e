"""Step 1 of the update from the last edition: have CloudFormation keep the policy parameter.

    .venv/bin/python -m tools.keep_policy keyward

The stack of the last edition owned the parameter, so that its update would delete the live policy.
This updates the stack to the template that it has, with `DeletionPolicy: Retain` at the parameter
and nothing else changed. `make deploy` is step 2. A second run changes nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from keyward.values import JSON

POLICY = "PolicyParameter"
# Where the last edition has a bucket: a template of its size goes by a bucket only.
BUCKET, KEY = "ReportBucket", "update/keep-policy.json"
RETAIN = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]


class KeepError(Exception):
    """The parameter is not kept; nothing was changed unless it says so."""


def owns_policy(cloudformation: Any, stack: str) -> bool:
    """Whether an update of the stack could delete the live policy."""
    return (
        not RETAIN.items()
        <= _template(cloudformation, stack)["Resources"].get(POLICY, RETAIN).items()
    )


def keep(client: Callable[..., Any], stack: str) -> str:
    """Have the stack keep its policy parameter; says what was done. Raises KeepError."""
    cloudformation, ssm = client("cloudformation"), client("ssm")
    if not owns_policy(cloudformation, stack):
        return f"{stack} cannot delete the policy: go on with make deploy"
    name = _physical(cloudformation, stack, POLICY)
    before = ssm.get_parameter(Name=name)["Parameter"]
    template = _template(cloudformation, stack)
    template["Resources"][POLICY] |= RETAIN
    bucket = _physical(cloudformation, stack, BUCKET)
    client("s3").put_object(Bucket=bucket, Key=KEY, Body=json.dumps(template).encode())
    _update(cloudformation, stack, f"https://s3.amazonaws.com/{bucket}/{KEY}")
    after = ssm.get_parameter(Name=name)["Parameter"]
    if (after["Version"], after["Value"]) != (before["Version"], before["Value"]):
        raise KeepError(f"{name} is version {after['Version']} now, it was {before['Version']}")
    return f"{stack} keeps {name} when it is updated or deleted: go on with make deploy"


def _template(cloudformation: Any, stack: str) -> JSON:
    body = cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
    return json.loads(body) if isinstance(body, str) else dict(body)


def _physical(cloudformation: Any, stack: str, logical: str) -> str:
    found = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=logical)
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def _update(cloudformation: Any, stack: str, url: str) -> None:
    (about,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    names = [parameter["ParameterKey"] for parameter in about.get("Parameters", [])]
    cloudformation.update_stack(
        StackName=stack,
        TemplateURL=url,
        Capabilities=CAPABILITIES,
        Parameters=[{"ParameterKey": name, "UsePreviousValue": True} for name in names],
    )
    waiter = cloudformation.get_waiter("stack_update_complete")
    try:
        waiter.wait(StackName=stack, WaiterConfig={"Delay": 2, "MaxAttempts": 300})
    except WaiterError as error:
        raise KeepError(f"the update of {stack} was taken back: see its events") from error


def main(arguments: list[str]) -> int:
    """Keep the policy of the stack that the arguments name. The exit code."""
    if len(arguments) != 1:
        print("usage: python -m tools.keep_policy STACK", file=sys.stderr)
        return 2
    try:
        print(keep(boto3.Session().client, arguments[0]))
    except (KeepError, ClientError, BotoCoreError) as error:
        print(f"keep-policy: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
