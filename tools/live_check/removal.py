"""Takes away what a run made: what its file names, and what has the run's name; nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from keyward.values import JSON
from tools.live_check.run import Run

# The stack first, as it would put right what goes; rules before their queue, plans before keys.
ORDER = (
    *("stack", "small-stack", "table", "rule", "queue", "alarm", "machine", "role"),
    *("plan", "key", "api", "parameter"),
)
# How often, after the first time, things are looked for by name.
LOOKS = 2
GONE = (
    *("NotFoundException", "ResourceNotFoundException", "ParameterNotFound", "NoSuchBucket"),
    *("NoSuchEntity", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"),
    "StateMachineDoesNotExist",
)


def remove(run: Run) -> list[str]:
    """Remove everything: what stays, and why. Can be called again.

    A function that was at work when its stack went may still finish a call, so it is looked again
    until nothing new is found."""
    stays = _removed(run)
    for _ in range(LOOKS):
        time.sleep(run.world.look_every * 20)
        stays = _removed(run)
    return stays


def _removed(run: Run) -> list[str]:
    """Remove what is known and what has the run's name: what stays."""
    stays = []
    _find_what_broke_off(run)
    for kind in ORDER:
        for made in [name for of_kind, name in run.state.made if of_kind == kind]:
            try:
                REMOVE[kind](run, made)
            except (ClientError, WaiterError, PermissionError) as error:
                if not gone(error):
                    stays.append(f"{kind} {made}: {error}")
                    continue
            run.state.forget(kind, made)
    return stays


def gone(error: Exception) -> bool:
    """Whether an error says that the thing is not there any more."""
    return isinstance(error, ClientError) and error.response["Error"]["Code"] in GONE


def _find_what_broke_off(run: Run) -> None:
    """A call whose answer never came made a thing that the file does not name; its name does."""
    for kind, operation, more in (
        ("plan", "get_usage_plans", {}),
        ("key", "get_api_keys", {"nameQuery": run.state.name}),
        ("api", "get_rest_apis", {}),
    ):
        for page in run.gateway.get_paginator(operation).paginate(**more):
            for item in page["items"]:
                if str(item.get("name", "")).startswith(f"{run.state.name}-"):
                    run.state.keep(kind, item["id"])


def _stack(run: Run, name: str) -> None:
    """The stack by its id, and then what it keeps: tables and a bucket. Raises PermissionError for
    a stack of this name that the run did not make."""
    client = run.world.client("cloudformation")
    stack = _own(run, str(run.state.facts.get("stack", name)))
    if stack is not None:
        run.note(stack=stack["StackId"], resources=list(_kept(client, stack["StackId"])))
        _delete(run, stack)
    for kind, physical in run.state.facts.get("resources", []):
        try:
            KEPT[kind](run, physical)
        except ClientError as error:
            if not gone(error):
                raise


def _small_stack(run: Run, name: str) -> None:
    """A stack that keeps nothing, by its id, which was the answer to the run's own call; where only
    a name is known, PermissionError as of `_stack`."""
    if name.startswith("arn:"):
        stack = _described(run.world.client("cloudformation"), name)
    else:
        stack = _own(run, name)
    if stack is not None:
        _delete(run, stack)


def _own(run: Run, name: str) -> JSON | None:
    """The stack, None when there is none. Raises PermissionError when it is somebody else's."""
    stack = _described(run.world.client("cloudformation"), name)
    if stack is not None and not run.world.owns(stack, run.state.run):
        raise PermissionError("it must have the tag of this run, so it is left alone")
    return stack


def _delete(run: Run, stack: JSON) -> None:
    client = run.world.client("cloudformation")
    client.delete_stack(StackName=stack["StackId"])
    waiter = client.get_waiter("stack_delete_complete")
    pace = {"Delay": run.world.look_every * 5, "MaxAttempts": 240}
    waiter.wait(StackName=stack["StackId"], WaiterConfig=pace)


def _described(client: Any, name: str) -> JSON | None:
    """The stack, None when there is none."""
    try:
        [stack] = client.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if stack["StackStatus"] == "DELETE_COMPLETE" else dict(stack)


def _kept(client: Any, stack_id: str) -> Iterator[list[str]]:
    """Resources of the stack that may outlive it, by type and physical id."""
    for page in client.get_paginator("list_stack_resources").paginate(StackName=stack_id):
        for one in page["StackResourceSummaries"]:
            if one["ResourceType"] in KEPT and one.get("PhysicalResourceId"):
                yield [one["ResourceType"], one["PhysicalResourceId"]]


def _table(run: Run, name: str) -> None:
    client = run.world.client("dynamodb")
    with suppress(ClientError):
        client.update_table(TableName=name, DeletionProtectionEnabled=False)
    client.delete_table(TableName=name)


def _bucket(run: Run, name: str) -> None:
    client = run.world.client("s3")
    for page in client.get_paginator("list_object_versions").paginate(Bucket=name):
        for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            client.delete_object(Bucket=name, Key=one["Key"], VersionId=one["VersionId"])
    client.delete_bucket(Bucket=name)


def _log_group(run: Run, name: str) -> None:
    run.world.client("logs").delete_log_group(logGroupName=name)


def _rule(run: Run, name: str) -> None:
    client = run.world.client("events")
    client.remove_targets(Rule=name, Ids=["queue"])
    client.delete_rule(Name=name)


def _queue(run: Run, name: str) -> None:
    client = run.world.client("sqs")
    client.delete_queue(QueueUrl=client.get_queue_url(QueueName=name)["QueueUrl"])


def _role(run: Run, name: str) -> None:
    client = run.world.client("iam")
    for policy in client.list_role_policies(RoleName=name)["PolicyNames"]:
        client.delete_role_policy(RoleName=name, PolicyName=policy)
    client.delete_role(RoleName=name)


def _plan(run: Run, plan: str) -> None:
    stages = run.gateway.get_usage_plan(usagePlanId=plan).get("apiStages") or []
    patches = [
        {"op": "remove", "path": "/apiStages", "value": f"{one['apiId']}:{one['stage']}"}
        for one in stages
    ]
    if patches:
        run.gateway.update_usage_plan(usagePlanId=plan, patchOperations=patches)
    run.gateway.delete_usage_plan(usagePlanId=plan)


Remove = Callable[[Run, str], Any]
KEPT: dict[str, Remove] = {
    "AWS::DynamoDB::Table": _table,
    "AWS::S3::Bucket": _bucket,
    "AWS::Logs::LogGroup": _log_group,
}
REMOVE: dict[str, Remove] = {
    "stack": _stack,
    "small-stack": _small_stack,
    "table": _table,
    "rule": _rule,
    "queue": _queue,
    "alarm": lambda run, name: run.world.client("cloudwatch").delete_alarms(AlarmNames=[name]),
    "machine": lambda run, arn: run.world.client("stepfunctions").delete_state_machine(
        stateMachineArn=arn
    ),
    "role": _role,
    "plan": _plan,
    "key": lambda run, key: run.gateway.delete_api_key(apiKey=key),
    "api": lambda run, api: run.gateway.delete_rest_api(restApiId=api),
    "parameter": lambda run, name: run.world.client("ssm").delete_parameter(Name=name),
}
