from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from emulator.tests.openapi_lab import (
    DOCUMENTS,
    SCHEMES,
    document,
    exported,
    imported,
    methods,
    portable,
    real_document,
)

FULL = "apigateway"
NAMES = sorted(path.name for path in DOCUMENTS.iterdir()) if DOCUMENTS.is_dir() else ["none"]


def read(content: bytes) -> Any:
    return json.loads(content)


@pytest.mark.real_data
@pytest.mark.parametrize("name", NAMES)
def test_a_real_document_survives_export_and_import(name: str) -> None:
    api = imported(real_document(name))
    api.settings.setdefault("version", "1")
    copy = imported(exported(api, "oas30", FULL, "documentation"))
    assert portable(copy) == portable(api)


@pytest.mark.real_data
@pytest.mark.parametrize("name", NAMES)
def test_swagger_keeps_all_but_the_media_types_of_single_responses(name: str) -> None:
    # it has one `produces` an operation, so the media types of the responses are joined
    api = imported(real_document(name))
    api.settings.setdefault("version", "1")
    copy = imported(exported(api, "swagger", FULL, "documentation"))
    found, wanted = portable(copy), portable(api)
    for method in [*found["methods"].values(), *wanted["methods"].values()]:
        for response in method.get("methodResponses", {}).values():
            response.pop("responseModels", None)
    assert found == wanted


def test_versions_and_servers_of_both_kinds() -> None:
    api = imported(document({"/a": {"get": None}}))
    three, two = read(exported(api, "oas30")), read(exported(api, "swagger"))
    assert (three["openapi"], two["swagger"]) == ("3.0.1", "2.0")
    assert three["servers"][0]["variables"] == {"basePath": {"default": "prod"}}
    assert (two["host"], two["basePath"]) == ("api1.execute-api.us-east-1.amazonaws.com", "/prod")
    assert three["paths"]["/a"]["get"]["responses"]["200"]["content"] == {}


@pytest.mark.parametrize("kind", ["oas30", "swagger"])
def test_without_extensions_there_are_none(kind: str) -> None:
    paths = {"/a": {"get": ["token"], "x-amazon-apigateway-any-method": ["api_key"]}}
    text = exported(imported(document(paths)), kind).decode()
    assert "x-amazon-" not in text


def test_integrations_and_authorizers_can_be_had_alone() -> None:
    api = imported(document({"/a": {"get": ["token"]}}))
    integrations = exported(api, "oas30", "integrations").decode()
    authorizers = exported(api, "oas30", "authorizers").decode()
    assert "apigateway-integration" in integrations
    assert "apigateway-authorizer" not in integrations
    assert "apigateway-integration" not in authorizers
    assert "apigateway-authorizer" in authorizers


def test_a_method_that_asks_for_a_key_says_so_without_extensions_too() -> None:
    made = read(exported(imported(document({"/a": {"get": ["api_key"], "post": None}}))))
    assert made["paths"]["/a"]["get"]["security"] == [{"api_key": []}]
    assert "security" not in made["paths"]["/a"]["post"]
    assert made["components"]["securitySchemes"] == {"api_key": SCHEMES["api_key"]}


def test_an_authorizer_called_api_key_does_not_swallow_the_key() -> None:
    doc = document({"/a": {"get": ["odd", "api_key"]}})
    schemes = doc["components"]["securitySchemes"]
    schemes["odd"] = SCHEMES["token"]
    api = imported(doc)
    for authorizer in api.authorizers.values():
        authorizer["name"] = {"odd": "api_key"}.get(authorizer["name"], authorizer["name"])
    copy = methods(imported(exported(api, "oas30", FULL)))["GET /a"]
    assert (copy["authorizationType"], copy["apiKeyRequired"]) == ("CUSTOM", True)


def test_an_api_without_a_version_is_exported_with_its_date() -> None:
    api = imported(document({}, info={"title": "example"}))
    assert read(exported(api))["info"]["version"] == "2026-11-18T11:06:40Z"


def test_yaml_says_the_same_as_json() -> None:
    api = imported(document({"/a": {"get": ["api_key"]}}))
    text = exported(api, "oas30", FULL, accepts="yaml")
    assert yaml.safe_load(text) == read(exported(api, "oas30", FULL))


names = st.from_regex("[a-z]{1,6}", fullmatch=True)
texts = st.text(st.characters(codec="ascii", exclude_categories=("C",)), min_size=1, max_size=20)
parts = names | names.map(lambda name: f"{{{name}}}")
integrations = st.fixed_dictionaries(
    {"type": st.sampled_from(["mock", "http", "http_proxy", "aws", "aws_proxy"])},
    optional={
        "uri": texts,
        "httpMethod": st.sampled_from(["GET", "POST", "ANY"]),
        "credentials": texts,
        "connectionType": st.just("VPC_LINK"),
        "connectionId": texts,
        "passthroughBehavior": st.sampled_from(["never", "when_no_match", "when_no_templates"]),
        "timeoutInMillis": st.integers(50, 29000),
        "contentHandling": st.sampled_from(["CONVERT_TO_TEXT", "CONVERT_TO_BINARY"]),
        "cacheKeyParameters": st.lists(texts, max_size=2),
        "requestTemplates": st.dictionaries(texts, texts, max_size=2),
        "requestParameters": st.dictionaries(texts, texts, max_size=2),
        "tlsConfig": st.just({"insecureSkipVerification": True}),
        "responses": st.dictionaries(
            st.sampled_from(["default", "4\\d{2}", ".*error.*"]),
            st.fixed_dictionaries(
                {"statusCode": st.sampled_from(["200", "400", "500"])},
                optional={
                    "responseTemplates": st.dictionaries(texts, texts, max_size=2),
                    "responseParameters": st.dictionaries(texts, texts, max_size=2),
                },
            ),
            max_size=3,
        ),
    },
)
operations = st.fixed_dictionaries(
    {
        "security": st.lists(
            st.sampled_from(sorted(SCHEMES)).map(lambda name: {name: []}), max_size=3, unique_by=str
        ),
        "x-amazon-apigateway-integration": integrations,
    },
    optional={
        "operationId": texts,
        "parameters": st.lists(
            st.builds(
                lambda name, place, required: {"name": name, "in": place, "required": required},
                names,
                st.sampled_from(["query", "header"]),
                st.booleans(),
            ),
            max_size=3,
            unique_by=lambda item: (item["name"], item["in"]),
        ),
    },
)


@given(
    paths=st.dictionaries(
        st.lists(parts, max_size=3).map(lambda items: "/" + "/".join(items)),
        st.dictionaries(
            st.sampled_from(["get", "put", "delete", "options", "x-amazon-apigateway-any-method"]),
            operations,
            min_size=1,
            max_size=3,
        ),
        max_size=4,
    ),
    kind=st.sampled_from(["oas30", "swagger"]),
    source=st.sampled_from(["HEADER", "AUTHORIZER"]),
)
def test_whatever_was_imported_survives_export_and_import(
    paths: Any, kind: str, source: str
) -> None:
    api = imported(document(paths, **{"x-amazon-apigateway-api-key-source": source}))
    assert portable(imported(exported(api, kind, FULL))) == portable(api)
