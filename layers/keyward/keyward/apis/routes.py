"""Find the resource of an API that answers a concrete path. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

FIXED, PARAMETER, GREEDY = range(3)


def resource_for(path: str, resources: Iterable[str]) -> str | None:
    """The resource path that answers `/pets/7`: part by part a fixed one goes before `{petId}`, and
    that before `{proxy+}`, which takes one part or more (developer guide: proxy resources,
    "API Gateway selects the most specific"). A slash at the end counts for nothing; None when no
    resource answers."""
    parts = [unquote(part) for part in _parts(path)]
    found = [(rank, name) for name in resources if (rank := _rank(parts, _parts(name))) is not None]
    return min(found)[1] if found else None


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _rank(parts: list[str], resource: list[str]) -> tuple[int, ...] | None:
    """How a resource takes each part of the path, None when it does not take it at all."""
    kinds = tuple(_kind(part) for part in resource)
    if kinds and kinds[-1] == GREEDY:
        if len(parts) < len(resource):
            return None
    elif len(parts) != len(resource):
        return None
    pairs = zip(parts, resource, kinds, strict=False)
    if any(kind == FIXED and part != name for part, name, kind in pairs):
        return None
    return kinds


def _kind(part: str) -> int:
    if not (part.startswith("{") and part.endswith("}")):
        return FIXED
    return GREEDY if part.endswith("+}") else PARAMETER
