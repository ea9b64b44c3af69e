"""Whatever shape a node of a document has, it is imported or refused; nothing breaks later on."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
import yaml

from emulator import data_plane, wire
from emulator.emulator import Emulator
from emulator.errors import ApiGatewayError
from emulator.model import JSON
from emulator.tests.openapi_lab import DOCUMENTS, FUNCTION, MOCK, document, real_document
from emulator.tests.places import Place, places, replaced

SHAPES: tuple[Any, ...] = (None, True, 7, "word", [7], {"a": 7})
PREFIX = "x-amazon-apigateway-"
SERVERS_AS_MAPPING = b"""
openapi: 3.0.1
info: {title: orders, version: "1.0"}
servers:
  variables:
    basePath: {default: /dev}
paths:
  /orders:
    get: {}
"""
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}}

# A document of so many nodes takes a second to import.
MANY = 10_000


def everything(version: int) -> JSON:
    """A document in which every node that the importer reads occurs."""
    schema = {"$ref": "#/components/schemas/Pet" if version == 3 else "#/definitions/Pet"}
    integration = MOCK | {
        "uri": FUNCTION,
        "timeoutInMillis": 5000,
        "passthroughBehavior": "when_no_match",
        "contentHandling": "CONVERT_TO_TEXT",
        "cacheKeyParameters": ["method.request.path.id"],
        "requestParameters": {"integration.request.path.id": "method.request.path.id"},
        "tlsConfig": {"insecureSkipVerification": True},
        "responses": {
            "2..": {
                "statusCode": "200",
                "responseParameters": {"method.response.header.X": "'x'"},
                "responseTemplates": {"application/json": "{}"},
                "contentHandling": "CONVERT_TO_TEXT",
            }
        },
    }
    response: JSON = {"description": "ok", "headers": {"X": {"schema": {"type": "string"}}}}
    operation: JSON = {
        "operationId": "getPet",
        "parameters": [{"name": "id", "in": "path", "required": True}],
        "responses": {"200": response},
        "security": [{"api_key": []}, {"pool": ["read"]}],
        f"{PREFIX}integration": integration,
        f"{PREFIX}request-validator": "all",
        f"{PREFIX}auth": {"type": "AWS_IAM"},
    }
    root: JSON = {
        "security": [{"token": []}],
        f"{PREFIX}api-key-source": "HEADER",
        f"{PREFIX}binary-media-types": ["image/png"],
        f"{PREFIX}minimum-compression-size": 10,
        f"{PREFIX}policy": {"Version": "2012-10-17", "Statement": []},
        f"{PREFIX}request-validators": {"all": {"validateRequestBody": True}},
        f"{PREFIX}request-validator": "all",
        f"{PREFIX}documentation": {
            "documentationParts": [{"location": {"type": "API"}, "properties": {"info": {}}}]
        },
        f"{PREFIX}gateway-responses": {
            "QUOTA_EXCEEDED": {
                "statusCode": 429,
                "responseParameters": {"gatewayresponse.header.X": "'x'"},
                "responseTemplates": {"application/json": "{}"},
            }
        },
    }
    endpoint = {"disableExecuteApiEndpoint": False, "vpcEndpointIds": ["vpce-1"]}
    if version == 3:
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
        response["content"] = {"application/json": {"schema": SCHEMA}}
        server = {"url": "https://example.org/v1", f"{PREFIX}endpoint-configuration": endpoint}
        root["servers"] = [server | {"variables": {"basePath": {"default": "v1"}}}]
    else:
        operation["parameters"].append({"name": "body", "in": "body", "schema": schema})
        operation |= {"consumes": ["application/json"], "produces": ["application/json"]}
        response["schema"] = SCHEMA
        root |= {"basePath": "/v1", "definitions": {"Pet": SCHEMA}}
        root[f"{PREFIX}endpoint-configuration"] = endpoint
    made = document({"/pets/{id}": {"get": operation, f"{PREFIX}any-method": {}}}, version, **root)
    made["paths"]["/pets/{id}"]["parameters"] = [{"name": "q", "in": "query"}]
    made["paths"]["/shared"] = {"$ref": "#/paths/~1pets~1{id}"}
    if version == 3:
        made["components"]["schemas"] = {"Pet": SCHEMA}
    return made


def use(emulator: Emulator, body: bytes) -> bool:
    """Import the document into a new API, read all of it, serve it: whether it was taken."""
    try:
        api = emulator.call("ImportRestApi", {"body": body, "parameters": {"basepath": "prepend"}})
    except ApiGatewayError as refused:
        if refused.status != 400:
            raise
        return False
    where = {"restApiId": api["id"]}
    for operation in ("Models", "Authorizers", "RequestValidators", "GatewayResponses"):
        wire.serialize(f"Get{operation}", emulator.call(f"Get{operation}", where))
    found = emulator.call("GetResources", where | {"embed": ["methods"], "limit": 500})
    wire.serialize("GetResources", found)
    if any(item.get("resourceMethods") for item in found["items"]):
        serve(emulator, where, [item["path"] for item in found["items"]])
    emulator.call("DeleteRestApi", where)
    return True


def serve(emulator: Emulator, where: JSON, paths: list[str]) -> None:
    """Deploy, export and call it."""
    try:
        emulator.call("CreateDeployment", where | {"stageName": "prod"})
    except ApiGatewayError as refused:
        if "No integration defined" not in refused.message:
            raise
        return
    for kind in ("swagger", "oas30"):
        wanted = {"exportType": kind, "parameters": {"extensions": "apigateway,documentation"}}
        emulator.call("GetExport", where | {"stageName": "prod"} | wanted)
    for path in paths:
        data_plane.handle(emulator, "GET", where["restApiId"], "prod", path, "", {}, b"")


def check(whole: JSON, wanted: list[Place]) -> None:
    """Each place with each shape."""
    emulator = Emulator()
    for place in wanted:
        for shape in SHAPES:
            body = json.dumps(replaced(whole, place, shape)).encode()
            try:
                use(emulator, body)
            except Exception as problem:
                raise AssertionError(f"{place} = {shape!r}: {problem!r}") from problem


# Some nodes, and all of them among the large tests.
@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.sizes)])
@pytest.mark.parametrize("version", [2, 3])
def test_a_node_of_any_shape_is_imported_or_refused(version: int, every: int) -> None:
    whole = everything(version)
    assert use(Emulator(), json.dumps(whole).encode())

    check(whole, list(places(whole))[version % every :: every])


@pytest.mark.real_data
@pytest.mark.parametrize("name", sorted(path.name for path in DOCUMENTS.glob("*")))
def test_a_node_of_any_shape_in_a_real_document_is_imported_or_refused(name: str) -> None:
    whole = json.loads(real_document(name))
    found = list(places(whole))

    check(whole, random.Random(name).sample(found, 4 if len(found) < MANY else 1))


@pytest.mark.parametrize(
    "body",
    [
        b"openapi: 3.0.1\ninfo: &a {title: *a}\n",
        b"openapi: 3.0.1\ninfo: {}\npaths: {? [a, b] : {}, 7: {}, ~: {}, true: {get: {}}}\n",
        b"openapi: 3.0.1\ninfo: !!binary aGVsbG8=\n",
        b"openapi: 3.0.1\ninfo: {title: !!set {a, b}, version: .nan}\npaths: {/a: {get: {}}}\n",
        b'{"openapi": "3.0.1", "info": {}, "paths": ' + b"[" * 100_000,
    ],
)
def test_what_only_yaml_or_a_deep_nest_can_say_is_imported_or_refused(body: bytes) -> None:
    use(Emulator(), body)


def test_a_library_that_changes_yaml_in_this_process_changes_no_import(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(loader: object, node: object) -> None:
        raise TypeError("another library's mapping")

    tag = "tag:yaml.org,2002:map"
    monkeypatch.setitem(yaml.SafeLoader.yaml_constructors, tag, refuse)

    use(Emulator(), b"openapi: 3.0.1\ninfo: {title: pets}\npaths: {}\n")


def test_one_server_without_brackets_is_a_server() -> None:
    emulator = Emulator()
    wanted = {"body": SERVERS_AS_MAPPING, "parameters": {"basepath": "prepend"}}

    api = emulator.call("ImportRestApi", wanted)

    found = emulator.call("GetResources", {"restApiId": api["id"]})
    assert "/dev/orders" in [item["path"] for item in found["items"]]
