"""Documents to import, real and made by hand, and APIs made of them."""

from __future__ import annotations

import copy
import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from emulator.ids import Ids
from emulator.model import JSON, Deployment, Resource, RestApi, Stage
from emulator.openapi import export_document, import_document

SHARED = Path(os.environ.get("KEYWARD_SHARED", Path(__file__).parents[3] / "shared"))
DOCUMENTS = SHARED / "data" / "openapi"
ROLE = "arn:aws:iam::123456789012:role/example"
FUNCTION = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/example/invocations"
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
    "token": {
        "type": "apiKey",
        "name": "X-Api-Key",
        "in": "header",
        "x-amazon-apigateway-authtype": "custom",
        "x-amazon-apigateway-authorizer": {"type": "token", "authorizerUri": FUNCTION},
    },
    "pool": {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "x-amazon-apigateway-authtype": "cognito_user_pools",
        "x-amazon-apigateway-authorizer": {
            "type": "cognito_user_pools",
            "providerARNs": ["arn:aws:cognito-idp:us-east-1:123456789012:userpool/example"],
        },
    },
}


@cache
def real_document(name: str) -> bytes:
    """A document of data/openapi, its placeholders and intrinsics filled."""
    text = (DOCUMENTS / name).read_text(encoding="utf-8")
    raw = json.loads(text) if name.endswith(".json") else yaml.load(text, LOADER)  # noqa: S506 - a SafeLoader
    return json.dumps(_fill(raw), default=str).encode()


# libyaml, where PyYAML has it, reads eight times as fast.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _fill(node: Any, name: str = "") -> Any:
    if isinstance(node, list):
        return [_fill(item) for item in node]
    if isinstance(node, str):
        return re.sub(r"\$\{(?!stageVariables)[^}]*\}", "https://example.org", node)
    if not isinstance(node, dict):
        return node
    if len(node) == 1 and next(iter(node)).startswith("Fn::"):
        return [] if "Fn::If" in node else FUNCTION if name == "uri" else ROLE
    return {key: _fill(item, key) for key, item in node.items()}


def document(paths: JSON, version: int = 3, **root: Any) -> JSON:
    """A document with all schemes; paths: {"/a": {"get": operation or security names}}."""
    made: JSON = {"info": {"title": "example", "version": "1"}, "paths": {}}
    for path, verbs in paths.items():
        made["paths"][path] = {verb: _operation(item) for verb, item in verbs.items()}
    if version == 3:
        made |= {"openapi": "3.0.1", "components": {"securitySchemes": copy.deepcopy(SCHEMES)}}
    else:
        made |= {"swagger": "2.0", "securityDefinitions": copy.deepcopy(SCHEMES)}
    return made | root


def _operation(wanted: Any) -> JSON:
    made: JSON = {
        "responses": {"200": {"description": "ok"}},
        "x-amazon-apigateway-integration": copy.deepcopy(MOCK),
    }
    if isinstance(wanted, dict):
        return made | wanted
    return made | ({"security": [{name: []} for name in wanted]} if wanted is not None else {})


def empty_api() -> RestApi:
    """An API with a root and nothing else."""
    settings = {"id": "api1", "name": "", "apiKeySource": "HEADER", "createdDate": 1_795_000_000}
    return RestApi("api1", settings, "root000000", {"root000000": Resource("root000000", "/")})


def imported(
    body: JSON | bytes, api: RestApi | None = None, mode: str = "overwrite", **parameters: str
) -> RestApi:
    """The API with the document in it; `warnings` are dropped."""
    api = api or empty_api()
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    import_document(api, content, mode=mode, ids=Ids(seed=1), parameters=parameters)
    return api


def methods(api: RestApi) -> dict[str, JSON]:
    """The methods by "GET /path"."""
    return {
        f"{verb} {resource.path}": method
        for resource in api.resources.values()
        for verb, method in resource.methods.items()
    }


def exported(api: RestApi, kind: str = "oas30", *extensions: str, accepts: str = "json") -> bytes:
    """The export of a stage that serves the working copy."""
    api.deployments["d1"] = Deployment("d1", 1_795_000_000, api.freeze())
    stage = api.stages["prod"] = Stage("prod", {"deploymentId": "d1"})
    return export_document(
        api,
        stage,
        export_type=kind,
        accepts=f"application/{accepts}",
        extensions=set(extensions),
    )


def portable(api: RestApi) -> JSON:
    """All of an API that an export carries, with names for ids."""
    names = {item["id"]: item["name"] for item in api.authorizers.values()}
    names |= {item["id"]: item["name"] for item in api.request_validators.values()}
    found = {}
    for resource in api.resources.values():
        for verb, method in resource.methods.items():
            shown = copy.deepcopy(method)
            for name in ("authorizerId", "requestValidatorId"):
                if name in shown:
                    shown[name] = names[shown[name]]
            # by default the id of a resource, of whichever API it was exported from
            namespace = shown.get("methodIntegration", {}).get("cacheNamespace", "")
            if re.fullmatch("[a-z0-9]{6}|root000000", namespace):
                del shown["methodIntegration"]["cacheNamespace"]
            found[f"{verb} {resource.path}"] = shown
    without = ("id", "createdDate")
    return {
        "methods": found,
        "settings": {name: item for name, item in api.settings.items() if name not in without},
        "authorizers": _by_name(api.authorizers),
        "validators": _by_name(api.request_validators),
        "models": {name: json.loads(item["schema"]) for name, item in api.models.items()},
        "responses": api.gateway_responses,
        "documentation": api.documentation_parts,
    }


def _by_name(items: dict[str, JSON]) -> JSON:
    return {
        item["name"]: {name: value for name, value in item.items() if name != "id"}
        for item in items.values()
    }
