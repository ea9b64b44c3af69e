"""Reads an OpenAPI document and smooths over what differs between 2.0 and 3.0."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import yaml

from emulator.errors import ApiGatewayError, bad_request
from emulator.model import JSON

EXTENSION = "x-amazon-apigateway-"
ANY = f"{EXTENSION}any-method"
VERBS = ("get", "put", "post", "delete", "patch", "options", "head")
_MAX_REFERENCES = 32


def invalid() -> ApiGatewayError:
    """What every unreadable document is told (aws-recorded.md 8)."""
    return bad_request("Invalid OpenAPI input.")


class _Loader(yaml.SafeLoader):
    """YAML in which a date stays the text that it is, for examples and versions."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Operation:
    """A method of the document; `shared` are the parameters of its path."""

    path: str
    verb: str
    body: JSON
    shared: list[Any]


class Document:
    """An OpenAPI document.

    Raises:
        ApiGatewayError: `Invalid OpenAPI input.`
    """

    def __init__(self, body: bytes) -> None:
        self.raw = _read(body)
        version = str(self.raw.get("swagger") or self.raw.get("openapi") or "")
        self.is_3 = "openapi" in self.raw
        if not version.startswith("3." if self.is_3 else "2.") or not self._complete():
            raise invalid()
        components = self.raw.get("components") or {} if self.is_3 else {}
        names = ("schemas", "securitySchemes") if self.is_3 else ("definitions", "")
        holder = components if self.is_3 else self.raw
        self.schemas: dict[str, JSON] = holder.get(names[0]) or {}
        self.security_schemes: dict[str, JSON] = (
            components.get("securitySchemes") if self.is_3 else self.raw.get("securityDefinitions")
        ) or {}

    def _complete(self) -> bool:
        info, paths = self.raw.get("info"), self.raw.get("paths", {})
        return isinstance(info, dict) and isinstance(paths, dict | None)

    @property
    def info(self) -> JSON:
        """Title, version and description."""
        info: JSON = self.raw["info"]
        return info

    def extension(self, name: str) -> Any:
        """A top-level extension, named without `x-amazon-apigateway-`."""
        return self.raw.get(f"{EXTENSION}{name}")

    def server_extension(self, name: str) -> Any:
        """An extension that 3.0 keeps on the first server, 2.0 at the top."""
        servers = self.raw.get("servers") or [{}]
        return self.extension(name) or servers[0].get(f"{EXTENSION}{name}")

    def resolve(self, node: Any) -> JSON:
        """The object itself, whatever chain of `$ref` leads to it; nothing found is empty."""
        for _ in range(_MAX_REFERENCES):
            if not isinstance(node, dict):
                return {}
            if not isinstance(node.get("$ref"), str):
                return node
            node = self._at(node["$ref"])
        return {}

    def _at(self, reference: str) -> Any:
        node: Any = self.raw
        for part in reference.removeprefix("#/").split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            node = node.get(name) if isinstance(node, dict) else None
        return node

    def operations(self) -> Iterator[Operation]:
        """All methods, in the document's order."""
        for path, item in (self.raw.get("paths") or {}).items():
            found = self.resolve(item)
            shared = found.get("parameters") or []
            for verb in (*VERBS, ANY):
                if isinstance(found.get(verb), dict):
                    name = "ANY" if verb == ANY else verb.upper()
                    yield Operation(str(path), name, found[verb], shared)

    def paths(self) -> list[str]:
        """All paths, those without methods too."""
        return [str(path) for path in self.raw.get("paths") or {}]

    def parameters(self, operation: Operation) -> list[JSON]:
        """The operation's parameters and its path's; the operation's own win."""
        found: dict[tuple[Any, Any], JSON] = {}
        for item in [*operation.shared, *(operation.body.get("parameters") or [])]:
            parameter = self.resolve(item)
            found[parameter.get("in"), parameter.get("name")] = parameter
        return list(found.values())

    def request_schemas(self, operation: Operation) -> dict[str, JSON]:
        """Schemas of the request's body by media type."""
        if self.is_3:
            return _schemas(self.resolve(operation.body.get("requestBody")))
        types = operation.body.get("consumes") or self.raw.get("consumes") or ["application/json"]
        bodies = [item for item in self.parameters(operation) if item.get("in") == "body"]
        return {kind: item["schema"] for item in bodies for kind in types if item.get("schema")}

    def response_schemas(self, operation: Operation, response: JSON) -> dict[str, JSON]:
        """Schemas of a response's body by media type."""
        if self.is_3:
            return _schemas(response)
        types = operation.body.get("produces") or self.raw.get("produces") or ["application/json"]
        return {kind: response["schema"] for kind in types if response.get("schema")}

    def base_path(self) -> str:
        """Where the paths begin (developer guide, "Set the OpenAPI basePath property")."""
        if not self.is_3:
            return str(self.raw.get("basePath") or "/")
        servers = [item for item in self.raw.get("servers") or [] if isinstance(item, dict)]
        for server in servers:
            variable = (server.get("variables") or {}).get("basePath")
            if variable:
                return str(variable.get("default") or "/")
        urls = [str(server.get("url") or "") for server in servers]
        return next((urlsplit(url).path for url in urls if urlsplit(url).path), "/")


def _schemas(holder: JSON) -> dict[str, JSON]:
    content = holder.get("content") or {}
    return {
        kind: item["schema"]
        for kind, item in content.items()
        if isinstance(item, dict) and item.get("schema")
    }


def _read(body: bytes) -> JSON:
    try:
        text = body.decode("utf-8-sig")
        raw = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise invalid() from error
    if not isinstance(raw, dict):
        raise invalid()
    return raw


def text(value: Any) -> str:
    """A value where API Gateway keeps text: versions may be numbers, policies objects."""
    if isinstance(value, str):
        return value
    return json.dumps(value, default=str)


def is_model_name(name: str) -> bool:
    """API Gateway: "Model name must be alphanumeric"."""
    return re.fullmatch(r"[A-Za-z0-9]+", name) is not None
