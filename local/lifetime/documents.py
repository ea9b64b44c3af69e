"""The OpenAPI documents that a bench imports."""

from __future__ import annotations

import copy

from keyward.values import JSON

MOCK = {
    "type": "mock",
    "requestTemplates": {"application/json": '{"statusCode": 200}'},
    "responses": {"default": {"statusCode": "200"}},
}
SCHEMES = {
    "api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"},
    "signed": {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "x-amazon-apigateway-authtype": "awsSigv4",
    },
}


def document(paths: JSON) -> JSON:
    """A document of `{path: {verb: security}}`, where security is None or names of SCHEMES."""
    made: JSON = {"openapi": "3.0.1", "info": {"title": "example", "version": "1"}, "paths": {}}
    made["components"] = {"securitySchemes": copy.deepcopy(SCHEMES)}
    for path, verbs in paths.items():
        made["paths"][path] = {verb: _operation(wanted) for verb, wanted in verbs.items()}
    return made


def _operation(wanted: list[str] | JSON | None) -> JSON:
    made: JSON = {
        "responses": {"200": {"description": "ok"}},
        "x-amazon-apigateway-integration": copy.deepcopy(MOCK),
    }
    if isinstance(wanted, dict):
        return made | wanted
    return made | ({"security": [{name: []} for name in wanted]} if wanted is not None else {})
