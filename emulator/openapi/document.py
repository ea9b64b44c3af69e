"""Reads an OpenAPI document and smooths over what differs between 2.0 and 3.0.

Only the functions below that name a shape (`mapping`, `sequence`, `whole`, `status`) take a node
apart. A node of another shape makes the document invalid, and raises no exception of Python's.
What AWS answers to each such node was not recorded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from emulator.errors import ApiGatewayError, bad_request
from emulator.model import JSON

EXTENSION = "x-amazon-apigateway-"
ANY = f"{EXTENSION}any-method"
VERBS = ("get", "put", "post", "delete", "patch", "options", "head")
# A longer chain of references goes round in a circle.
_MAX_REFERENCES = 32
OF_SWAGGER = ("definitions", "securityDefinitions")
_URL = re.compile(r"(\w+:)?(//[^/?#]*)?(?P<path>[^?#]*).*", re.DOTALL)


def invalid() -> ApiGatewayError:
    """The refusal of every unreadable document (aws-recorded.md 8)."""
    return bad_request("Invalid OpenAPI input.")


class _Loader(yaml.SafeLoader):
    """YAML in which a date stays the text that it is, for examples and versions."""


# A library in the same process (the SAM command line does) may give SafeLoader other constructors.
_Loader.yaml_constructors = _Loader.yaml_constructors | {
    "tag:yaml.org,2002:map": _Loader.construct_yaml_map
}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def mapping(node: Any) -> JSON:
    """A node that must be an object; null is an empty one.

    Raises:
        ApiGatewayError: `Invalid OpenAPI input.`
    """
    if node is None or isinstance(node, dict):
        return node or {}
    raise invalid()


def mappings(node: Any) -> dict[str, JSON]:
    """A node that must be an object of objects."""
    return {name: mapping(item) for name, item in mapping(node).items()}


def sequence(node: Any) -> list[Any]:
    """A node that must be an array; null is an empty one."""
    if node is None or isinstance(node, list):
        return node or []
    raise invalid()


def whole(node: Any) -> int:
    """A node that must be a whole number, or the text of one."""
    if isinstance(node, int | str) and re.fullmatch(r"-?\d{1,9}", str(node)):
        return int(node)
    raise invalid()


def status(node: Any) -> str:
    """A node that must be the status of an answer."""
    if isinstance(node, int | str) and re.fullmatch(r"[1-5][0-9]{2}", str(node)):
        return str(node)
    raise invalid()


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
        if not version.startswith("3." if self.is_3 else "2.") or "info" not in self.raw:
            raise invalid()
        self.info = mapping(self.raw["info"])
        self.items = mapping(self.raw.get("paths"))
        holder = mapping(self.raw.get("components")) if self.is_3 else self.raw
        names = ("schemas", "securitySchemes") if self.is_3 else OF_SWAGGER
        self.schemas, self.security_schemes = (mapping(holder.get(name)) for name in names)

    def extension(self, name: str) -> Any:
        """A top-level extension, named without `x-amazon-apigateway-`."""
        return self.raw.get(f"{EXTENSION}{name}")

    def server_extension(self, name: str) -> Any:
        """An extension that 3.0 keeps on the first server, 2.0 at the top."""
        first = self._servers()[:1] or [{}]
        return self.extension(name) or first[0].get(f"{EXTENSION}{name}")

    def _servers(self) -> list[JSON]:
        """The servers. Public templates that deploy have one server without the array's brackets
        (shared/cases/public-reports, openapi-servers-mapping), so that is taken as well."""
        found = self.raw.get("servers")
        servers = [found] if isinstance(found, dict) else sequence(found)
        return [mapping(item) for item in servers]

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
        for path, item in self.items.items():
            found = self.resolve(item)
            shared = sequence(found.get("parameters"))
            for verb in (*VERBS, ANY):
                if found.get(verb) is not None:
                    name = "ANY" if verb == ANY else verb.upper()
                    yield Operation(path, name, mapping(found[verb]), shared)

    def paths(self) -> list[str]:
        """All paths, those without methods too."""
        return list(self.items)

    def parameters(self, operation: Operation) -> list[JSON]:
        """The operation's parameters and its path's; the operation's own win."""
        found: dict[tuple[Any, Any], JSON] = {}
        for item in [*operation.shared, *sequence(operation.body.get("parameters"))]:
            parameter = self.resolve(item)
            found[text(parameter.get("in")), text(parameter.get("name"))] = parameter
        return list(found.values())

    def request_schemas(self, operation: Operation) -> dict[str, JSON]:
        """Schemas of the request's body by media type."""
        if self.is_3:
            return _schemas(self.resolve(operation.body.get("requestBody")))
        bodies = [item for item in self.parameters(operation) if item.get("in") == "body"]
        types = self._types(operation, "consumes")
        return {kind: item["schema"] for item in bodies for kind in types if item.get("schema")}

    def _types(self, operation: Operation, name: str) -> list[str]:
        found = texts(operation.body.get(name)) or texts(self.raw.get(name))
        return found or ["application/json"]

    def response_schemas(self, operation: Operation, response: JSON) -> dict[str, JSON]:
        """Schemas of a response's body by media type."""
        if self.is_3:
            return _schemas(response)
        types = self._types(operation, "produces")
        return {kind: response["schema"] for kind in types if response.get("schema")}

    def base_path(self) -> str:
        """Where the paths begin (developer guide, "Set the OpenAPI basePath property")."""
        if not self.is_3:
            return str(self.raw.get("basePath") or "/")
        for server in self._servers():
            variable = mapping(mapping(server.get("variables")).get("basePath"))
            if variable:
                return str(variable.get("default") or "/")
        paths = [_URL.fullmatch(str(server.get("url") or "")) for server in self._servers()]
        return next((found["path"] for found in paths if found and found["path"]), "/")


def _schemas(holder: JSON) -> dict[str, JSON]:
    content = mappings(holder.get("content"))
    return {kind: item["schema"] for kind, item in content.items() if item.get("schema")}


def _read(body: bytes) -> JSON:
    try:
        content = body.decode("utf-8-sig")
        is_json = content.lstrip().startswith("{")
        raw = _named(json.loads(content) if is_json else yaml.load(content, _Loader))  # noqa: S506 - a SafeLoader
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise invalid() from error
    if not isinstance(raw, dict):
        raise invalid()
    return raw


def _named(node: Any) -> Any:
    """The node with texts for names: in YAML the name of a status is a number."""
    if isinstance(node, dict):
        return {text(name): _named(item) for name, item in node.items()}
    return [_named(item) for item in node] if isinstance(node, list) else node


def texts(node: Any) -> list[str]:
    """A node that must be an array; its items as texts."""
    return [text(item) for item in sequence(node)]


def named_texts(node: Any) -> dict[str, str]:
    """A node that must be an object; its members as texts."""
    return {name: text(item) for name, item in mapping(node).items()}


def text(value: Any) -> str:
    """A value where API Gateway keeps text: versions may be numbers, policies objects."""
    if isinstance(value, str):
        return value
    return json.dumps(value, default=str)


def is_model_name(name: str) -> bool:
    """API Gateway: "Model name must be alphanumeric"."""
    return re.fullmatch(r"[A-Za-z0-9]+", name) is not None
