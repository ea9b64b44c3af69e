"""OpenAPI documents for the cases."""

from __future__ import annotations

import copy
import json
from typing import Any

from emulator.model import JSON
from emulator.tests.conformance.account import Account, Api
from emulator.tests.conformance.answers import FUNCTION

MOCK: JSON = {
    "type": "mock",
    "passthroughBehavior": "when_no_match",
    "requestTemplates": {"application/json": '{"statusCode": 200}'},
    "responses": {
        "default": {
            "statusCode": "200",
            "responseTemplates": {"application/json": '{"ok": true}'},
        }
    },
}
KEY: JSON = {"type": "apiKey", "name": "x-api-key", "in": "header"}
SIGNED: JSON = {
    "type": "apiKey",
    "name": "Authorization",
    "in": "header",
    "x-amazon-apigateway-authtype": "awsSigv4",
}
TOKEN: JSON = {
    "type": "apiKey",
    "name": "X-Api-Key",
    "in": "header",
    "x-amazon-apigateway-authtype": "custom",
    "x-amazon-apigateway-authorizer": {
        "type": "token",
        "authorizerUri": FUNCTION,
        "authorizerResultTtlInSeconds": 0,
    },
}
SCHEMES: JSON = {"api_key": KEY, "signed": SIGNED, "token": TOKEN}
ANY = "x-amazon-apigateway-any-method"


def operation(*security: str, **more: Any) -> JSON:
    """A MOCK operation; names of schemes make its `security`."""
    made: JSON = {
        "responses": {"200": {"description": "ok"}},
        "x-amazon-apigateway-integration": copy.deepcopy(MOCK),
    }
    if security:
        made["security"] = [{name: []} for name in security]
    return made | more


def document(account: Account, paths: JSON, version: int = 3, **root: Any) -> JSON:
    """A document with all schemes, of OpenAPI 2 or 3."""
    info = {"title": account.name("api"), "version": "1"}
    if version == 2:
        head: JSON = {"swagger": "2.0", "securityDefinitions": SCHEMES}
    else:
        head = {"openapi": "3.0.1", "components": {"securitySchemes": SCHEMES}}
    return head | {"info": info, "paths": paths} | root


def put(api: Api, made: JSON, mode: str) -> JSON:
    """PutRestApi."""
    body = json.dumps(made).encode()
    answer: JSON = api.gw.put_rest_api(restApiId=api.id, mode=mode, body=body)
    return answer


def export(api: Api, kind: str = "oas30", stage: str = "prod", **parameters: str) -> JSON:
    """GetExport, read."""
    answer = api.gw.get_export(
        restApiId=api.id,
        stageName=stage,
        exportType=kind,
        accepts="application/json",
        parameters=parameters,
    )
    found: JSON = json.loads(answer["body"].read())
    return found
