"""CloudFormation's own resources, and documents that a template takes from elsewhere."""

from __future__ import annotations

import pytest

from emulator.tests.openapi_lab import document
from tests.lint.lint_lab import Bench, bench

__all__ = ["bench"]

API = """
        Parameters:
          Asks: {Type: String, Default: "true"}
          Verb: {Type: String, Default: delete}
        Resources:
          Api:
            Type: AWS::ApiGateway::RestApi
            Properties: {Name: pets}
          Pets:
            Type: AWS::ApiGateway::Resource
            Properties: {RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: pets}
          Pet:
            Type: AWS::ApiGateway::Resource
            Properties: {RestApiId: !Ref Api, ParentId: !Ref Pets, PathPart: "{id}"}
          Method:
            Type: AWS::ApiGateway::Method
            Properties:
              RestApiId: !Ref Api
"""


def method(*lines: str) -> str:
    """A template whose one method, in line 15, has these properties from line 19 on."""
    return API + "".join(f"              {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        ("!GetAtt Api.RootResourceId", "/"),
        ("!GetAtt [Api, RootResourceId]", "/"),
        ("{'Fn::GetAtt': Api.RootResourceId}", "/"),
        ("!Ref Pets", "/pets"),
        ("!Ref Pet", "/pets/{id}"),
        ("!GetAtt Pet.ResourceId", "/pets/{id}"),
        ("!ImportValue pets", "…"),
        ("!Ref Nothing", "…"),
    ],
)
def test_a_method_has_the_path_of_its_resource(bench: Bench, resource: str, path: str) -> None:
    text = method(f"ResourceId: {resource}", "HttpMethod: GET")
    assert bench.open(text) == [f"14 GET {path}"]


@pytest.mark.parametrize(
    ("value", "opened"),
    [
        ("true", []),
        ('"true"', []),
        ("!Ref Asks", []),
        ("!If [Prod, true, !Ref Asks]", []),
        ("false", ["18 GET /pets"]),
        ("!If [Prod, true, false]", ["18 GET /pets"]),
        ("!If [Prod, true, !Ref AWS::NoValue]", ["18 GET /pets"]),
        ("!Ref Unknown", ["18 GET /pets"]),
        ("null", ["18 GET /pets"]),
    ],
)
def test_only_what_is_true_for_certain_asks_for_a_key(
    bench: Bench, value: str, opened: list[str]
) -> None:
    text = method(f"ApiKeyRequired: {value}", "ResourceId: !Ref Pets", "HttpMethod: GET")
    assert bench.open(text) == opened


@pytest.mark.parametrize(
    ("verb", "opened"),
    [("get", "GET"), ("ANY", "ANY"), ("!Ref Verb", "DELETE"), ("!ImportValue verb", "?")],
)
def test_a_method_has_its_verb(bench: Bench, verb: str, opened: str) -> None:
    text = method("ResourceId: !Ref Pets", f"HttpMethod: {verb}")
    assert bench.open(text) == [f"14 {opened} /pets"]


def test_options_is_exempt(bench: Bench) -> None:
    assert bench.open(method("ResourceId: !Ref Pets", "HttpMethod: OPTIONS")) == []


def test_the_remedy_is_a_property_of_the_method(bench: Bench) -> None:
    text = method("ResourceId: !Ref Pets", "HttpMethod: GET")
    assert bench.remedies(text) == ["Properties of Method: ApiKeyRequired: true"]
    body = {"Resources": {"M": {"Type": "AWS::ApiGateway::Method", "Properties": {}}}}
    assert bench.remedies(body) == ['Properties of M: "ApiKeyRequired": true']


def test_a_parent_that_is_its_own_child_has_no_path(bench: Bench) -> None:
    text = """
        Resources:
          A: {Type: AWS::ApiGateway::Resource, Properties: {ParentId: !Ref B, PathPart: a}}
          B: {Type: AWS::ApiGateway::Resource, Properties: {ParentId: !Ref A, PathPart: b}}
          M: {Type: AWS::ApiGateway::Method, Properties: {ResourceId: !Ref A, HttpMethod: GET}}
        """
    (opened,) = bench.open(text)
    assert opened.startswith("4 GET …/")


