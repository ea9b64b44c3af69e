"""SAM templates: lines, remedies, and what only a deployment tells."""

from __future__ import annotations

import pytest

from tests.lint.lint_lab import Bench, bench

__all__ = ["bench"]


def test_lines_and_remedies_are_those_of_the_events(bench: Bench) -> None:
    text = """
        Transform: AWS::Serverless-2016-10-31
        Globals:
          Api:
            Name: pets
        Resources:
          Function:
            Type: AWS::Serverless::Function
            Properties:
              Handler: !Sub "${Name}.handler"
              Events:
                Bare:
                  Type: Api
                  Properties: {Path: /a, Method: get}
                Refused:
                  Type: Api
                  Properties:
                    Path: /b
                    Method: any
                    Auth:
                      ApiKeyRequired: false
                Elsewhere:
                  Type: HttpApi
                  Properties: {Path: /c, Method: get}
                Closed:
                  Type: Api
                  Properties: {Path: /d, Method: get, Auth: {ApiKeyRequired: true}}
        """
    assert bench.open(text) == ["11 GET /a", "20 ANY /b"]
    assert bench.remedies(text) == [
        "Properties of the event Bare: Auth: {ApiKeyRequired: true}",
        "Auth in Properties of the event Refused: ApiKeyRequired: true",
    ]


@pytest.mark.parametrize(
    ("api", "remedy"),
    [
        ("Cors: '*'", "Properties of Api: Auth: {ApiKeyRequired: true}"),
        (
            "Cors: '*', Auth: {DefaultAuthorizer: AWS_IAM}",
            "Auth in Properties of Api: ApiKeyRequired: true",
        ),
        (
            "Cors: '*', Auth: {ApiKeyRequired: true, AddApiKeyRequiredToCorsPreflight: false}",
            "Auth in Properties of Api: AddApiKeyRequiredToCorsPreflight: true",
        ),
    ],
)
def test_the_remedy_for_a_preflight_is_the_apis(bench: Bench, api: str, remedy: str) -> None:
    text = f"""
        Resources:
          Api:
            Type: AWS::Serverless::Api
            Properties: {{{api}}}
          Function:
            Type: AWS::Serverless::Function
            Properties:
              Events:
                One:
                  Type: Api
                  Properties:
                    {{RestApiId: !Ref Api, Path: /a, Method: get, Auth: {{ApiKeyRequired: true}}}}
        """
    (preflight,) = [m for m in bench.findings(text).methods if m.deployed.verb == "OPTIONS"]
    assert f"{preflight.place}: {preflight.remedy}" == remedy
    assert preflight.line == 4


@pytest.mark.parametrize(
    "value", ["!If [Prod, true, false]", "!Ref Unknown", "!ImportValue asks", '"no"']
)
def test_a_value_known_only_at_deployment_counts_as_open(bench: Bench, value: str) -> None:
    text = f"""
        Resources:
          Function:
            Type: AWS::Serverless::Function
            Properties:
              Events:
                One:
                  Type: Api
                  Properties: {{Path: /a, Method: get, Auth: {{ApiKeyRequired: {value}}}}}
        """
    assert bench.open(text) == ["8 GET /a"]


def test_an_event_that_the_template_does_not_place_is_noted(bench: Bench) -> None:
    text = """
        Resources:
          Function:
            Type: AWS::Serverless::Function
            Properties:
              Events:
                One: {Type: Api, Properties: {Path: /a, Method: !Ref Verb}}
                Two: {Type: Api, Properties: {Path: /a, Method: get, RestApiId: !Ref Nowhere}}
                Three: {Type: Api, Properties: {Path: /a, Method: get, RestApiId: !ImportValue a}}
        """
    findings = bench.findings(text)
    assert findings.methods == []
    assert [(note.line, note.text.split(" is ")[0]) for note in findings.notes] == [
        (6, "the event One"),
        (7, "the event Two"),
        (8, "the event Three"),
    ]


def test_the_remedy_for_a_scheme_that_sam_drops_is_the_apis(bench: Bench) -> None:
    text = """
        Resources:
          Api:
            Type: AWS::Serverless::Api
            Properties:
              Auth: {DefaultAuthorizer: AWS_IAM}
              DefinitionBody:
                openapi: 3.0.1
                info: {title: shop, version: "1"}
                paths:
                  /a:
                    get: {security: [{own: []}], x-amazon-apigateway-integration: {type: mock}}
                components:
                  securitySchemes:
                    own: {type: apiKey, name: x-api-key, in: header}
        """
    assert bench.open(text) == ["11 GET /a"]
    assert bench.remedies(text) == ["Auth in Properties of Api: ApiKeyRequired: true"]
    assert bench.open(text.replace("AWS_IAM}", "AWS_IAM, ApiKeyRequired: true}")) == []


def test_a_preflight_that_asks_for_a_key_is_named_once(bench: Bench) -> None:
    auth = "{ApiKeyRequired: true}"
    text = """
        Resources:
          Shop:
            Type: AWS::Serverless::Api
            Properties: {{StageName: prod, Cors: "'*'", Auth: {auth}}}
          List:
            Type: AWS::Serverless::Function
            Properties:
              Handler: app.list
              Runtime: python3.13
              InlineCode: x
              Events:
                A: {{Type: Api, Properties: {{RestApiId: !Ref Shop, Path: /a, Method: get}}}}
                B: {{Type: Api, Properties: {{RestApiId: !Ref Shop, Path: /b, Method: get}}}}
        """
    (note,) = bench.findings(text.format(auth=auth)).notes
    assert "OPTIONS /a, /b asks for a key, and browsers send none" in note.text
    auth = "{ApiKeyRequired: true, AddApiKeyRequiredToCorsPreflight: false}"
    assert bench.findings(text.format(auth=auth)).notes == []
