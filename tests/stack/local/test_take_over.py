"""A new stack takes over what a deleted one left, on a CloudFormation engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.aws import LocalAws
from tools import take_over

STACK = "taken"
WAIT = {"Delay": 0.1, "MaxAttempts": 3000}
ACME = {"customer_id": {"S": "acme"}, "plan": {"S": "free"}}


@pytest.fixture
def formation(aws: LocalAws) -> Iterator[Any]:
    """CloudFormation, after a stack of Keyward was made of what is kept, used and deleted."""
    client, kept = aws.client("cloudformation"), {*take_over.kept_resources()}
    body = json.dumps(take_over.import_template(kept))
    client.create_stack(StackName=STACK, TemplateBody=body)
    client.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig=WAIT)
    (customers,) = [name for name in tables(aws) if "CustomersTable" in name]
    aws.client("dynamodb").put_item(TableName=customers, Item=ACME)
    yield client
    delete(client)
    for name in tables(aws):
        aws.client("dynamodb").delete_table(TableName=name)
    for bucket in buckets(aws):
        aws.client("s3").delete_bucket(Bucket=bucket)


def tables(aws: LocalAws) -> list[str]:
    pages = aws.client("dynamodb").get_paginator("list_tables").paginate()
    return [name for page in pages for name in page["TableNames"] if name.startswith(f"{STACK}-")]


def buckets(aws: LocalAws) -> list[str]:
    found = aws.client("s3").list_buckets()["Buckets"]
    return [one["Name"] for one in found if one["Name"].startswith(f"{STACK}-")]


def delete(client: Any) -> None:
    client.delete_stack(StackName=STACK)
    client.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig=WAIT)


def owned(client: Any) -> dict[str, str]:
    found = client.list_stack_resources(StackName=STACK)["StackResourceSummaries"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}


def test_a_new_stack_takes_over_what_the_deleted_one_left(
    aws: LocalAws, formation: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    before = owned(formation)
    assert take_over.main(["--stays", STACK], aws.client) == 0
    said = capsys.readouterr().out
    assert [name for name in before.values() if name not in said] == []
    delete(formation)
    assert {*tables(aws), *buckets(aws)} == {*before.values()}

    assert take_over.main([STACK], aws.client) == 0
    assert owned(formation) == before
    table = before["CustomersTable"]
    assert aws.client("dynamodb").scan(TableName=table)["Items"] == [ACME]

    # What `make deploy` does then: the same stack grows, and keeps what it took over.
    grown = take_over.import_template({*before})
    grown["Resources"]["More"] = {"Type": "AWS::SQS::Queue"}
    formation.update_stack(StackName=STACK, TemplateBody=json.dumps(grown))
    formation.get_waiter("stack_update_complete").wait(StackName=STACK, WaiterConfig=WAIT)
    assert owned(formation).items() > before.items()
    assert aws.client("dynamodb").scan(TableName=table)["Items"] == [ACME]


def test_nothing_is_taken_over_where_two_could_be_meant(
    aws: LocalAws, formation: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    delete(formation)
    aws.client("dynamodb").create_table(
        TableName=f"{STACK}-CustomersTable-TWICE",
        AttributeDefinitions=[{"AttributeName": "customer_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "customer_id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert take_over.main([STACK], aws.client) == 1
    assert "could be meant" in capsys.readouterr().err


def test_a_stack_that_left_nothing_is_made_by_a_deployment(
    aws: LocalAws, capsys: pytest.CaptureFixture[str]
) -> None:
    assert take_over.main(["nobodys"], aws.client) == 1
    assert "make deploy" in capsys.readouterr().err
    assert [take_over.main(words, aws.client) for words in ([], ["--all", "x"])] == [2, 2]
