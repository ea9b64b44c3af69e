"""The update from the last edition, on a CloudFormation engine: the live policy stays as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from keyward.values import JSON
from local.aws import TEMPLATE, LocalAws
from local.template import load
from tests import tree
from tools import prepare_update

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
        "KeysTable": {
            "Type": "AWS::DynamoDB::Table",
            "DeletionPolicy": "Delete",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [
                    {"AttributeName": "customer_id", "AttributeType": "S"},
                    {"AttributeName": "record", "AttributeType": "S"},
                    {"AttributeName": "due", "AttributeType": "S"},
                    {"AttributeName": "due_at", "AttributeType": "N"},
                ],
                "KeySchema": [
                    {"AttributeName": "customer_id", "KeyType": "HASH"},
                    {"AttributeName": "record", "KeyType": "RANGE"},
                ],
                "GlobalSecondaryIndexes": [
                    {
                        "IndexName": "due-index",
                        "KeySchema": [
                            {"AttributeName": "due", "KeyType": "HASH"},
                            {"AttributeName": "due_at", "KeyType": "RANGE"},
                        ],
                        "Projection": {"ProjectionType": "KEYS_ONLY"},
                    }
                ],
            },
        },
    },
}


@pytest.fixture
def stack(aws: LocalAws) -> Iterator[Any]:
    """A stack of the last edition, whose policy its owner changed."""
    formation = aws.client("cloudformation")
    formation.create_stack(StackName=STACK, TemplateBody=json.dumps(LAST))
    formation.get_waiter("stack_create_complete").wait(
        StackName=STACK, WaiterConfig={"Delay": 0.1, "MaxAttempts": 3000}
    )
    aws.client("ssm").put_parameter(Name=POLICY, Value=LIVE, Type="String", Overwrite=True)
    yield formation
    formation.delete_stack(StackName=STACK)
    gone(formation)
    for name in aws.client("ssm").get_parameters(Names=[POLICY])["Parameters"]:
        aws.client("ssm").delete_parameter(Name=name["Name"])


def gone(formation: Any) -> None:
    formation.get_waiter("stack_delete_complete").wait(
        StackName=STACK, WaiterConfig={"Delay": 0.1, "MaxAttempts": 3000}
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
        StackName=STACK, WaiterConfig={"Delay": 0.1, "MaxAttempts": 3000}
    )


def live(aws: LocalAws) -> list[tuple[str, int]]:
    found = aws.client("ssm").get_parameters(Names=[POLICY])["Parameters"]
    return [(one["Value"], one["Version"]) for one in found]


def test_the_two_steps_keep_the_live_policy_byte_for_byte(aws: LocalAws, stack: Any) -> None:
    before = live(aws)
    assert before[0][0] == LIVE

    assert "is prepared" in prepare_update.prepare(aws.client, STACK)
    assert live(aws) == before
    update(stack)
    assert live(aws) == before
    stack.delete_stack(StackName=STACK)
    gone(stack)
    assert live(aws) == before


def test_without_the_first_step_the_update_deletes_the_policy(aws: LocalAws, stack: Any) -> None:
    reasons = prepare_update.unprepared(stack, STACK)
    assert reasons[0] == "the update would delete the policy"
    update(stack)
    assert live(aws) == []


def test_the_first_step_is_done_once(aws: LocalAws, stack: Any) -> None:
    assert len(prepare_update.unprepared(stack, STACK)) == 2
    assert prepare_update.prepare(aws.client, STACK).count(": done") == 2
    assert prepare_update.unprepared(stack, STACK) == []
    assert ": done" not in prepare_update.prepare(aws.client, STACK)
    update(stack)
    assert ": done" not in prepare_update.prepare(aws.client, STACK)


def test_one_update_makes_one_index_of_a_table() -> None:
    # UpdateTable takes one new index, and so does an update of CloudFormation.
    template, today = json.loads(json.dumps(LAST)), load(TEMPLATE)
    for step in prepare_update.steps(template, today):
        before = indexes(template)
        step.change(template)
        assert all(len(names - before[table]) <= 1 for table, names in indexes(template).items())
    wanted = indexes(today)
    assert wanted["KeysTable"] - indexes(LAST)["KeysTable"] > {"key-index"}
    assert len(wanted["KeysTable"] - indexes(template)["KeysTable"]) == 1
    properties = template["Resources"]["KeysTable"]["Properties"]
    schemas = [index["KeySchema"] for index in properties["GlobalSecondaryIndexes"]]
    keys = {key["AttributeName"] for schema in schemas for key in schema}
    known = {one["AttributeName"] for one in properties["AttributeDefinitions"]}
    # CloudFormation refuses a definition that no key has, and a key without one.
    assert known == keys | {"customer_id", "record"}


def indexes(template: JSON) -> dict[str, set[str]]:
    """The names of the indexes of each table."""
    return {
        name: {index["IndexName"] for index in item["Properties"].get("GlobalSecondaryIndexes", [])}
        for name, item in template["Resources"].items()
        if item["Type"] == "AWS::DynamoDB::Table"
    }
