"""A request to the data plane, and what a mapping template sees of it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, quote_plus, unquote_plus

from emulator.model import JSON
from emulator.view import KeyView

_PATH_STEP = re.compile(r"\.(\*|[\w$-]+)|\[['\"]([^'\"]+)['\"]\]|\[(\d+|\*)\]")


@dataclass
class Request:
    """One call of a client, and what the gateway found out about it on the way."""

    method: str
    api_id: str
    stage: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    account_id: str
    at: float
    id: str
    variables: dict[str, str] = field(default_factory=dict)
    resource: str = ""
    path_parameters: dict[str, str] = field(default_factory=dict)
    authorizer: JSON = field(default_factory=dict)
    key_value: str | None = None
    key: KeyView | None = None

    def header(self, name: str) -> str | None:
        """A header's value; names have no case."""
        return self.headers.get(name.lower())

    @cached_property
    def query_parameters(self) -> dict[str, str]:
        """The query string's parameters; the last of several values counts."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def content_type(self) -> str:
        """The media type of the body, application/json when none is named."""
        return (self.header("content-type") or "application/json").partition(";")[0].strip()

    @cached_property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    @cached_property
    def context(self) -> JSON:
        """`$context` (developer guide, mapping template reference)."""
        identity: JSON = {
            "sourceIp": "127.0.0.1",
            "userAgent": self.header("user-agent") or "",
        }
        if self.key_value is not None:
            identity["apiKey"] = self.key_value
        if self.key is not None:
            identity["apiKeyId"] = self.key.id
        when = datetime.fromtimestamp(self.at, UTC)
        return {
            "accountId": self.account_id,
            "apiId": self.api_id,
            "authorizer": self.authorizer,
            "domainName": self.header("host") or "",
            "extendedRequestId": self.id,
            "httpMethod": self.method,
            "identity": identity,
            "path": f"/{self.stage}{self.path}",
            "protocol": "HTTP/1.1",
            "requestId": self.id,
            "requestTime": when.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "requestTimeEpoch": int(self.at * 1000),
            "resourcePath": self.resource,
            "stage": self.stage,
        }

    def template_variables(self, payload: str | None = None) -> dict[str, Any]:
        """What a template may refer to; `payload` is the body it maps, else the request's."""
        return {
            "input": _Input(self, self.text if payload is None else payload),
            "context": self.context,
            "stageVariables": self.variables,
            "util": _Util(),
        }

    def value_of(self, source: str) -> str | None:
        """What a mapping expression says: `method.request.header.X`, `context.x`, `'text'`."""
        if source.startswith("'") and source.endswith("'"):
            return source[1:-1]
        for prefix, values in self._sources().items():
            if source.startswith(prefix):
                found = values.get(source.removeprefix(prefix))
                return None if found is None else str(found)
        if source.startswith("method.request.header."):
            return self.header(source.removeprefix("method.request.header."))
        return self.text if source == "method.request.body" else None

    def _sources(self) -> dict[str, Mapping[str, Any]]:
        return {
            "method.request.querystring.": self.query_parameters,
            "method.request.path.": self.path_parameters,
            "stageVariables.": self.variables,
            "context.authorizer.": self.authorizer,
            "context.identity.": self.context["identity"],
            "context.": self.context,
        }


def lower_names(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by their name in lower case; the last of several counts."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return {name.lower(): value for name, value in pairs}


class _Input:
    """`$input`."""

    def __init__(self, request: Request, payload: str) -> None:
        self._request = request
        self._payload = payload
        self.vtl_methods: dict[str, Any] = {
            "body": payload,
            "json": lambda path: json.dumps(self._found(path), separators=(",", ":")),
            "path": self._found,
            "params": self._params,
        }

    def _found(self, path: str) -> Any:
        try:
            document = json.loads(self._payload) if self._payload else {}
        except ValueError:
            document = self._payload
        return json_path(document, path)

    def _params(self, name: str | None = None) -> Any:
        request = self._request
        everywhere = (request.path_parameters, request.query_parameters, request.headers)
        if name is None:
            return dict(zip(("path", "querystring", "header"), everywhere, strict=True))
        wanted = (name, name, name.lower())
        found = [where[key] for where, key in zip(everywhere, wanted, strict=True) if key in where]
        return found[0] if found else ""


class _Util:
    """`$util`."""

    def __init__(self) -> None:
        self.vtl_methods: dict[str, Any] = {
            "escapeJavaScript": lambda text: json.dumps(str(text))[1:-1].replace("'", "\\'"),
            "parseJson": json.loads,
            "urlEncode": quote_plus,
            "urlDecode": unquote_plus,
            "base64Encode": lambda text: base64.b64encode(str(text).encode()).decode(),
            "base64Decode": lambda text: base64.b64decode(text).decode(errors="replace"),
        }


def json_path(document: Any, path: str) -> Any:
    """The part of a document that a simple JSONPath names (`$.a.b[0]`, `$['a']`, `$.a[*].b`)."""
    found, many = [document], False
    for name, quoted, index in _PATH_STEP.findall(path.removeprefix("$")):
        many = many or "*" in (name, index)
        found = [part for item in found for part in _children(item, quoted or name, index)]
    if many:
        return found
    return found[0] if found else None


def _children(item: Any, name: str, index: str) -> list[Any]:
    if "*" in (name, index):
        return list(item.values()) if isinstance(item, dict) else list(item or [])
    if index:
        inside = isinstance(item, list) and int(index) < len(item)
        return [item[int(index)]] if inside else []
    return [item[name]] if isinstance(item, dict) and name in item else []
