"""How calls are answered and refused, and small things that the cases say often."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from emulator.model import JSON

OPEN: JSON = {"authorizationType": "NONE"}
KEYED: JSON = {"authorizationType": "NONE", "apiKeyRequired": True}
FUNCTION = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:123456789012:function:example/invocations"
)


@dataclass(frozen=True)
class Refusal:
    """How a call was refused."""

    code: str
    status: int
    message: str


@dataclass(frozen=True)
class Reply:
    """An HTTP answer as it came; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


def refusal_of(call: Callable[[], Any]) -> Refusal:
    """The refusal that the call ends in; it is a failure when it is accepted."""
    try:
        call()
    except ClientError as error:
        found = error.response["Error"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return Refusal(found["Code"], status, found.get("Message", ""))
    raise AssertionError("the call was accepted")


def bad_request(message: str) -> Refusal:
    """400 BadRequestException."""
    return Refusal("BadRequestException", 400, message)


def not_found(message: str) -> Refusal:
    """404 NotFoundException."""
    return Refusal("NotFoundException", 404, message)


def conflict(message: str) -> Refusal:
    """409 ConflictException."""
    return Refusal("ConflictException", 409, message)


def replace(path: str, value: str) -> JSON:
    """A patch operation."""
    return {"op": "replace", "path": path, "value": value}


def add(path: str, value: str) -> JSON:
    """A patch operation."""
    return {"op": "add", "path": path, "value": value}


def remove(path: str, value: str | None = None) -> JSON:
    """A patch operation."""
    return {"op": "remove", "path": path} | ({} if value is None else {"value": value})


def bare(answer: JSON) -> JSON:
    """An answer without what the SDK adds."""
    return {name: item for name, item in answer.items() if name != "ResponseMetadata"}


def send(verb: str, url: str, headers: dict[str, str], body: bytes) -> Reply:
    """One HTTP request, headers as they are given."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=60)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(verb, target, body or None, headers)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, found, answer.read())
    finally:
        connection.close()
