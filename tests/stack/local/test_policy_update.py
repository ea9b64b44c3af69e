"""The update from the last edition, on a CloudFormation engine: the live policy stays as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from keyward.values import JSON
from local.aws import LocalAws
from tests import tree
from tools import keep_policy

STACK = "edition"
POLICY = f"{STACK}-policy"
# Two spaces and an order of its own: a policy that was parsed and written again would differ.
LIVE = (
    '{"usage_plans":  {"pro": {"throttle": {"burstLimit": 7, "rateLimit": 3}}}, "exemptions": []}'
)

# What the last edition had of the policy (its template, commit 9285a83^), and what else it needs.
LAST: JSON = {
    "Parameters": {"InitialPolicy": {"Type": "String", "Default": '{"usage_plans": {}}'}},
    "Resources": {
        "PolicyParameter": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {
                "Name": {"Fn::Sub": "${AWS::StackName}-policy"},
                "Description": "Keyward's policy.",
                "Type": "String",
                "Tier": "Advanced",
                "Value": {"Ref": "InitialPolicy"},
            },
        },
        "ReportBucket": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"},
    },
}


@pytest.fixture
def stack(aws: LocalAws) -> Iterator[Any]:
    """A stack of the last edition, whose policy its owner changed."""
    formation = aws.client("cloudformation")
    formation.create_stack(StackName=STACK, TemplateBody=json.dumps(LAST))
    formation.get_waiter("stack_create_complete").wait(
        StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    aws.client("ssm").put_parameter(Name=POLICY, Value=LIVE, Type="String", Overwrite=True)
    yield formation
    formation.delete_stack(StackName=STACK)
    gone(formation)
    for name in aws.client("ssm").get_parameters(Names=[POLICY])["Parameters"]:
        aws.client("ssm").delete_parameter(Name=name["Name"])


def gone(formation: Any) -> None:
    formation.get_waiter("stack_delete_complete").wait(
        StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def today() -> JSON:
    """What is left of today's template beside functions: all that an update keeps or deletes."""
    kept = {"AWS::SSM::Parameter", "AWS::S3::Bucket"}
    found = tree.deployed()["Resources"].items()
    return {
        "Resources": {
            key: {name: item[name] for name in ("Type", "DeletionPolicy", "UpdateReplacePolicy")}
            for key, item in found
            if item["Type"] in kept and "Condition" not in item
        }
    }


def update(formation: Any) -> None:
    formation.update_stack(StackName=STACK, TemplateBody=json.dumps(today()))
    formation.get_waiter("stack_update_complete").wait(
        StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def live(aws: LocalAws) -> list[tuple[str, int]]:
    found = aws.client("ssm").get_parameters(Names=[POLICY])["Parameters"]
    return [(one["Value"], one["Version"]) for one in found]


def test_the_two_steps_keep_the_live_policy_byte_for_byte(aws: LocalAws, stack: Any) -> None:
    before = live(aws)
    assert before[0][0] == LIVE

    assert "keeps edition-policy" in keep_policy.keep(aws.client, STACK)
    assert live(aws) == before
    update(stack)
    assert live(aws) == before
    stack.delete_stack(StackName=STACK)
    gone(stack)
    assert live(aws) == before


def test_without_the_first_step_the_update_deletes_the_policy(aws: LocalAws, stack: Any) -> None:
    assert keep_policy.owns_policy(stack, STACK)
    update(stack)
    assert live(aws) == []


def test_the_first_step_is_done_once(aws: LocalAws, stack: Any) -> None:
    keep_policy.keep(aws.client, STACK)
    assert "cannot delete the policy" in keep_policy.keep(aws.client, STACK)
    update(stack)
    assert "cannot delete the policy" in keep_policy.keep(aws.client, STACK)
