"""A new stack takes the tables and the bucket over that a deleted one of its name left.

    make take-over STACK=keyward    # then: make deploy
    make destroy STACK=keyward      # says first what stays

CloudFormation imports existing resources into a new stack, but only into a template of just these
resources (CloudFormation user guide, "Import AWS resources into a CloudFormation stack"). So the
stack begins with them, and `make deploy` adds the rest. No item is touched.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from keyward.values import JSON
from local.aws import TEMPLATE
from local.template import load
from tools.account import sentence, session

Clients = Callable[..., Any]

IDENTIFIER = {"AWS::DynamoDB::Table": "TableName", "AWS::S3::Bucket": "BucketName"}
# Without it there is nothing to take over.
FIRST = "CustomersTable"
CHANGE_SET = "take-over"
STAYS = """These stay when {stack} is deleted:
{names}
  the API keys, usage plans and APIs, as they are
  the policy, in the parameter {stack}-policy
These are deleted: the log group, which says who revealed keys, and all queues with their messages.
A new stack of this name takes over what stays: make take-over STACK={stack}"""


class TakeOverError(Exception):
    """Nothing was taken over; the message says why, and what to do."""


def kept_resources() -> dict[str, JSON]:
    """The resources that outlive the stack in every case, by their ids."""
    return {
        name: item
        for name, item in load(TEMPLATE)["Resources"].items()
        if item.get("DeletionPolicy") and "Condition" not in item
    }


def import_template(logical: set[str]) -> JSON:
    """A template of just these resources, which an import wants, with a DeletionPolicy each."""
    whole, kept = load(TEMPLATE), kept_resources()
    resources = {name: kept[name] | {"DeletionPolicy": "Retain"} for name in sorted(logical)}
    return {name: whole[name] for name in ("Parameters", "Conditions")} | {"Resources": resources}


def left_behind(client: Clients, stack: str) -> dict[str, str]:
    """The names of what a deleted stack left, by their ids. Raises TakeOverError when two could be
    meant, or there is none."""
    tables = client("dynamodb").get_paginator("list_tables").paginate()
    names = [name for page in tables for name in page["TableNames"]]
    names += [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]]
    found = dict[str, str]()
    for logical in kept_resources():
        prefixes = (f"{stack}-{logical}-", f"{stack}-{logical}-".lower())
        meant = [name for name in names if name.startswith(prefixes)]
        if len(meant) > 1:
            raise TakeOverError(f"{logical}: {' and '.join(meant)} could be meant. Delete one")
        if meant:
            found[logical] = meant[0]
    if FIRST not in found:
        raise TakeOverError(f"No table begins with {stack}-{FIRST}-. Use make deploy instead")
    return found


def take_over(client: Clients, stack: str) -> dict[str, str]:
    """Make the stack out of what one of its name left: the names, by their ids. Raises
    TakeOverError."""
    formation, found, kept = client("cloudformation"), left_behind(client, stack), kept_resources()
    formation.create_change_set(
        StackName=stack,
        ChangeSetName=CHANGE_SET,
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps(import_template({*found})),
        ResourcesToImport=[
            {
                "ResourceType": kept[logical]["Type"],
                "LogicalResourceId": logical,
                "ResourceIdentifier": {IDENTIFIER[kept[logical]["Type"]]: name},
            }
            for logical, name in found.items()
        ],
    )
    about = {"StackName": stack, "ChangeSetName": CHANGE_SET}
    try:
        wait = {"Delay": 2, "MaxAttempts": 150}
        formation.get_waiter("change_set_create_complete").wait(**about, WaiterConfig=wait)
        formation.execute_change_set(**about)
        done = formation.get_waiter("stack_import_complete")
        done.wait(StackName=stack, WaiterConfig=wait)
    except WaiterError as error:
        raise TakeOverError(f"CloudFormation refused: see the events of {stack}") from error
    return found


def stays(client: Clients, stack: str) -> str:
    """What a deletion of the stack leaves, by name, as text."""
    pages = client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    names = {
        one["LogicalResourceId"]: one["PhysicalResourceId"]
        for page in pages
        for one in page["StackResourceSummaries"]
    }
    return STAYS.format(stack=stack, names="\n".join(_named(names)))


def _named(names: dict[str, str]) -> Iterator[str]:
    for logical, item in load(TEMPLATE)["Resources"].items():
        if item.get("DeletionPolicy") and logical in names:
            yield f"  {logical}: {names[logical]}"


def main(arguments: list[str], client: Clients | None = None) -> int:
    """Take over, or say what stays. The exit code."""
    stack, words = (arguments or [""])[-1], arguments[:-1]
    if not stack or stack.startswith("-") or words not in ([], ["--stays"]):
        print("usage: python -m tools.take_over [--stays] STACK", file=sys.stderr)
        return 2
    try:
        made = client or session().client
        if words:
            print(stays(made, stack))
            return 0
        for logical, name in take_over(made, stack).items():
            print(f"{stack} has {logical} again: {name}")
        print(f"now: make deploy, with the name {stack}, and then: keyward start --stack {stack}")
    except (TakeOverError, ClientError, BotoCoreError) as error:
        print(f"take-over: {sentence(error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
