"""A CSV that is put into the bucket becomes keys, on the real stack."""

from __future__ import annotations

import json

from keyward.values import JSON
from tests.stack.stack_lab import Stack, eventually

KEY = "onboarding/first.csv"
ROWS = "customer_id,plan,name\nmary,free,Mary\nnobody-s,platinum,\nlise,pro,Lise\n"


def put(stack: Stack, text: str) -> None:
    bucket = stack.aws.outputs["ReportBucketName"]
    stack.aws.client("s3").put_object(Bucket=bucket, Key=KEY, Body=text.encode())


def result(stack: Stack) -> JSON:
    bucket = stack.aws.outputs["ReportBucketName"]
    s3, key = stack.aws.client("s3"), f"{KEY}.result.json"
    if not s3.list_objects_v2(Bucket=bucket, Prefix=key).get("KeyCount"):
        return {}
    return dict(json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))


def test_a_file_becomes_keys_and_a_result_and_the_same_file_again_changes_nothing(
    stack: Stack,
) -> None:
    put(stack, ROWS)
    for customer_id, plan in (("mary", "free"), ("lise", "pro")):
        announced = stack.outcome("KeyIssued", customer_id=customer_id)
        assert stack.plans_of(announced["key_id"]) == [plan]
    first = eventually(lambda: (r := result(stack)).get("finished_at") and r, what="the result")
    assert (first["rows"], first["recorded"], first["issued"]) == (3, 2, 2)
    assert [(item["row"], item["column"]) for item in first["refused"]] == [(3, "plan")]

    put(stack, ROWS)
    again = eventually(
        lambda: (r := result(stack))["version"] != first["version"] and r.get("finished_at") and r,
        what="the second result",
    )
    assert (again["recorded"], again["unchanged"], again["issued"]) == (0, 2, 2)
    assert len(stack.keys_of("mary")) == 1
