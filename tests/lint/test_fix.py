"""`keyward lint --fix`: every method asks for a key afterwards, and nothing else is changed."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from emulator.tests.openapi_lab import DOCUMENTS, SHARED, real_document
from keyward.lint.source import parsed
from keyward.lint.spans import spans_of
from keyward.values import JSON
from tests.lint.lint_lab import Bench, bench, run
from tests.lint.sam_lab import is_sam
from tests.lint.test_sam_agreement import SETTINGS

__all__ = ["bench"]

Capture = pytest.CaptureFixture[str]
KEYS = (
    "security",
    "AddApiKeyRequiredToCorsPreflight",
    "securitySchemes",
    "securityDefinitions",
    "ApiKeyRequired",
    "Auth",
)
REAL = [
    *(
        pytest.param(path, marks=pytest.mark.sizes) if path.stat().st_size > 1_000_000 else path
        for path in sorted(DOCUMENTS.glob("*.*"))
    ),
    *sorted(p for p in (SHARED / "cases").rglob("*") if p.is_file() and is_sam(p)),
    SHARED / "cases" / "public-reports" / "lint-root-by-sub.yaml",
]
SMALL = [path for path in sorted(DOCUMENTS.glob("*.*")) if path.stat().st_size < 100_000]
TEMPLATE = """
    # what the shop is made of
    Transform: AWS::Serverless-2016-10-31
    Globals: {Function: {Runtime: python3.13}}   # for all
    Resources:
      Shop:
        Type: AWS::Serverless::Api
        Properties:
          StageName: prod   # the only one
      List:
        Type: AWS::Serverless::Function
        Properties:
          Handler: "app.list"
          Events:
            Own:
              Type: Api
              Properties: {RestApiId: !Ref Shop, Path: /own, Method: get}
            Two:
              Type: Api
              Properties:
                # the path of old
                Path: /two
                Method: post
                Auth:
                  # nobody asked
                  ApiKeyRequired: false   # not yet
            Implicit:
              Type: Api
              Properties:
                Path: /pets
                Method: any
"""
NATIVE = """
    Resources:
      Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: 'shop'}}
      Get:
        Type: AWS::ApiGateway::Method
        Properties:

          # who knows
          RestApiId: !Ref Api
          ResourceId: !GetAtt Api.RootResourceId
          HttpMethod: GET
      Put:
        Type: AWS::ApiGateway::Method
        Properties: {RestApiId: !Ref Api, ResourceId: !GetAtt Api.RootResourceId, HttpMethod: PUT,
          ApiKeyRequired: false}
      Imported:
        Type: AWS::ApiGateway::RestApi
        Properties:
          Body:
            openapi: 3.0.1
            info: {title: a}
            paths:
              /a:
                get: {}
                post:
                put: ~
                delete: {x-odd: !Sub "${Api}"}
"""
CHOICE = """
    Conditions: {Yes: !Equals [a, a]}
    Resources:
      Api:
        Type: AWS::ApiGateway::RestApi
        Properties:
          Body:
            swagger: "2.0"
            paths:
              /a: !If
                - Yes
                - get: {description: one}
                - post:
                    description: two
"""
OPENAPI = """
    openapi: 3.0.1
    info:
      title: shop   # its name
    security:
    - signed: []
    paths:
      /a:
        get:
            summary: "odd indent"
        put: {summary: flow}
        options: {}
    components:
      securitySchemes:
        signed: {type: apiKey, name: Authorization, in: header,
                 x-amazon-apigateway-authtype: awsSigv4}
