"""A function is its role and nothing more; who is not a function owns the account."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.aws import LocalAws
from local.waiting import until


def call(aws: LocalAws, name: str, payload: Any) -> Any:
    answer = aws.client("lambda").invoke(
        FunctionName=aws.outputs[name], Payload=json.dumps(payload)
    )
    return json.loads(answer["Payload"].read())


def test_a_function_may_do_only_what_its_role_allows(trial: Any) -> None:
    refused = call(trial.aws, "TrespassName", {})

    assert "AccessDenied" in refused["errorMessage"]
    assert "dynamodb:PutItem" in refused["errorMessage"]
    assert trial.get("trespass") is None


def test_a_functions_calls_to_api_gateway_carry_its_role(trial: Any) -> None:
    call(trial.aws, "GreetName", {"name": "maker"})

    (made,) = [
        line for line in trial.aws.calls() if line["params"].get("name", "").startswith("made")
    ]
    assert made["caller"] == f"keyward/{trial.aws.outputs['GreetRole']}"


def test_what_keywards_roles_do_does_not_pass_the_rule(trial: Any) -> None:
    call(trial.aws, "GreetName", {"name": "maker"})
    trial.aws.client("apigateway").create_rest_api(name="by a person")

    def names() -> set[str]:
        events = [json.loads(item["event"]["S"]) for item in trial.items() if "event" in item]
        details = [event["detail"] for event in events if event["source"] == "aws.apigateway"]
        return {detail["requestParameters"]["createRestApiInput"]["name"] for detail in details}

    assert "by a person" in until(lambda: "by a person" in names() and names())
    assert "made by a function" not in names()


def test_a_function_sees_neither_the_hosts_settings_nor_its_packages(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    monkeypatch.setenv("HOST_ONLY", "1")

    seen = call(aws, "LookName", {"modules": ["boto3", "aws_lambda_powertools", "pytest", "moto"]})

    assert seen["modules"] == ["boto3", "aws_lambda_powertools"]
    assert "HOST_ONLY" not in seen["variables"]
    assert "AWS_PROFILE" not in seen["variables"]
    assert seen["variables"]["AWS_ENDPOINT_URL"] == aws.urls.aws
    assert seen["variables"]["AWS_ENDPOINT_URL_API_GATEWAY"] == aws.urls.apigateway


@pytest.mark.parametrize("access_key", ["testing", "999999999999", "AKIAIOSFODNN7EXAMPLE"])
def test_anybody_else_owns_the_one_account(aws: LocalAws, access_key: str) -> None:
    session = boto3.Session(access_key, "any", region_name=aws.region)

    tables = session.client("dynamodb", endpoint_url=aws.urls.aws).list_tables()["TableNames"]

    assert aws.outputs["TableName"] in tables


def test_a_stolen_access_key_without_its_secret_is_refused(aws: LocalAws) -> None:
    key = call(aws, "LookName", {"modules": []})["variables"]["AWS_ACCESS_KEY_ID"]
    session = boto3.Session(key, "guessed", "guessed", region_name=aws.region)

    with pytest.raises(ClientError, match="UnrecognizedClient"):
        session.client("dynamodb", endpoint_url=aws.urls.aws).list_tables()
