"""Step 1 of an update: what `make deploy` must find done, or would lose or be refused.

    .venv/bin/python -m tools.prepare_update keyward

- The stack of the last edition owned the parameter of the policy, so that its update would delete
  the live policy. It gets `DeletionPolicy: Retain`.
- One update may make one index of a table (DynamoDB API reference, UpdateTable: "You can create or
  delete only one global secondary index per UpdateTable operation"; CloudFormation refuses two). Of
  a table's new indexes all but the last are made, one by one.

Each updates the stack to the template that it has, and nothing else is changed. `make deploy` is
step 2. A second run changes nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from keyward.values import JSON
from local.aws import TEMPLATE
from local.template import load
from tools.account import sentence, session

POLICY = "PolicyParameter"
INDEXES, ATTRIBUTES = "GlobalSecondaryIndexes", "AttributeDefinitions"
# Where the last edition has a bucket: a template of its size goes by a bucket only.
BUCKET, KEY = "ReportBucket", "update/prepared.json"
RETAIN = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
# An index of a large table is filled for minutes.
HALF_AN_HOUR = {"Delay": 2, "MaxAttempts": 900}


class PrepareError(Exception):
    """The stack is not prepared; nothing was changed unless it says so."""


class Step(NamedTuple):
    """One update of the stack, and why."""

    why: str
    change: Callable[[JSON], None]


def steps(deployed: JSON, new: JSON) -> Iterator[Step]:
    """What must be done to the deployed template before it may become the new one."""
    if not deployed["Resources"].get(POLICY, RETAIN).items() >= RETAIN.items():
        yield Step("the update would delete the policy", _keep_policy)
    for table, wanted in new["Resources"].items():
        if wanted["Type"] == "AWS::DynamoDB::Table" and table in deployed["Resources"]:
            yield from _indexes(table, deployed["Resources"][table], wanted)


def _keep_policy(template: JSON) -> None:
    template["Resources"][POLICY] |= RETAIN


def _indexes(table: str, has: JSON, wanted: JSON) -> Iterator[Step]:
    names = {index["IndexName"] for index in has["Properties"].get(INDEXES, [])}
    new = [one for one in wanted["Properties"].get(INDEXES, []) if one["IndexName"] not in names]
    for index in new[:-1]:

        def add(template: JSON, index: JSON = index) -> None:
            properties = template["Resources"][table]["Properties"]
            keys = {key["AttributeName"] for key in index["KeySchema"]}
            known = {one["AttributeName"] for one in properties[ATTRIBUTES]}
            properties[ATTRIBUTES] += [
                one
                for one in wanted["Properties"][ATTRIBUTES]
                if one["AttributeName"] in keys - known
            ]
            properties[INDEXES] = [*properties.get(INDEXES, []), index]

        yield Step(f"{table} has {len(new)} new indexes, and one update makes one", add)


def unprepared(cloudformation: Any, stack: str) -> list[str]:
    """Why the stack cannot be updated yet; nothing when it can."""
    return [step.why for step in steps(_template(cloudformation, stack), load(TEMPLATE))]


def prepare(client: Callable[..., Any], stack: str) -> str:
    """Prepare the stack; says what was done. Raises PrepareError."""
    cloudformation = client("cloudformation")
    template, before = _template(cloudformation, stack), _policy(client, stack)
    planned = list(steps(template, load(TEMPLATE)))
    for step in planned:
        step.change(template)
        _update(client, stack, template)
    after = _policy(client, stack)
    if after != before:
        raise PrepareError(f"the policy of {stack} is another one now: was it changed meanwhile?")
    done = "".join(f"{step.why}: done\n" for step in planned)
    return f"{done}{stack} is prepared: go on with make deploy"


def _template(cloudformation: Any, stack: str) -> JSON:
    body = cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
    return json.loads(body) if isinstance(body, str) else dict(body)


def _policy(client: Callable[..., Any], stack: str) -> list[tuple[int, str]]:
    """The live policy, if there is one."""
    found = client("ssm").get_parameters(Names=[f"{stack}-policy"])["Parameters"]
    return [(one["Version"], one["Value"]) for one in found]


def _update(client: Callable[..., Any], stack: str, template: JSON) -> None:
    cloudformation = client("cloudformation")
    found = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=BUCKET)
    bucket = str(found["StackResourceDetail"]["PhysicalResourceId"])
    client("s3").put_object(Bucket=bucket, Key=KEY, Body=json.dumps(template).encode())
    (about,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    names = [parameter["ParameterKey"] for parameter in about.get("Parameters", [])]
    cloudformation.update_stack(
        StackName=stack,
        TemplateURL=f"https://s3.amazonaws.com/{bucket}/{KEY}",
        Capabilities=CAPABILITIES,
        Parameters=[{"ParameterKey": name, "UsePreviousValue": True} for name in names],
    )
    waiter = cloudformation.get_waiter("stack_update_complete")
    try:
        waiter.wait(StackName=stack, WaiterConfig=HALF_AN_HOUR)
    except WaiterError as error:
        raise PrepareError(f"the update of {stack} was taken back: see its events") from error


def main(arguments: list[str]) -> int:
    """Prepare the stack that the arguments name. The exit code."""
    if len(arguments) != 1:
        print("usage: python -m tools.prepare_update STACK", file=sys.stderr)
        return 2
    try:
        print(prepare(session().client, arguments[0]))
    except (PrepareError, ClientError, BotoCoreError) as error:
        print(f"prepare-update: {sentence(error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
