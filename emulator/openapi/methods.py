"""Turns an operation of the document into a method with its responses and integration."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from emulator.model import JSON
from emulator.openapi.document import (
    EXTENSION,
    Document,
    Operation,
    is_model_name,
    mapping,
    mappings,
    named_texts,
    status,
    text,
    texts,
    whole,
)

_PLACES = {"path": "path", "query": "querystring", "header": "header"}
_TEXTS = ("uri", "credentials", "connectionType", "connectionId", "httpMethod", "integrationTarget")
_RESPONSE = ("responseParameters", "responseTemplates")
# PutIntegration's default (API reference, timeoutInMillis: 29 seconds).
DEFAULT_TIMEOUT = 29_000


class Schemas:
    """Turns schemas of bodies into model names, making models for those without a name.

    API Gateway calls these `MODEL` and six hexadecimal figures; here they follow from the schema.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self.made: dict[str, JSON] = {}

    def models(self, schemas: dict[str, JSON]) -> dict[str, str]:
        """Model names by media type; a model that cannot be is left out."""
        named = {kind: self._name(schema) for kind, schema in schemas.items()}
        return {kind: name for kind, name in named.items() if name}

    def _name(self, schema: Any) -> str | None:
        reference = schema.get("$ref") if isinstance(schema, dict) else None
        if isinstance(reference, str):
            name = reference.rpartition("/")[2]
            known = name in self._document.schemas and is_model_name(name)
            return name if known else None
        digest = hashlib.sha256(json.dumps(schema, sort_keys=True, default=str).encode())
        name = f"MODEL{digest.hexdigest()[:6]}"
        self.made[name] = schema
        return name


def method(operation: Operation, document: Document, schemas: Schemas, resource_id: str) -> JSON:
    """The method in the shape of GetMethod; authorization is added by security.py."""
    made: JSON = {
        "httpMethod": operation.verb,
        "authorizationType": "NONE",
        "apiKeyRequired": False,
    }
    if operation.body.get("operationId"):
        made["operationName"] = text(operation.body["operationId"])
    parameters = _request_parameters(document.parameters(operation))
    if parameters:
        made["requestParameters"] = parameters
    models = schemas.models(document.request_schemas(operation))
    if models:
        made["requestModels"] = models
    responses = _method_responses(operation, document, schemas)
    if responses:
        made["methodResponses"] = responses
    wanted = operation.body.get(f"{EXTENSION}integration")
    if wanted is not None:
        made["methodIntegration"] = integration(document.resolve(mapping(wanted)), resource_id)
    return made


def _request_parameters(parameters: list[JSON]) -> dict[str, bool]:
    made = {}
    for item in parameters:
        place, name = _PLACES.get(text(item.get("in"))), text(item.get("name") or "")
        if place and name:
            made[f"method.request.{place}.{name}"] = bool(item.get("required"))
    return made


def _method_responses(
    operation: Operation, document: Document, schemas: Schemas
) -> dict[str, JSON]:
    """Responses by status; `default` and ranges such as `4XX` have no place in API Gateway."""
    made: dict[str, JSON] = {}
    for code, item in mapping(operation.body.get("responses")).items():
        if not code.isdigit():
            continue
        response = document.resolve(item)
        headers = mapping(response.get("headers"))
        shown: JSON = {"statusCode": code}
        if headers:
            names = [f"method.response.header.{name}" for name in headers]
            shown["responseParameters"] = dict.fromkeys(names, False)
        models = schemas.models(document.response_schemas(operation, response))
        if models:
            shown["responseModels"] = models
        made[code] = shown
    return made


def integration(wanted: JSON, resource_id: str) -> JSON:
    """The integration in the shape of GetIntegration, with PutIntegration's defaults."""
    made: JSON = {
        "type": text(wanted.get("type") or "").upper(),
        "passthroughBehavior": text(wanted.get("passthroughBehavior") or "WHEN_NO_MATCH").upper(),
        "timeoutInMillis": whole(wanted.get("timeoutInMillis") or DEFAULT_TIMEOUT),
        "cacheNamespace": text(wanted.get("cacheNamespace") or resource_id),
        "cacheKeyParameters": texts(wanted.get("cacheKeyParameters")),
        "responseTransferMode": text(wanted.get("responseTransferMode") or "BUFFERED").upper(),
    }
    for name in _TEXTS:
        if wanted.get(name) is not None:
            made[name] = text(wanted[name])
    for name in ("requestParameters", "requestTemplates"):
        if wanted.get(name):
            made[name] = named_texts(wanted[name])
    if wanted.get("contentHandling"):
        made["contentHandling"] = text(wanted["contentHandling"]).upper()
    if wanted.get("tlsConfig"):
        made["tlsConfig"] = mapping(wanted["tlsConfig"])
    responses = _integration_responses(mappings(wanted.get("responses")))
    if responses:
        made["integrationResponses"] = responses
    return made


def _integration_responses(wanted: dict[str, JSON]) -> dict[str, JSON]:
    """By status; the key of the document is the selection pattern, `default` means none."""
    made: dict[str, JSON] = {}
    for pattern, item in wanted.items():
        code = status(item.get("statusCode") or "200")
        shown: JSON = {"statusCode": code}
        if pattern != "default":
            shown["selectionPattern"] = pattern
        for name in _RESPONSE:
            if item.get(name):
                shown[name] = named_texts(item[name])
        if item.get("contentHandling"):
            shown["contentHandling"] = text(item["contentHandling"]).upper()
        made[code] = shown
    return made
