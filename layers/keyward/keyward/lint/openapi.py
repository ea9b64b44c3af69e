"""The methods of an OpenAPI document, 2.0 or 3: a file of its own or within a template."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import field
from typing import Any

from keyward.apis.compare import INTEGRATION
from keyward.apis.model import DeployedMethod, Place
from keyward.lint.intrinsics import maps
from keyward.lint.model import Edit, Method, Remedy
from keyward.lint.positions import Map
from keyward.lint.security import IAM, KEY, PLAIN_KEY, asks, kind, names
from keyward.lint.source import Source
from keyward.values import frozen

VERBS = {verb: verb.upper() for verb in ("get", "put", "post", "delete", "patch", "options")}
VERBS |= {"head": "HEAD", "x-amazon-apigateway-any-method": "ANY"}
_MAX_REFERENCES = 32


def is_document(root: Map) -> bool:
    """Whether a file's mapping is an OpenAPI document that API Gateway can import."""
    version = str(root.get("swagger") or root.get("openapi") or "")
    return version.startswith(("2.", "3.")) and isinstance(root.get("paths"), Map)


def resource_path(path: str) -> str:
    """The path of the resource that is made for a path: API Gateway keeps no slash at its end."""
    return path.rstrip("/") or "/"


@frozen
class Operation:
    """A method of a document, (verb, path), before its `security` is read: the names in it, None
    where it has none of its own and that of the top level holds. `remedy` is None for the operation
    itself, which stands in `holder` at `key`."""

    place: Place
    line: int
    security: list[str] | None
    remedy: Remedy | None = None
    integrated: bool = True
    node: Map = field(default_factory=Map)
    holder: Map = field(default_factory=Map)
    key: str = ""


class Document:
    """The document `root` within a source, for the API called `api`."""

    def __init__(self, source: Source, root: Map, api: str) -> None:
        self._source = source
        self._root = root
        self._api = api
        self._holder = "components.securitySchemes" if "openapi" in root else "securityDefinitions"
        self._of_2 = self._schemes(root.map("securityDefinitions"))
        self._kinds = self._of_2 | self._schemes(root.map("components").map("securitySchemes"))
        self.takes_no_scheme = False  # that asks for a key, unless it is SAM's own

    def _schemes(self, found: Map) -> dict[str, str]:
        return {name: kind(self._resolved(one)) for name, one in found.items()}

    def take_schemes_of_sam(self, added: dict[str, str]) -> None:
        """Adds the kinds of the schemes that SAM adds, by name. In an OpenAPI 3 document they stand
        in for all of `components.securitySchemes` (aws-sam-translator, model/api/api_generator.py,
        _openapi_postprocess)."""
        if added and "openapi" in self._root:
            self._kinds = added | self._of_2
            self.takes_no_scheme = KEY not in self._kinds.values()
        else:
            self._kinds = added | self._kinds

    def paths(self) -> dict[str, list[Map]]:
        """Each path with its item, or with several when `Fn::If` chooses between them."""
        found = self._root.map("paths")
        return {
            resource_path(path): [self._resolved(one) for one in maps(item)]
            for path, item in found.items()
            if path.startswith("/")
        }

    def methods(self) -> Iterator[Method]:
        """All methods, in the document's order."""
        return map(self.method, self.operations())

    def operations(self) -> Iterator[Operation]:
        """All operations, in the document's order."""
        for path, items in self.paths().items():
            for item in items:
                for key in [one for one in item if one.lower() in VERBS]:
                    for node in maps(item[key]):
                        yield _operation((VERBS[key.lower()], path), item, key, node)

    def method(self, operation: Operation) -> Method:
        """What an import makes of an operation, be it the document's own or one that SAM adds."""
        verb, path = operation.place
        wanted = operation.security
        if wanted is None:
            wanted = names(self._root.get("security"))
        key_required, authorization = asks(wanted, self._kinds)
        if authorization == "NONE" and _is_signed(operation.node):
            authorization = IAM
        remedy = operation.remedy or self._remedy(operation)
        deployed = DeployedMethod(path, verb, authorization, key_required)
        about = self._source.name, operation.line, self._api, deployed
        return Method(*about, remedy.place, remedy.line, () if key_required else remedy.edits)

    def _remedy(self, operation: Operation) -> Remedy:
        node = operation.node
        now = node["security"] if "security" in node else self._root.get("security")
        names = [name for name, one in self._kinds.items() if one == KEY]
        name = names[0] if names else "x_api_key" if "api_key" in self._kinds else "api_key"
        wanted = [*(now if isinstance(now, list) else []), {name: []}]
        line = self._source.written("security", wanted)
        path = self._path_of(operation)
        edits = [] if path is None else [Edit(path, "security", json.dumps(wanted))]
        if names:
            return Remedy("the operation", line, tuple(edits))
        root = self._source.path_of(self._root)
        if root is not None:
            holder = (*root, *self._holder.split("."))
            edits += [Edit(holder, name, json.dumps(PLAIN_KEY))] if edits else []
        line += f" (and into {self._holder}: {self._source.written(name, PLAIN_KEY)})"
        return Remedy("the operation", line, tuple(edits) if root is not None else ())

    def _path_of(self, operation: Operation) -> tuple[str | int, ...] | None:
        """Where an operation stands; one without a body stands nowhere, but its key does."""
        holder = self._source.path_of(operation.holder)
        if holder is not None and operation.holder.get(operation.key) is None:
            return (*holder, operation.key)
        return self._source.path_of(operation.node)

    def _resolved(self, node: Any) -> Map:
        """The object itself, whatever chain of `$ref` within the document leads to it."""
        for _ in range(_MAX_REFERENCES):
            if not isinstance(node, Map):
                return Map()
            if not isinstance(node.get("$ref"), str):
                return node
            node = self._at(node["$ref"])
        return Map()

    def _at(self, reference: str) -> Any:
        node: Any = self._root
        for part in reference.removeprefix("#/").split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            node = node.get(name) if isinstance(node, Map) else None
        return node


def _operation(place: Place, holder: Map, key: str, node: Map) -> Operation:
    security = names(node["security"]) if "security" in node else None
    line, whole = holder.line_of(key), INTEGRATION in node
    return Operation(place, line, security, None, whole, node, holder, key)


def _is_signed(operation: Map) -> bool:
    """x-amazon-apigateway-auth, the older way to ask for IAM."""
    return str(operation.map("x-amazon-apigateway-auth").get("type")).upper() == IAM
