"""OpenAPI documents: what the check says is what an import into the emulator makes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.tests.openapi_lab import DOCUMENTS, document, imported, methods, real_document
from keyward.lint.check import Checker
from keyward.lint.openapi import Document
from keyward.lint.positions import JsonReader, Map
from keyward.lint.source import Source
from tests import tree
from tests.lint.lint_lab import Bench, bench, default_rule, summary

__all__ = ["bench"]

# file name → methods, methods that the default policy would call open (data/SOURCES.md)
REAL = {
    "PLAIN-box-oas3-186paths-296ops.json": (296, 294),
    "cognito-auth-http-proxy-oas3-4m.json": (4, 4),
    "devportal-petstore-export-any-proxyplus-swagger2-7m.json": (7, 7),
    "importer-apikey-toplevel-and-method-swagger2-2m.json": (2, 0),
    "mock-cors-swagger2-4m.json": (4, 2),
    "onelogin-account-management-authorizer-oas3-12m.yaml": (12, 12),
    "onelogin-address-cri-public-apikey-2of3-oas3.yaml": (3, 1),
    "pagopa-delivery-push-b2b-apikey-6of11-cors-oas3.yaml": (11, 0),
    "petstore-console-example-swagger2-6m-http-mock-options.json": (6, 4),
    "sfn-crud-any-methods-oas3-2m.yaml": (2, 2),
    "terraform-apikey-get-but-not-options-oas3-2m.json": (2, 0),
}
KEY = {"type": "apiKey", "name": "x-api-key", "in": "header"}


def deployed(body: Any) -> dict[str, tuple[bool, bool]]:
    """What an import makes of a document, in the words of `summary`."""
    return {
        line: (method["apiKeyRequired"], method["authorizationType"] != "NONE")
        for line, method in methods(imported(body)).items()
    }


@pytest.mark.real_data
def test_every_real_document_is_checked() -> None:
    assert set(REAL) == {path.name for path in DOCUMENTS.iterdir()}


@pytest.mark.real_data
@pytest.mark.parametrize("name", REAL)
def test_a_real_document_has_its_open_methods(name: str) -> None:
    checker = Checker()
    findings = checker.check([str(DOCUMENTS / name)])
    assert findings.errors == []
    found = checker.open(default_rule)
    assert (len(findings.methods), len(found)) == REAL[name]


@pytest.mark.real_data
@pytest.mark.parametrize("name", REAL)
def test_a_real_document_asks_for_what_an_import_asks_for(name: str) -> None:
    findings = Checker().check([str(DOCUMENTS / name)])
    assert summary(findings) == deployed(real_document(name))


@pytest.mark.real_data
@pytest.mark.parametrize("name", REAL)
def test_each_line_of_a_real_document_is_the_methods_own(name: str) -> None:
    lines = (DOCUMENTS / name).read_text("utf-8").splitlines()
    for method in Checker().check([str(DOCUMENTS / name)]).methods:
        verb = method.deployed.verb.lower()
        key = "x-amazon-apigateway-any-method" if verb == "any" else verb
        assert lines[method.line - 1].strip(" {\t\"'").startswith(key), method


def test_keywards_sample_api_is_open_but_for_its_preflight() -> None:
    sample = tree.ROOT / "local" / "sample_api.yaml"
    checker = Checker()
    checker.check([str(sample)])
    found = {m.deployed.path for m in checker.open(default_rule)}
    assert found == {"/pets", "/pets/{petId}", "/health"}


def test_keywards_own_template_has_no_api() -> None:
    findings = Checker().check([str(tree.ROOT / "template.yaml")])
    assert (findings.methods, findings.errors, findings.notes) == ([], [], [])


verbs = st.sampled_from(["get", "post", "options", "x-amazon-apigateway-any-method"])
securities = st.none() | st.lists(
    st.sampled_from(["api_key", "signed", "token", "pool", "nobody"]), max_size=3, unique=True
)
tops = st.none() | st.lists(st.sampled_from(["api_key", "token"]), max_size=2, unique=True)
items = st.dictionaries(verbs, securities, min_size=1)


@given(
    st.dictionaries(st.sampled_from(["/", "/a", "/a/{b}", "/c/{d+}"]), items, min_size=1),
    tops,
    st.sampled_from([2, 3]),
)
def test_any_document_asks_for_what_an_import_asks_for(
    paths: dict[str, Any], top: list[str] | None, version: int
) -> None:
    root = {} if top is None else {"security": [{name: []} for name in top]}
    body = document(paths, version, **root)
    text = json.dumps(body, indent=1)
    read = JsonReader(text).read()
    assert isinstance(read, Map)
    found = Checker()
    found.findings.methods = list(Document(Source("d.json", read, True), read, "d").methods())
    assert summary(found.findings) == deployed(body)


@pytest.mark.parametrize(
    ("scheme", "asks"),
    [
        (KEY, True),
        (KEY | {"name": "X-API-Key"}, True),
        (KEY | {"name": "x-other"}, False),
        (KEY | {"in": "query"}, False),
        (KEY | {"x-amazon-apigateway-authtype": "custom"}, False),
        (KEY | {"x-amazon-apigateway-authorizer": {"type": "token"}}, False),
        ({"type": "http", "scheme": "bearer"}, False),
    ],
)
@pytest.mark.parametrize("version", [2, 3])
def test_only_a_plain_key_scheme_asks_for_a_key(
    bench: Bench, scheme: dict[str, Any], asks: bool, version: int
) -> None:
    body = document({"/a": {"get": ["own"]}}, version)
    schemes = body["components"]["securitySchemes"] if version == 3 else body["securityDefinitions"]
    schemes["own"] = scheme
    assert bool(bench.open(body)) is not asks


def test_a_scheme_and_a_path_may_be_references(bench: Bench) -> None:
    opened = bench.open(
        """
        openapi: 3.0.1
        info: {title: t}
        paths:
          /a: {$ref: '#/x-items/a~1b'}
          /b: {$ref: '#/x-items/b'}
        x-items:
          a/b:
            get: {security: [{one: []}]}
          b:
            get: {}
        components:
          securitySchemes:
            one: {$ref: '#/components/securitySchemes/two'}
            two: {type: apiKey, name: x-api-key, in: header}
        """
    )
    assert opened == ["10 GET /b"]


def test_members_of_a_path_that_are_no_methods_are_ignored(bench: Bench) -> None:
    paths = {"/a": {"parameters": [], "trace": {}, "get": None}, "x-own": {"get": {}}}
    assert bench.open({"openapi": "3.0.1", "info": {}, "paths": paths}) == ["8 GET /a"]


@pytest.mark.parametrize(
    ("security", "remedy"),
    [
        ("", "security: [{api_key: []}]"),
        ("security: []", "security: [{api_key: []}]"),
        ("security: [{token: [a, b]}]", "security: [{token: [a, b]}, {api_key: []}]"),
    ],
)
def test_a_remedy_keeps_the_authorizers_that_are_there(
    bench: Bench, security: str, remedy: str
) -> None:
    body = f"""
        openapi: 3.0.1
        info: {{title: t}}
        paths:
          /a:
            get: {{{security}}}
        components:
          securitySchemes:
            api_key: {{type: apiKey, name: x-api-key, in: header}}
        """
    assert bench.remedies(body) == [f"the operation: {remedy}"]


def test_a_remedy_repeats_what_the_top_level_asks_for(bench: Bench) -> None:
    body = document({"/a": {"get": None}}, security=[{"token": []}])
    remedy = '"security": [{"token": []}, {"api_key": []}]'
    assert bench.remedies(body) == [f"the operation: {remedy}"]


@pytest.mark.parametrize("version", [2, 3])
def test_a_remedy_names_the_scheme_that_is_missing(bench: Bench, version: int) -> None:
    body = document({"/a": {"get": None}}, version)
    body.pop("components", None)
    body.pop("securityDefinitions", None)
    holder = "components.securitySchemes" if version == 3 else "securityDefinitions"
    (remedy,) = bench.remedies(body)
    assert f'(and into {holder}: "api_key": {json.dumps(KEY)})' in remedy


@pytest.mark.parametrize("version", [2, 3])
def test_a_document_that_follows_its_remedies_is_closed(bench: Bench, version: int) -> None:
    body = document({"/a": {"get": None, "post": ["token"], "options": None}}, version)
    body.pop("components" if version == 3 else "securityDefinitions")
    for verb, remedy in zip(("get", "post"), bench.remedies(body), strict=True):
        line, scheme = remedy.removeprefix("the operation: ").split(" (and into ")
        body["paths"]["/a"][verb] |= json.loads(f"{{{line}}}")
        made = json.loads(f"{{{scheme.split(': ', 1)[1].removesuffix(')')}}}")
        holder = body.setdefault("components", {}) if version == 3 else body
        holder.setdefault("securitySchemes" if version == 3 else "securityDefinitions", made)
    assert bench.open(body) == []
