"""Patch operations. API Gateway tells its refusals in two wordings, by the kind of the thing.

Keys, plans, resources, models and request validators list the paths of an operation; methods,
APIs, integrations and responses do not (aws-recorded.md 1, 3 and 6; localstack snapshots).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emulator.errors import ApiGatewayError, bad_request
from emulator.model import JSON


@dataclass(frozen=True)
class Patch:
    """One patch operation; `source` is the `from` of a copy."""

    op: str
    path: str
    value: str | None
    source: str | None

    @property
    def parts(self) -> list[str]:
        """The path's segments, JSON-pointer escapes undone (botocore model: PatchOperation)."""
        return [unescape(part) for part in self.path.split("/")[1:]]

    @property
    def text(self) -> str:
        """The value, empty when there is none."""
        return self.value or ""


def unescape(part: str) -> str:
    """`~1` is a slash, `~0` a tilde (RFC 6901)."""
    return part.replace("~1", "/").replace("~0", "~")


def patches(params: JSON) -> list[Patch]:
    """The operations of a PATCH, in order."""
    return [
        Patch(
            item.get("op") or "replace",
            item["path"] if item.get("path") is not None else "null",
            item.get("value"),
            item.get("from"),
        )
        for item in params.get("patchOperations") or []
    ]


def listed_path_error(patch: Patch, paths: Mapping[str, Sequence[str]]) -> ApiGatewayError:
    """The first wording; two spaces after "path" are AWS's own."""
    allowed = paths.get(patch.op)
    start = f"Invalid patch path  '{patch.path}' specified for op '{patch.op}'. "
    if not allowed:
        return bad_request(f"{start}Please choose supported operations")
    return bad_request(f"{start}Must be one of: [{', '.join(allowed)}]")


def path_error(patch: Patch) -> ApiGatewayError:
    """The second wording, for a path that is not known."""
    return bad_request(f"Invalid patch path {patch.path}")


def only_replace(patch: Patch) -> None:
    """The second wording, for a path that can only be replaced."""
    if patch.op != "replace":
        raise bad_request("Invalid patch operation specified. Must be one of: [replace]")