"""
TEXTS = {"sam": TEMPLATE, "native": NATIVE, "choice": CHOICE, "openapi": OPENAPI}


def without_keys(value: Any) -> Any:
    """A document without what says that a key is asked for, and without what is empty then."""
    if isinstance(value, dict):
        inner = {name: without_keys(one) for name, one in value.items() if name not in KEYS}
        return {name: one for name, one in inner.items() if one not in ({}, None)}
    return [without_keys(one) for one in value] if isinstance(value, list) else value


def check(name: str, before: str, capsys: Capture, others: int = 0) -> str:
    """Fix a file, hold the result to what is promised: its text."""
    code, out, err = run(["--fix", name], capsys)
    after = Path(name).read_bytes().decode()
    assert (code, out.split()[0]) == (0, "0"), (out, err)
    strict = name.endswith(".json")
    old, new = (parsed(text.removeprefix("\ufeff"), strict)[0] for text in (before, after))
    assert without_keys(new) == without_keys(old)
    was, is_now = Counter(before.splitlines()), Counter(after.splitlines())
    for line in was - is_now:
        longer = any(one.startswith(line) for one in is_now - was)
        assert longer or any(word in line for word in (*KEYS, "{", "null", ":")), line
    comments = [line.partition("#")[2] for line in before.splitlines() if "#" in line]
    assert all(comment in after for comment in comments)
    assert run(["--fix", name], capsys)[0] == 0
    assert Path(name).read_bytes().decode() == after
    return after


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_text_keeps_all_but_keys(bench: Bench, capsys: Capture, kind: str, ending: str) -> None:
    name = bench.write("file.yaml", TEXTS[kind])
    text = Path(name).read_text().replace("\n", ending)
    Path(name).write_bytes(text.encode())
    after = check(name, text, capsys)
    assert (ending == "\r\n") == ("\r\n" in after)
    assert after.replace("\r\n", "").count("\n") == (0 if ending == "\r\n" else after.count("\n"))


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("indent", [None, 1, 4, "\t"])
def test_the_same_in_json(bench: Bench, capsys: Capture, kind: str, indent: Any) -> None:
    name = bench.write("file.yaml", TEXTS[kind])
    data, _, _ = parsed(Path(name).read_text(), strict=False)
    Path(name).unlink()
    text = json.dumps(data, indent=indent)
    Path("file.json").write_text(text)
    check("file.json", text, capsys)


def test_one_line_is_put_before_the_first_member(bench: Bench, capsys: Capture) -> None:
    name = bench.write("file.yaml", NATIVE)
    after = check(name, Path(name).read_text(), capsys)
    assert "\n      # who knows\n      ApiKeyRequired: true\n      RestApiId: !Ref Api\n" in after
    assert "ApiKeyRequired: true}" in after


@pytest.mark.real_data
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
def test_a_real_document_is_fixed(bench: Bench, capsys: Capture, path: Path) -> None:
    for beside in path.parent.glob("*.*"):
        if beside.stat().st_size < 100_000 or beside == path:
            shutil.copy(beside, bench.folder)
    check(path.name, path.read_bytes().decode(), capsys)


@pytest.mark.real_data
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.name)
def test_a_real_document_in_a_template_of_sam_is_fixed(
    bench: Bench, capsys: Capture, path: Path, settings: JSON
) -> None:
    properties = {"DefinitionBody": json.loads(real_document(path.name))} | settings
    api = {"Type": "AWS::Serverless::Api", "Properties": properties}
    name = bench.write("template.json", {"Resources": {"Api": api}})
    check(name, Path(name).read_text(), capsys)


def test_a_mapping_that_paths_share_is_closed_for_all_of_them(
    bench: Bench, capsys: Capture
) -> None:
    text = """
        swagger: "2.0"
        paths:
          /a: &shared
            get: {}
          /b: {<<: *shared}
        """
    name = bench.write("file.yaml", text)
    code, out, err = run(["--fix", name], capsys)
    assert (code, out) == (0, "0 of 2 methods in 1 file would be open\n")
    assert err == "note: file.yaml: 2 members were put in\n"
    assert Path(name).read_text().count("security: [{api_key: []}]") == 1


# The definitions hold no members, or another member is the same mapping.
@pytest.mark.parametrize("definitions", ["none", "7", "[]", "&same {}\nx-other: *same"])
def test_a_file_of_which_an_edit_would_change_more_is_left(
    bench: Bench, capsys: Capture, definitions: str
) -> None:
    text = f'swagger: "2.0"\nsecurityDefinitions: {definitions}\npaths: {{/a: {{get: {{}}}}}}\n'
    name = bench.write("file.yaml", text)
    before = Path(name).read_text()
    code, out, err = run(["--fix", name], capsys)
    assert (code, Path(name).read_text()) == (1, before)
    assert "1 of 1 method in 1 file would be open" in out
    assert "file.yaml: left as it is, as only a person can tell where" in err


def test_findings_go_into_code_scanning(bench: Bench, capsys: Capture) -> None:
    name = bench.write("docs/api.yaml", OPENAPI)
    code, out, _ = run(["--sarif", name, "missing.yaml"], capsys)
    told = json.loads(out)
    (one,) = told["runs"]
    places = [result["locations"][0]["physicalLocation"] for result in one["results"]]
    assert (code, told["version"]) == (2, "2.1.0")
    assert [place["artifactLocation"]["uri"] for place in places] == [name, name, "missing.yaml"]
    assert places[0]["region"] == {"startLine": 8}
    assert {result["ruleId"] for result in one["results"]} == {
        rule["id"] for rule in one["tool"]["driver"]["rules"]
    }
    assert "GET /a asks for no key" in one["results"][0]["message"]["text"]


def test_the_places_of_yaml_and_json_are_those_of_the_values() -> None:
    text = '{"a": [1, {"b": null}], "c": "x"}'
    for is_json in (True, False):
        root = spans_of(text, is_json)
        span = root.child("c")
        assert span is not None
        assert text[span.start : span.end] == '"x"'
        items = root.child("a")
        assert items is not None
        inner = items.child(1)
        assert inner is not None
        assert text[inner.start : inner.end] == '{"b": null}'
