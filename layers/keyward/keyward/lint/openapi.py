"""The methods of an OpenAPI document, 2.0 or 3: a file of its own or within a template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from keyward.apis.model import DeployedMethod
from keyward.lint.intrinsics import maps
from keyward.lint.model import Method
from keyward.lint.positions import Map
from keyward.lint.security import IAM, KEY, PLAIN_KEY, SAM_KEY, ApiAuth, asks, kind, names
from keyward.lint.source import Source

VERBS = {verb: verb.upper() for verb in ("get", "put", "post", "delete", "patch", "options")}
VERBS |= {"head": "HEAD", "x-amazon-apigateway-any-method": "ANY"}
INTEGRATION = "x-amazon-apigateway-integration"
_MAX_REFERENCES = 32

Place = tuple[str, str]


def is_document(root: Map) -> bool:
    """Whether a file's mapping is an OpenAPI document that API Gateway can import."""
    version = str(root.get("swagger") or root.get("openapi") or "")
    return version.startswith(("2.", "3.")) and isinstance(root.get("paths"), Map)


def resource_path(path: str) -> str:
    """The path of the resource that is made for a path: API Gateway keeps no slash at its end."""
    return path.rstrip("/") or "/"


@dataclass(frozen=True)
class Overlay:
    """What SAM puts over a document: the API's `Auth`; by (verb, path) the `security` names that
    events add (OverrideApiAuth), or that stand in for the document's (MergeDefinitions)."""

    auth: ApiAuth
    added: Mapping[Place, list[str]] = field(default_factory=dict)
    merged: Mapping[Place, list[str]] = field(default_factory=dict)

    @property
    def has_key(self) -> bool:
        """Whether SAM adds the scheme of its own key."""
        named = [*self.added.values(), *self.merged.values()]
        return self.auth.key or any(SAM_KEY in wanted for wanted in named)


class Document:
    """The document `root` within a source, for the API called `api`."""

    def __init__(self, source: Source, root: Map, api: str, overlay: Overlay | None = None) -> None:
        self._source = source
        self._root = root
        self._api = api
        self._overlay = overlay
        self._holder = "components.securitySchemes" if "openapi" in root else "securityDefinitions"
        schemes = root.map("securityDefinitions"), root.map("components").map("securitySchemes")
        self._own = {
            name: kind(self._resolved(one)) for found in schemes for name, one in found.items()
        }
        self._kinds = dict(self._own)
        if overlay:
            self._kinds = overlay.auth.kinds(overlay.has_key) | self._own

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
        for path, items in self.paths().items():
            for item in items:
                for key in item:
                    if key.lower() in VERBS:
                        yield from self._methods(path, item, key)

    def _methods(self, path: str, item: Map, key: str) -> Iterator[Method]:
        verb = VERBS[key.lower()]
        for operation in maps(item[key]):
            key_required, authorization = asks(self._names(verb, path, operation), self._kinds)
            if authorization == "NONE" and _is_signed(operation):
                authorization = IAM
            yield Method(
                file=self._source.name,
                line=item.line_of(key),
                api=self._api,
                deployed=DeployedMethod(path, verb, authorization, key_required),
                place="the operation",
                remedy=self._remedy(operation),
            )

    def _names(self, verb: str, path: str, operation: Map) -> list[str]:
        """An operation without `security` of its own, in the end, has that of the top level."""
        own = names(operation["security"]) if "security" in operation else None
        after = self._after_sam(verb, path, operation, own or []) if self._overlay else own or []
        if own is None and not after:
            return names(self._root.get("security"))
        return after

    def _after_sam(self, verb: str, path: str, operation: Map, own: list[str]) -> list[str]:
        """SAM applies its defaults to operations with an integration only."""
        assert self._overlay  # noqa: S101 - asked by the caller
        merged = self._overlay.merged.get((verb, path))
        wanted = [*(merged or own), *self._overlay.added.get((verb, path), [])]
        if INTEGRATION not in operation and merged is None:
            return wanted
        return self._overlay.auth.applied(verb, wanted)

    def _remedy(self, operation: Map) -> str:
        now = operation["security"] if "security" in operation else self._root.get("security")
        known = [name for name, one in self._own.items() if one == KEY]
        name = known[0] if known else "x_api_key" if "api_key" in self._own else "api_key"
        wanted = [*(now if isinstance(now, list) else []), {name: []}]
        line = self._source.written("security", wanted)
        if known:
            return line
        return f"{line} (and into {self._holder}: {self._source.written(name, PLAIN_KEY)})"

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


def _is_signed(operation: Map) -> bool:
    """x-amazon-apigateway-auth, the older way to ask for IAM."""
    return str(operation.map("x-amazon-apigateway-auth").get("type")).upper() == IAM
