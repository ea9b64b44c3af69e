from __future__ import annotations

import json

import pytest

from emulator.errors import ApiGatewayError
from emulator.ids import Ids
from emulator.openapi import import_document
from emulator.tests.openapi_lab import (
    DOCUMENTS,
    MOCK,
    document,
    empty_api,
    imported,
    methods,
    real_document,
)

# file name → resources, methods, ANY, methods that ask for a key (data/SOURCES.md)
COUNTS = {
    "PLAIN-box-oas3-186paths-296ops.json": (213, 296, 0, 0),
    "cognito-auth-http-proxy-oas3-4m.json": (5, 4, 0, 0),
    "devportal-petstore-export-any-proxyplus-swagger2-7m.json": (8, 7, 1, 0),
    "importer-apikey-toplevel-and-method-swagger2-2m.json": (3, 2, 0, 2),
    "mock-cors-swagger2-4m.json": (3, 4, 0, 0),
    "onelogin-account-management-authorizer-oas3-12m.yaml": (14, 12, 0, 0),
    "onelogin-address-cri-public-apikey-2of3-oas3.yaml": (6, 3, 0, 2),
    "pagopa-delivery-push-b2b-apikey-6of11-cors-oas3.yaml": (16, 11, 0, 6),
    "petstore-console-example-swagger2-6m-http-mock-options.json": (3, 6, 0, 0),
    "sfn-crud-any-methods-oas3-2m.yaml": (2, 2, 2, 0),
    "terraform-apikey-get-but-not-options-oas3-2m.json": (1, 2, 0, 1),
}


@pytest.mark.real_data
def test_every_document_is_counted() -> None:
    assert set(COUNTS) == {path.name for path in DOCUMENTS.iterdir()}


@pytest.mark.real_data
@pytest.mark.parametrize("name", COUNTS)
def test_a_real_document_has_its_resources_and_methods(name: str) -> None:
    api = imported(real_document(name))
    found = methods(api)
    keyed = sum(method["apiKeyRequired"] for method in found.values())
    wildcards = sum(line.startswith("ANY ") for line in found)
    assert (len(api.resources), len(found), wildcards, keyed) == COUNTS[name]


@pytest.mark.real_data
@pytest.mark.parametrize("name", COUNTS)
def test_every_resource_hangs_below_its_parent(name: str) -> None:
    api = imported(real_document(name))
    for resource in api.resources.values():
        if resource.parent_id:
            parent = api.resources[resource.parent_id].path.rstrip("/")
            assert resource.path == f"{parent}/{resource.path_part}"


def test_yaml_and_json_say_the_same() -> None:
    text = b"openapi: 3.0.1\ninfo: {title: t, version: 2020-01-02}\npaths:\n  /a:\n    get: {}\n"
    api = imported(text)
    assert list(methods(api)) == ["GET /a"]
    assert (api.settings["name"], api.settings["version"]) == ("t", "2020-01-02")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not a definition",
        b"{",
        b"a: [",
        b"[]",
        b'{"info": {}, "paths": {}}',
        b'{"swagger": "1.2", "info": {}, "paths": {}}',
        b'{"openapi": "3.0.1", "paths": {}}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_document_is_refused(body: bytes) -> None:
    with pytest.raises(ApiGatewayError) as refused:
        imported(body)
    assert (refused.value.status, refused.value.message) == (400, "Invalid OpenAPI input.")


def test_an_integration_without_a_type_is_refused() -> None:
    broken = {"x-amazon-apigateway-integration": {"uri": "https://example.org"}}
    with pytest.raises(ApiGatewayError, match="Unable to put integration on 'GET'"):
        imported(document({"/a": {"get": broken}}))


@pytest.mark.parametrize(
    ("security", "kind", "key"),
    [
        (None, "NONE", False),
        ([], "NONE", False),
        (["api_key"], "NONE", True),
        (["token"], "CUSTOM", False),
        (["pool"], "COGNITO_USER_POOLS", False),
        (["signed"], "AWS_IAM", False),
        (["token", "api_key"], "CUSTOM", True),
        (["signed", "api_key"], "AWS_IAM", True),
    ],
)
@pytest.mark.parametrize("version", [2, 3])
def test_security_becomes_authorization_and_key(
    security: list[str] | None, kind: str, key: bool, version: int
) -> None:
    method = methods(imported(document({"/a": {"get": security}}, version)))["GET /a"]
    assert (method["authorizationType"], method["apiKeyRequired"]) == (kind, key)


def test_global_security_holds_where_an_operation_says_nothing() -> None:
    paths = {"/a": {"get": None, "post": [], "x-amazon-apigateway-any-method": None}}
    found = methods(imported(document(paths, security=[{"api_key": []}])))
    assert {line: method["apiKeyRequired"] for line, method in found.items()} == {
        "GET /a": True,
        "POST /a": False,
        "ANY /a": True,
    }


