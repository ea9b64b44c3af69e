from __future__ import annotations

import pytest

from emulator.tests.openapi_lab import SHARED
from keyward.cli import app
from tests.lint.lint_lab import Bench, bench

__all__ = ["bench"]

CASES = SHARED / "cases" / "public-reports"
ROOT_FORMS = [
    "!GetAtt Api.RootResourceId",
    "!GetAtt [Api, RootResourceId]",
    '!Sub "${Api.RootResourceId}"',
    '!Join ["", [!GetAtt Api.RootResourceId]]',
    '!Join ["", [!Sub "${Api.RootResourceId}"]]',
]
API_FORMS = ["!Ref Api", '!Sub "${Api}"', '!Join ["", [!Ref Api]]']


def template(root: str, api: str) -> str:
    return f"""
        Resources:
          Api: {{Type: AWS::ApiGateway::RestApi, Properties: {{Name: shop}}}}
          Health:
            Type: AWS::ApiGateway::Resource
            Properties: {{RestApiId: {api}, ParentId: {root}, PathPart: health}}
          Get:
            Type: AWS::ApiGateway::Method
            Properties: {{RestApiId: {api}, ResourceId: !Ref Health, HttpMethod: GET}}
        """


@pytest.mark.parametrize("api", API_FORMS)
@pytest.mark.parametrize("root", ROOT_FORMS)
def test_every_spelling_of_a_reference_leads_to_the_same_method(
    bench: Bench, root: str, api: str
) -> None:
    (method,) = bench.findings(template(root, api)).methods
    assert (method.api, method.deployed.path) == ("shop", "/health")


@pytest.mark.real_data
def test_a_nested_application_is_looked_into(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["lint", str(CASES / "lint-nested-application.yaml")]) == 1
    assert "1 of 1 method in" in capsys.readouterr().out


def test_nested_templates_that_name_each_other_are_looked_into_once(bench: Bench) -> None:
    nested = """
        Resources:
          Other: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: {other}}}}}
          Api: {{Type: AWS::ApiGateway::RestApi, Properties: {{Name: shop}}}}
          Get:
            Type: AWS::ApiGateway::Method
            Properties:
              RestApiId: !Ref Api
              ResourceId: !GetAtt Api.RootResourceId
              HttpMethod: GET
        """
    bench.write("b.yaml", nested.format(other="a.yaml"))
    findings = bench.findings(nested.format(other="b.yaml"), "a.yaml")
    assert {method.file for method in findings.methods} == {"a.yaml", "b.yaml"}


def test_a_nested_template_elsewhere_is_noted(bench: Bench) -> None:
    location = "{Location: s3://bucket/child.yaml}"
    findings = bench.findings(
        f"Resources: {{Shop: {{Type: AWS::Serverless::Application, Properties: {location}}}}}"
    )
    assert ["Location of Shop is not checked" in str(note) for note in findings.notes] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "name: ci\non: push\njobs: {}\n",
        "apiVersion: v1\nkind: Service\n---\napiVersion: v1\nkind: Pod\n",
        '{"subject": "hello", "openapi_link": 1}',
        "{{- if .Values.api }}\nkind: Deployment\n",
        "",
    ],
)
def test_the_hook_passes_over_what_is_neither_template_nor_document(
    bench: Bench, text: str
) -> None:
    name = bench.write("deploy-api.yaml", text)
    assert app.main(["lint", "--skip-others", name]) == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("openapi.json", '{"openapi":"3.0.1","paths":{"/a":{"get":{}}}}'),
        ("swagger.yml", "swagger: '2.0'\npaths: {/a: {get: {}}}\n"),
        ("template.yaml", template(ROOT_FORMS[0], API_FORMS[0])),
    ],
)
def test_the_hook_still_finds_open_methods(bench: Bench, name: str, text: str) -> None:
    assert app.main(["lint", "--skip-others", bench.write(name, text)]) == 1