def test_a_document_in_the_body_is_checked_where_it_stands(bench: Bench) -> None:
    text = """
        Resources:
          Api:
            Type: AWS::ApiGateway::RestApi
            Properties:
              Body:
                openapi: 3.0.1
                info: {title: !Sub "${AWS::StackName}"}
                paths:
                  /a:
                    get:
                      x-amazon-apigateway-integration: {uri: !Sub "${Function.Arn}"}
                    options: {}
                    Fn::If: [Prod, a, b]
                  /b: !If
                    - Prod
                    - get: {security: [{key: []}]}
                    - get: {}
                  /c:
                    get: !If [Prod, {security: [{key: []}]}, !Ref AWS::NoValue]
                components:
                  securitySchemes:
                    key: {type: apiKey, name: x-api-key, in: header}
        """
    assert bench.open(text) == ["10 GET /a", "17 GET /b"]


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("Serverless::Api", "DefinitionUri: ../api.json"),
        ("Serverless::Api", "DefinitionBody: !Transform {Name: AWS::Include, Parameters: P}"),
        ("ApiGateway::RestApi", "Body: {Fn::Transform: {Name: AWS::Include, Parameters: P}}"),
    ],
)
def test_a_document_in_a_file_of_its_own_is_checked_there(
    bench: Bench, kind: str, properties: str
) -> None:
    bench.write("api.json", document({"/a": {"get": None, "post": ["api_key"]}}))
    own = properties.replace("P}", "{Location: ../api.json}}")
    text = f"Resources: {{Api: {{Type: AWS::{kind}, Properties: {{{own}}}}}}}"
    findings = bench.findings(text, "stack/template.yaml")
    assert findings.errors == findings.notes == []
    places = [(m.file, m.deployed.verb, m.deployed.key_required) for m in findings.methods]
    assert places == [("api.json", "GET", False), ("api.json", "POST", True)]
    assert {method.api for method in findings.methods} == {"Api"}


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("Serverless::Api", "DefinitionUri: s3://bucket/api.json"),
        ("Serverless::Api", "DefinitionUri: {Bucket: b, Key: k}"),
        ("Serverless::Api", "DefinitionUri: !Sub '${Folder}/api.json'"),
        ("Serverless::Api", "DefinitionBody: !ImportValue api"),
        ("ApiGateway::RestApi", "BodyS3Location: {Bucket: b, Key: k}"),
        ("ApiGateway::RestApi", "Body: {Fn::Transform: {Name: AWS::Include}}"),
    ],
)
def test_a_document_elsewhere_is_noted(bench: Bench, kind: str, properties: str) -> None:
    text = f"Resources: {{Api: {{Type: AWS::{kind}, Properties: {{{properties}}}}}}}"
    findings = bench.findings(text)
    key = properties.split(":")[0]
    told = f"{key} of Api is not checked: its document must be a local file"
    assert [str(note) for note in findings.notes] == [f"file.yaml:1: {told}"]
    assert findings.methods == findings.errors == []


def test_a_loop_over_resources_is_noted(bench: Bench) -> None:
    findings = bench.findings("Resources:\n  Fn::ForEach::Methods: [Verb, [GET, PUT], {}]\n")
    assert [str(note) for note in findings.notes] == [
        "file.yaml:2: Fn::ForEach::Methods is not looked into"
    ]


@pytest.mark.parametrize(
    ("properties", "name"),
    [
        ("Name: pets, Body: {paths: {/a: {get: }}}", "pets"),
        (
            "Name: !Sub 'a-${AWS::StackName}', Body: {info: {title: shop}, paths: {/a: {get: }}}",
            "shop",
        ),
        ("Body: {info: {title: !Ref Title}, paths: {/a: {get: }}}", "default title"),
        ("Body: {paths: {/a: {get: }}}", "Api"),
    ],
)
def test_an_api_is_called_by_its_name_or_title_or_logical_id(
    bench: Bench, properties: str, name: str
) -> None:
    text = f"""
        Parameters: {{Title: {{Type: String, Default: default title}}}}
        Resources:
          Api: {{Type: AWS::ApiGateway::RestApi, Properties: {{{properties}}}}}
        """
    assert {method.api for method in bench.findings(text).methods} == {name}


def test_a_method_belongs_to_the_api_it_names(bench: Bench) -> None:
    (named,) = bench.findings(method("HttpMethod: GET")).methods
    assert named.api == "pets"
    text = (
        "Resources: {M: {Type: AWS::ApiGateway::Method, Properties: {RestApiId: !ImportValue a}}}"
    )
    (foreign,) = bench.findings(text).methods
    assert foreign.api == ""


def test_http_apis_have_no_keys_to_ask_for(bench: Bench) -> None:
    text = """
        Resources:
          A: {Type: AWS::Serverless::HttpApi, Properties: {DefinitionBody: {paths: {/a: {get: }}}}}
          B: {Type: AWS::ApiGatewayV2::Api, Properties: {Body: {paths: {/a: {get: }}}}}
        """
    findings = bench.findings(text)
    assert findings.methods == findings.notes == []
