"""The emulator behind boto3 clients of the same process: no socket, botocore's own parsers."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from emulator import control_plane
from emulator.emulator import Emulator
from emulator.errors import ConnectionRefused, NeverAnswered

EVENT = "before-send.apigateway"
# botocore asks every listener, whoever has answered; this address is nobody's, so moto passes by
HANDLED = "https://handled.invalid/"


class _Raw(io.BytesIO):
    """An answer's body as botocore reads it from urllib3."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        """All of it."""
        yield self.read()


def attach(emulator: Emulator, client_or_session: Any) -> Callable[[], None]:
    """Let a boto3 client, boto3 session or botocore session call the emulator; returns the undoing.

    A fault without an answer raises what botocore raises then, at once: ReadTimeoutError or
    EndpointConnectionError, and botocore's retries go on as they would. Clients that a session made
    before are not touched.
    """

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        return _send(emulator, request)

    events = _events(client_or_session)
    events.register_first(EVENT, send)
    return lambda: events.unregister(EVENT, send)


def _events(client_or_session: Any) -> Any:
    meta = getattr(client_or_session, "meta", None)
    if meta is not None:
        return meta.events
    if hasattr(client_or_session, "events"):
        return client_or_session.events
    return client_or_session.get_component("event_emitter")


def _send(emulator: Emulator, request: AWSPreparedRequest) -> AWSResponse:
    headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    parts = urlsplit(request.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        answer = control_plane.answer(
            emulator, request.method, target, headers, _body(request.body)
        )
    except NeverAnswered as problem:
        raise ReadTimeoutError(endpoint_url=request.url, error=problem) from problem
    except ConnectionRefused as problem:
        raise EndpointConnectionError(endpoint_url=request.url, error=problem) from problem
    raw = _Raw(answer.body)
    url, request.url = request.url, HANDLED
    headers_out: Any = HeadersDict(answer.headers)
    return AWSResponse(url, answer.status, headers_out, raw)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _body(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return bytes(body) if isinstance(body, bytes | bytearray) else bytes(body.read())
