"""Who moved a stage, in words; and the lines that mend a source."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from emulator.tests.openapi_lab import document, imported, methods
from keyward.apis.model import Place
from keyward.apis.remedies import MAX_METHODS, remedies
from keyward.events.caller import CallerIdentity, caller_of
from keyward.values import JSON
from tests.support import load_event

TERRAFORM = "APN/1.0 HashiCorp/1.0 Terraform/1.9.0 (+https://www.terraform.io) aws-sdk-go/1.38"


def event(**detail: Any) -> JSON:
    made = load_event("cloudtrail-update-stage")
    made["detail"] |= detail
    return made


def test_a_user_and_the_tool_are_told() -> None:
    found = caller_of(event())
    assert found == CallerIdentity("prod", "ada", "boto3", "UpdateStage", "2026-11-23T10:05:00Z")
    assert found.words() == "ada through boto3 (UpdateStage at 2026-11-23T10:05:00Z)"


@pytest.mark.parametrize(
    ("agent", "tool"),
    [
        ("cloudformation.amazonaws.com", "CloudFormation"),
        (TERRAFORM, "Terraform"),
        ("aws-cli/2.15 md/awscrt", "the AWS CLI"),
        ("aws-internal/3 aws-sdk-java/1.11.984", "the console"),
        ("curl/8", ""),
        (7, ""),
    ],
)
def test_the_tool_is_told_by_its_user_agent(agent: object, tool: str) -> None:
    found = caller_of(event(userAgent=agent))
    assert found is not None
    assert found.tool == tool


def test_who_cloudformation_acts_for_is_told() -> None:
    deployed = load_event("cloudtrail-create-deployment")
    deployed["detail"]["userIdentity"]["invokedBy"] = "cloudformation.amazonaws.com"
    found = caller_of(deployed)
    assert found is not None
    assert (found.tool, found.principal, found.stage) == (
        "CloudFormation",
        "pet-shop-pipeline",
        "prod",
    )


def test_a_deployment_without_a_stage_moves_none() -> None:
    deployed = load_event("cloudtrail-create-deployment")
    deployed["detail"]["requestParameters"]["createDeploymentInput"] = {}
    assert caller_of(deployed) is None


@pytest.mark.parametrize("odd", [None, [], "text", 7, {"sessionContext": []}])
def test_an_identity_that_tells_nothing_is_somebody(odd: object) -> None:
    found = caller_of(event(userIdentity=odd, userAgent=None, eventTime=None, eventName=None))
    assert found is not None
    assert found.words() == "somebody"


def test_what_is_told_cannot_forge_a_line() -> None:
    found = caller_of(event(userIdentity={"userName": 'eve"\n{"level": "ok"}' + "x" * 999}))
    assert found is not None
    assert set(found.principal) & set('"\n{}') == set()
    assert len(found.principal) <= 128


PLACES: list[Place] = [("/pets", "POST"), ("/pets", "GET"), ("/pets/{id}", "ANY")]


def test_the_lines_name_every_method() -> None:
    told = remedies(PLACES)
    text = {tool: "\n".join(lines) for tool, lines in told.items()}
    assert "Auth: {ApiKeyRequired: true" in text["sam"]
    assert "Path: '/pets/{id}', Method: any" in text["sam"]
    assert text["cdk"].count("apiKeyRequired: true") == 3
    assert "// POST /pets" in text["cdk"]


def test_the_lines_for_openapi_close_the_methods_that_they_name() -> None:
    lines: JSON = yaml.safe_load("\n".join(remedies([("/pets", "GET")])["openapi"]))
    mended = document({"/pets": {"get": None, "post": None}}) | {"components": lines["components"]}
    mended["paths"]["/pets"]["get"] |= lines["paths"]["/pets"]["get"]
    asks = {line: method["apiKeyRequired"] for line, method in methods(imported(mended)).items()}
    assert asks == {"GET /pets": True, "POST /pets": False}


def test_any_is_written_as_api_gateway_writes_it() -> None:
    lines: JSON = yaml.safe_load("\n".join(remedies(PLACES)["openapi"]))
    assert set(lines["paths"]["/pets/{id}"]) == {"x-amazon-apigateway-any-method"}


def test_a_large_api_gets_a_readable_event() -> None:
    many: list[Place] = [(f"/things/{n}", "GET") for n in range(500)]
    assert len(remedies(many)["cdk"]) == MAX_METHODS
