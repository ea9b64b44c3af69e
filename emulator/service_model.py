"""What botocore's service model knows of API Gateway: operations, their routes and their shapes."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from botocore.model import OperationModel, ServiceModel
from botocore.session import Session

_LABEL = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Route:
    """The request line of an operation: verb, path with labels, fixed query parameters."""

    operation: str
    pattern: re.Pattern[str]
    labels: tuple[str, ...]
    query: tuple[tuple[str, str], ...]


@functools.cache
def service_model() -> ServiceModel:
    """The installed botocore's model of `apigateway`."""
    return Session().get_service_model("apigateway")


@functools.cache
def operation_model(operation: str) -> OperationModel:
    """The model of one operation."""
    return service_model().operation_model(operation)


def is_operation(name: object) -> bool:
    """Whether API Gateway has an operation of that name."""
    return name in service_model().operation_names


@functools.cache
def success_status(operation: str) -> int:
    """The HTTP status of the operation's answer (aws-recorded.md 0 agrees with the model's)."""
    return int(operation_model(operation).http.get("responseCode") or 200)


@functools.cache
def is_write(operation: str) -> bool:
    """Whether the operation may change something (and is logged as such by CloudTrail)."""
    verb = str(operation_model(operation).http["method"])
    return verb != "GET" and not operation.startswith("TestInvoke")


@functools.cache
def _routes() -> dict[str, list[Route]]:
    """Routes by verb; those that ask something of the query first."""
    found: dict[str, list[Route]] = {}
    for name in service_model().operation_names:
        http = operation_model(name).http
        found.setdefault(str(http["method"]), []).append(_route(name, str(http["requestUri"])))
    for routes in found.values():
        routes.sort(key=lambda route: not route.query)
    return found


def _route(operation: str, uri: str) -> Route:
    path, _, query = uri.partition("?")
    labels = tuple(_LABEL.findall(path))
    # an ARN may come with its slashes not escaped
    pattern = _LABEL.sub(lambda m: "(.+)" if m[1] == "resource_arn" else "([^/]+)", path)
    return Route(operation, re.compile(pattern), labels, tuple(parse_qsl(query)))


def match(verb: str, path: str, query: dict[str, list[str]]) -> tuple[str, dict[str, str]] | None:
    """The operation that a request asks for and its path labels, unescaped; None for no such."""
    for route in _routes().get(verb, []):
        found = route.pattern.fullmatch(path)
        if found and all(value in query.get(name, []) for name, value in route.query):
            labels = map(unquote, found.groups())
            return route.operation, dict(zip(route.labels, labels, strict=True))
    return None
