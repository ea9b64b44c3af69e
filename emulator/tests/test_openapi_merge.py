from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.ids import Ids
from emulator.openapi import import_document
from emulator.tests.openapi_lab import document, empty_api, imported, methods


def test_settings_of_the_api_come_from_the_extensions() -> None:
    doc = document(
        {"/a": {"get": None}},
        servers=[
            {
                "url": "/",
                "x-amazon-apigateway-endpoint-configuration": {
                    "disableExecuteApiEndpoint": True,
                    "vpcEndpointIds": ["vpce-0123456789abcdef0"],
                },
            }
        ],
        **{
            "x-amazon-apigateway-api-key-source": "AUTHORIZER",
            "x-amazon-apigateway-minimum-compression-size": 0,
            "x-amazon-apigateway-policy": {"Version": "2012-10-17"},
            "x-amazon-apigateway-binary-media-types": ["image/png"],
            "x-amazon-apigateway-gateway-responses": {"THROTTLED": {"statusCode": 420}},
            "x-amazon-apigateway-documentation": {
                "documentationParts": [{"location": {"type": "API"}, "properties": {"info": 1}}]
            },
        },
    )
    api = imported(doc)
    settings = api.settings
    assert (settings["apiKeySource"], settings["minimumCompressionSize"]) == ("AUTHORIZER", 0)
    assert json.loads(settings["policy"]) == {"Version": "2012-10-17"}
    assert settings["binaryMediaTypes"] == ["image/png"]
    assert settings["disableExecuteApiEndpoint"] is True
    assert settings["endpointConfiguration"]["vpcEndpointIds"] == ["vpce-0123456789abcdef0"]
    assert api.gateway_responses["THROTTLED"]["statusCode"] == "420"
    assert len(api.documentation_parts) == 1


@pytest.mark.parametrize(
    ("mode", "paths"),
    [
        ("ignore", {"/", "/e"}),
        ("prepend", {"/", "/a", "/a/b", "/a/b/c", "/a/b/c/e"}),
        ("split", {"/", "/b", "/b/c", "/b/c/e"}),
    ],
)
@pytest.mark.parametrize(
    "where",
    [
        {"version": 2, "basePath": "/a/b/c"},
        {"servers": [{"url": "https://example.org/a/b/c"}]},
        {"servers": [{"url": "/x", "variables": {"basePath": {"default": "/a/b/c"}}}]},
    ],
)
def test_the_base_path_is_ignored_prepended_or_split(
    mode: str, paths: set[str], where: dict[str, Any]
) -> None:
    api = imported(document({"/e": {"get": None}}, **where), basepath=mode)
    assert set(api.by_path()) == paths


def test_merge_keeps_what_the_document_does_not_name() -> None:
    api = imported(document({"/a": {"get": ["api_key"], "post": ["api_key"]}}))
    api.settings["binaryMediaTypes"] = ["image/png"]
    former = {resource.path: resource.id for resource in api.resources.values()}
    more = {"x-amazon-apigateway-binary-media-types": ["image/gif", "image/png"]}
    imported(document({"/a": {"get": None}, "/b": {"get": None}}, **more), api, "merge")
    found = {line: method["apiKeyRequired"] for line, method in methods(api).items()}
    assert found == {"GET /a": False, "POST /a": True, "GET /b": False}
    assert api.settings["binaryMediaTypes"] == ["image/png", "image/gif"]
    assert api.by_path()["/a"].id == former["/a"]


def test_overwrite_drops_what_the_document_does_not_name_and_keeps_ids() -> None:
    first = {"/a": {"get": ["token"]}, "/b": {"get": None}}
    api = imported(document(first, **{"x-amazon-apigateway-binary-media-types": ["image/png"]}))
    former, authorizers = api.by_path()["/a"].id, set(api.authorizers)
    imported(document({"/a": {"post": ["token"]}}), api, "overwrite")
    assert set(methods(api)) == {"POST /a"}
    assert api.by_path()["/a"].id == former
    assert set(api.authorizers) == authorizers
    assert "binaryMediaTypes" not in api.settings


def test_a_merge_without_a_key_source_sets_it_back_to_header() -> None:
    source = {"x-amazon-apigateway-api-key-source": "AUTHORIZER"}
    api = imported(document({"/a": {"get": None}}, **source))
    imported(document({"/b": {"get": None}}), api, "merge")
    assert api.settings["apiKeySource"] == "HEADER"


def test_names_that_aws_refuses_are_warned_about() -> None:
    doc = document({"/a/{id}": {"get": None}, "/a/{other}": {"get": None}, "/b#c": {"get": None}})
    api = empty_api()
    warnings = import_document(
        api, json.dumps(doc).encode(), mode="overwrite", ids=Ids(seed=1), parameters={}
    )
    assert len(api.resources) == 5
    assert ["sibling" in warning for warning in warnings] == [True, False]
