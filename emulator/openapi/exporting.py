"""GetExport: what a stage serves, as an OpenAPI 2.0 or 3.0 document.

Recorded (aws-recorded.md 8): version numbers, no `x-amazon-*` without extensions, an empty
`content` in every response of 3.0. How AWS exports methods that ask for a key was not found;
here it is the scheme `api_key`, which an import reads as the same again.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import yaml

from emulator.model import JSON, RestApi, Snapshot, Stage
from emulator.openapi.document import ANY, EXTENSION
from emulator.openapi.operations import Exporter
from emulator.openapi.schemas import document_schema


def export_document(
    api: RestApi,
    stage: Stage,
    *,
    export_type: str,
    accepts: str = "application/json",
    extensions: set[str] | frozenset[str] = frozenset(),
    region: str = "us-east-1",
) -> bytes:
    """The document of what the stage serves.

    `export_type` is swagger or oas30, `accepts` application/json or application/yaml; of
    `extensions`, `apigateway` brings all that a rebuild needs, `integrations` and `authorizers`
    these alone, `documentation` the documentation parts.
    """
    snapshot = api.deployments[stage.deployment_id].snapshot
    made = build(
        snapshot,
        is_3=export_type == "oas30",
        extensions=extensions,
        host=f"{api.id}.execute-api.{region}.amazonaws.com",
        stage=stage.name,
        version=snapshot.settings.get("version") or _date(api.settings.get("createdDate", 0)),
    )
    if accepts == "application/yaml":
        return yaml.safe_dump(made, sort_keys=False, allow_unicode=True).encode()
    return json.dumps(made, ensure_ascii=False).encode()


def _date(created: Any) -> str:
    seconds = created.timestamp() if isinstance(created, datetime) else float(created)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def build(
    snapshot: Snapshot,
    *,
    is_3: bool,
    extensions: set[str] | frozenset[str],
    host: str,
    stage: str,
    version: str,
) -> JSON:
    """The document as an object."""
    full = "apigateway" in extensions
    exporter = Exporter(
        snapshot,
        is_3,
        integrations=full or "integrations" in extensions,
        authorizers=full or "authorizers" in extensions,
        full=full,
    )
    info = {"title": snapshot.settings.get("name", ""), "version": version}
    if snapshot.settings.get("description"):
        info["description"] = snapshot.settings["description"]
    made: JSON = {"openapi": "3.0.1"} if is_3 else {"swagger": "2.0"}
    made["info"] = info
    made.update(_servers(snapshot, host, stage, full) if is_3 else _host(host, stage))
    made["paths"] = _paths(snapshot, exporter)
    made.update(_components(snapshot, exporter, is_3))
    if full:
        made.update(_extensions(snapshot, is_3))
    if "documentation" in extensions and snapshot.documentation_parts:
        parts = {"version": version, "documentationParts": snapshot.documentation_parts}
        made[f"{EXTENSION}documentation"] = parts
    return made


def _host(host: str, stage: str) -> JSON:
    return {"host": host, "basePath": f"/{stage}", "schemes": ["https"]}


def _servers(snapshot: Snapshot, host: str, stage: str, full: bool) -> JSON:
    server: JSON = {
        "url": f"https://{host}/{{basePath}}",
        "variables": {"basePath": {"default": stage}},
    }
    endpoint = _endpoint(snapshot)
    if full and endpoint:
        server[f"{EXTENSION}endpoint-configuration"] = endpoint
    return {"servers": [server]}


def _endpoint(snapshot: Snapshot) -> JSON:
    made: JSON = {}
    if snapshot.settings.get("disableExecuteApiEndpoint"):
        made["disableExecuteApiEndpoint"] = True
    configuration = snapshot.settings.get("endpointConfiguration") or {}
    if configuration.get("vpcEndpointIds"):
        made["vpcEndpointIds"] = configuration["vpcEndpointIds"]
    return made


def _paths(snapshot: Snapshot, exporter: Exporter) -> JSON:
    return {
        path: {
            ANY if verb == "ANY" else verb.lower(): exporter.operation(method)
            for verb, method in methods.items()
            if verb != "ANY" or exporter.any_methods
        }
        for path, methods in sorted(snapshot.paths.items())
    }


def _components(snapshot: Snapshot, exporter: Exporter, is_3: bool) -> JSON:
    prefix = "#/components/schemas/" if is_3 else "#/definitions/"
    schemas = {
        name: document_schema(model.get("schema", ""), prefix)
        for name, model in sorted(snapshot.models.items())
        if name in exporter.used_models()
    }
    schemes = exporter.security_schemes()
    if not is_3:
        swagger = {"definitions": schemas, "securityDefinitions": schemes}
        return {name: item for name, item in swagger.items() if item}
    components = {"schemas": schemas, "securitySchemes": schemes}
    return {"components": {name: item for name, item in components.items() if item}}


def _policy(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


def _extensions(snapshot: Snapshot, is_3: bool) -> JSON:
    settings = snapshot.settings
    made: JSON = {
        "api-key-source": settings.get("apiKeySource"),
        "binary-media-types": settings.get("binaryMediaTypes"),
        "minimum-compression-size": settings.get("minimumCompressionSize"),
        "policy": _policy(settings.get("policy")),
        "endpoint-configuration": None if is_3 else _endpoint(snapshot) or None,
        "gateway-responses": {
            kind: {
                name: response[name]
                for name in ("statusCode", "responseParameters", "responseTemplates")
                if response.get(name)
            }
            for kind, response in sorted(snapshot.gateway_responses.items())
        }
        or None,
        "request-validators": {
            item["name"]: {
                "validateRequestBody": item["validateRequestBody"],
                "validateRequestParameters": item["validateRequestParameters"],
            }
            for item in snapshot.request_validators.values()
            if item.get("name")
        }
        or None,
    }
    return {f"{EXTENSION}{name}": item for name, item in made.items() if item is not None}
