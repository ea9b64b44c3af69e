"""Which resource answers a path: a fixed part before `{name}`, `{name}` before `{proxy+}`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote


@dataclass
class Node:
    """One part of a path and what may follow it; `path` where a resource with methods ends."""

    path: str | None = None
    fixed: dict[str, Node] = field(default_factory=dict)
    parameters: dict[str, Node] = field(default_factory=dict)
    greedy: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Route:
    """The resource path that answers, and the values of its path parameters."""

    path: str
    parameters: dict[str, str]


def segments(path: str) -> list[str]:
    """The parts of a path; a slash at the end counts for nothing, as on AWS's own PetStore page,
    which links to `pets/`."""
    return [part for part in path.split("/") if part]


def tree(paths: Iterable[str]) -> Node:
    """The resource paths as a tree of their parts."""
    root = Node()
    for path in paths:
        _grow(root, path)
    return root


def _grow(node: Node, path: str) -> None:
    for part in segments(path):
        if part.startswith("{") and part.endswith("+}"):
            node.greedy[part[1:-2]] = path
            return
        if part.startswith("{") and part.endswith("}"):
            node = node.parameters.setdefault(part[1:-1], Node())
        else:
            node = node.fixed.setdefault(part, Node())
    node.path = path


def find(root: Node, path: str) -> Route | None:
    """The route of a request's path (percent-encoded, without the stage), if any."""
    return _walk(root, [unquote(part) for part in segments(path)], {})


def _walk(node: Node, rest: list[str], found: dict[str, str]) -> Route | None:
    if not rest:
        return Route(node.path, found) if node.path is not None else None
    if rest[0] in node.fixed:
        route = _walk(node.fixed[rest[0]], rest[1:], found)
        if route:
            return route
    for name, child in node.parameters.items():
        route = _walk(child, rest[1:], {**found, name: rest[0]})
        if route:
            return route
    for name, resource in node.greedy.items():
        return Route(resource, {**found, name: "/".join(rest)})
    return None