def test_an_authorizer_takes_its_header_and_defaults() -> None:
    api = imported(document({"/a": {"get": ["token"], "post": ["pool"]}}))
    authorizers = {item["name"]: item for item in api.authorizers.values()}
    assert authorizers["token"]["type"] == "TOKEN"
    assert authorizers["token"]["identitySource"] == "method.request.header.X-Api-Key"
    assert authorizers["token"]["authorizerResultTtlInSeconds"] == 300
    assert authorizers["pool"]["providerARNs"]
    assert methods(api)["GET /a"]["authorizerId"] == authorizers["token"]["id"]


def test_scopes_are_kept_for_a_user_pool() -> None:
    operation = {"security": [{"pool": ["email", "openid"]}]}
    method = methods(imported(document({"/a": {"get": operation}})))["GET /a"]
    assert method["authorizationScopes"] == ["email", "openid"]


def test_the_old_auth_extension_still_means_a_signature() -> None:
    operation = {"x-amazon-apigateway-auth": {"type": "aws_iam"}, "security": [{"api_key": []}]}
    method = methods(imported(document({"/a": {"get": operation}})))["GET /a"]
    assert (method["authorizationType"], method["apiKeyRequired"]) == ("AWS_IAM", True)


def test_an_integration_gets_the_defaults_of_put_integration() -> None:
    api = imported(document({"/a": {"get": None}}))
    resource = api.by_path()["/a"]
    assert resource.methods["GET"]["methodIntegration"] == {
        "type": "MOCK",
        "passthroughBehavior": "WHEN_NO_MATCH",
        "timeoutInMillis": 29000,
        "cacheNamespace": resource.id,
        "cacheKeyParameters": [],
        "responseTransferMode": "BUFFERED",
        "requestTemplates": MOCK["requestTemplates"],
        "integrationResponses": {"200": {"statusCode": "200"}},
    }


@pytest.mark.real_data
def test_the_pattern_of_a_response_is_its_key() -> None:
    name = "importer-apikey-toplevel-and-method-swagger2-2m.json"
    integration = methods(imported(real_document(name)))["GET /products"]["methodIntegration"]
    responses = integration["integrationResponses"]
    assert responses["200"]["selectionPattern"] == r"2\d{2}"
    assert "selectionPattern" not in responses["400"]
    assert integration["cacheNamespace"] == "cache namespace"
    assert integration["credentials"].endswith("role/lambda_exec_role")


def test_parameters_of_path_and_operation_are_joined_through_references() -> None:
    parameters = {"Id": {"name": "id", "in": "path", "required": True}}
    schemes = document({})["components"]["securitySchemes"]
    doc = document(
        {"/a/{id}": {"get": {"parameters": [{"name": "q", "in": "query", "required": True}]}}},
        components={"parameters": parameters, "securitySchemes": schemes},
    )
    doc["paths"]["/a/{id}"]["parameters"] = [
        {"$ref": "#/components/parameters/Id"},
        {"name": "q", "in": "query"},
        {"name": "session", "in": "cookie"},
    ]
    assert methods(imported(doc))["GET /a/{id}"]["requestParameters"] == {
        "method.request.path.id": True,
        "method.request.querystring.q": True,
    }


def test_bodies_name_their_models_and_nameless_ones_get_one() -> None:
    content = {
        "application/json": {"schema": {"$ref": "#/components/schemas/Pet"}},
        "text/plain": {"schema": {"type": "object", "properties": {"a": {"type": "string"}}}},
    }
    doc = document({"/a": {"post": {"requestBody": {"content": content}}}})
    doc["components"]["schemas"] = {
        "Pet": {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Pet"}}},
        "Not-a-name": {"type": "object"},
    }
    api = empty_api()
    warnings = import_document(
        api, json.dumps(doc).encode(), mode="overwrite", ids=Ids(seed=1), parameters={}
    )
    models = methods(api)["POST /a"]["requestModels"]
    assert models["application/json"] == "Pet"
    assert models["text/plain"].startswith("MODEL")
    assert set(api.models) == set(models.values())
    assert "restapis/api1/models/Pet" in api.models["Pet"]["schema"]
    assert warnings == [
        "Unable to create model for 'Not-a-name': Model name must be alphanumeric: Not-a-name"
    ]


def test_validators_are_found_by_name() -> None:
    doc = document(
        {"/a": {"get": None, "post": {"x-amazon-apigateway-request-validator": "all"}}},
        **{
            "x-amazon-apigateway-request-validators": {
                "all": {"validateRequestBody": True, "validateRequestParameters": True},
                "params": {"validateRequestParameters": True},
            },
            "x-amazon-apigateway-request-validator": "params",
        },
    )
    api = imported(doc)
    names = {
        line: api.request_validators[method["requestValidatorId"]]["name"]
        for line, method in methods(api).items()
    }
    assert names == {"GET /a": "params", "POST /a": "all"}
