"""The emulator over HTTP, on this machine only: each plane on a port of its own."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from emulator import browsers, control_plane, data_plane
from emulator.emulator import Emulator
from emulator.errors import ConnectionRefused, NeverAnswered
from emulator.wire import Answer

HOST = "127.0.0.1"
VERBS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD")
HOLD_SECONDS = 0.2
Headers = list[tuple[str, str]]
Reply = tuple[int, Headers, bytes]
Respond = Callable[[Emulator, str, str, Headers, bytes], Reply]


@dataclass(frozen=True)
class Running:
    """A started emulator: the control plane's URL, the data plane's template, how to stop."""

    url: str
    invoke_url: str
    stop: Callable[[], None]


class _Server(ThreadingHTTPServer):
    """Threads that never keep the process alive, and connections that end with the server."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], emulator: Emulator, respond: Respond, *, is_open: bool
    ) -> None:
        self.emulator = emulator
        self.respond = respond
        self._is_open = is_open
        self.stopping = threading.Event()
        self._open: dict[int, tuple[socket.socket, threading.Thread]] = {}
        super().__init__(address, _Handler)

    def refuses(self, verb: str, headers: Headers) -> bool:
        """Whether a request is sent by a web page that may not."""
        host, port = str(self.server_address[0]), int(self.server_address[1])
        lower = {name.lower(): value for name, value in headers}
        return browsers.is_refused(verb, lower, port, host=host, is_open=self._is_open)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        self._open[id(request)] = (request, threading.current_thread())
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._open.pop(id(request), None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that went away before its answer."""

    def stop(self) -> None:
        """Take no more, and end what is open."""
        self.stopping.set()
        self.shutdown()
        self.server_close()
        for connection, thread in list(self._open.values()):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=2)


class _Handler(BaseHTTPRequestHandler):
    """Reads a request whole, has it answered, and writes the answer in one piece."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 300

    @property
    def _server(self) -> _Server:
        return cast("_Server", self.server)

    def _serve(self) -> None:
        body = self._body()
        headers = list(self.headers.items())
        if self._server.refuses(self.command, headers):
            self._write((403, [("Content-Type", "application/json")], browsers.FORBIDDEN))
            return
        try:
            reply = self._server.respond(
                self._server.emulator, self.command, self.path, headers, body
            )
        except NeverAnswered:
            self._hold()
        except ConnectionRefused:
            self._reset()
        except Exception as problem:  # noqa: BLE001 - a client gets an answer whatever went wrong
            self._write(_reply(control_plane.broken(problem)))
        else:
            self._write(reply)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(iter(self._chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline().partition(b";")[0], 16)
        chunk = self.rfile.read(size)
        self.rfile.readline()
        return chunk

    def _write(self, reply: Reply) -> None:
        status, headers, body = reply
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(body)
        self.wfile.flush()

    def _hold(self) -> None:
        """Answer nothing, until the client goes away or the server stops."""
        self.close_connection = True
        while not self._server.stopping.is_set():
            readable, _, _ = select.select([self.connection], [], [], HOLD_SECONDS)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                return
            if readable:
                self._server.stopping.wait(HOLD_SECONDS)

    def _reset(self) -> None:
        """End the connection the hard way: a port cannot refuse one call and take another."""
        self.close_connection = True
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a request line can hold a position, and that a key's value."""


for _verb in VERBS:
    setattr(_Handler, f"do_{_verb}", _Handler._serve)


def _reply(answer: Answer) -> Reply:
    return answer.status, list(answer.headers.items()), answer.body


def _control(emulator: Emulator, verb: str, target: str, headers: Headers, body: bytes) -> Reply:
    lower = {name.lower(): value for name, value in headers}
    return _reply(control_plane.answer(emulator, verb, target, lower, body))


def _data(emulator: Emulator, verb: str, target: str, headers: Headers, body: bytes) -> Reply:
    """`/{rest_api_id}/{stage}/path?query`."""
    path, _, query = target.partition("?")
    api_id, _, rest = path.removeprefix("/").partition("/")
    stage, slash, rest = rest.partition("/")
    return data_plane.handle(
        emulator, verb, api_id, stage, slash + rest or "/", query, headers, body
    )


def start(emulator: Emulator, host: str = HOST, port: int = 0, invoke_port: int = 0) -> Running:
    """Serve both planes in threads of their own; port 0 is a free one."""
    control = _Server((host, port), emulator, _control, is_open=False)
    try:
        # Web applications on this machine call their API from their pages: its own CORS answers
        # decide, as on AWS.
        data = _Server((host, invoke_port), emulator, _data, is_open=True)
    except OSError:
        control.server_close()
        raise
    threads = [
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        for server in (control, data)
    ]
    for thread in threads:
        thread.start()

    def stop() -> None:
        for server, thread in zip((control, data), threads, strict=True):
            server.stop()
            thread.join()

    url, invoke = (f"http://{host}:{server.server_address[1]}" for server in (control, data))
    return Running(url, f"{invoke}/{{rest_api_id}}/{{stage}}", stop)
