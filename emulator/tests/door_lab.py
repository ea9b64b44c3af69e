"""A client on an emulator of its own, behind the in-process door, and what tests need to order."""

from __future__ import annotations

import http.client
import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.clock import Clock, VirtualClock
from emulator.emulator import Emulator
from emulator.inprocess import attach

ACCESS_KEY = "AKIAFAKEFAKEFAKEFAKE"
SIGNED = (
    f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20261123/us-east-1/apigateway/aws4_request, "
    "SignedHeaders=host, Signature=00"
)
BAD, MISSING, CONFLICT = "BadRequestException", "NotFoundException", "ConflictException"
ONLY_REPLACE = (BAD, 400, "Invalid patch operation specified. Must be one of: [replace]")


def client(endpoint: str = "https://emulator.invalid", attempts: int = 1, **config: Any) -> Any:
    """A boto3 client with fake credentials that tries once unless it is told otherwise."""
    return boto3.client(
        "apigateway",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key="fake",
        config=Config(
            connect_timeout=60,
            read_timeout=config.pop("read_timeout", 60),
            retries={"total_max_attempts": attempts, "mode": "standard"},
            **config,
        ),
    )


@dataclass
class Account:
    """An emulator on a clock that stands still, and an in-process client of it."""

    clock: Clock = field(default_factory=VirtualClock)
    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.emulator = Emulator(
            clock=self.clock, callers={ACCESS_KEY: "issuer"}, on_event=self.events.append
        )
        self.gw = client()
        attach(self.emulator, self.gw)

    def calls(self) -> list[tuple[str, int]]:
        """Operation and status of each call so far."""
        return [(line["operation"], line["status"]) for line in self.emulator.calls()]

    def api(self, *lines: str, stage: str | None = "prod") -> str:
        """An API of MOCK methods, `GET /a` each, deployed to the stage; its id."""
        made = self.gw.create_rest_api(name="petstore")
        ids = {"/": made["rootResourceId"]}
        for line in lines or ("GET /a",):
            verb, path = line.split()
            self._method(made["id"], ids, verb, path)
        if stage:
            self.gw.create_deployment(restApiId=made["id"], stageName=stage)
        return str(made["id"])

    def _method(self, api: str, ids: dict[str, str], verb: str, path: str) -> None:
        where = {"restApiId": api, "resourceId": self._resource(api, ids, path), "httpMethod": verb}
        self.gw.put_method(**where, authorizationType="NONE", apiKeyRequired=True)
        self.gw.put_integration(**where, type="MOCK")

    def _resource(self, api: str, ids: dict[str, str], path: str) -> str:
        if path not in ids:
            parent, _, part = path.rpartition("/")
            parent_id = self._resource(api, ids, parent or "/")
            made = self.gw.create_resource(restApiId=api, parentId=parent_id, pathPart=part)
            ids[path] = made["id"]
        return ids[path]


def replace(path: str, value: str) -> dict[str, str]:
    return {"op": "replace", "path": path, "value": value}


def bare(gw: Any, **more: Any) -> tuple[str, str]:
    made = gw.create_rest_api(name="petstore", **more)
    return made["id"], made["rootResourceId"]


def refused(call: Callable[[], Any]) -> tuple[str, int, str]:
    """Code, status and message of the error that the call ends in."""
    with pytest.raises(ClientError) as caught:
        call()
    answer = caught.value.response
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    return answer["Error"]["Code"], status, answer["Error"]["Message"]


def door(url: str, name: str, order: Any = None) -> Any:
    """POST an order to a test door, or GET it when there is none."""
    body = None if order is None else json.dumps(order).encode()
    with urllib.request.urlopen(f"{url}/_emulator/{name}", body, timeout=60) as answer:
        return json.loads(answer.read())


def connect(url: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)


def ask(
    connection: http.client.HTTPConnection,
    verb: str,
    path: str,
    body: bytes | str | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, dict[str, str], bytes]:
    connection.request(verb, path, body, headers or {})
    answer = connection.getresponse()
    found = {name.lower(): value for name, value in answer.getheaders()}
    return answer.status, found, answer.read()
