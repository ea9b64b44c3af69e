"""Lets a container reach a server that listens on this machine's loopback address only."""

from __future__ import annotations

import re
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

# The line of a request's head that names the server.
HOST = re.compile(
    rb"(^[A-Z]+ [^\r\n]* HTTP/1\.1\r\n(?:[^\r\n]+\r\n)*?Host: )[^\r\n]*", re.IGNORECASE
)


class _Forwarder(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, address: str, target: tuple[str, int]) -> None:
        self.target = target
        super().__init__((address, 0), _Connection)


class _Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        """Copies both ways until both sides have said all; at once when there is no target."""
        assert isinstance(self.server, _Forwarder)
        host, port = self.server.target
        with suppress(OSError), socket.create_connection(self.server.target) as target:
            back = threading.Thread(target=_copy, args=(target, self.request))
            back.start()
            _copy(self.request, target, b"\\g<1>%s:%d" % (host.encode(), port))
            back.join()


def _copy(source: socket.socket, sink: socket.socket, host: bytes | None = None) -> None:
    """Copy until the source has said all. A server on the loopback refuses requests that name
    another `host`, as a web page could have sent them."""
    with suppress(OSError):  # either side may hang up at any time
        while data := source.recv(65536):
            sink.sendall(data if host is None else HOST.sub(host, data, count=1))
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def forwarded(url: str, address: str) -> Iterator[str]:
    """Serve `url` on a free port of `address` as well, and give its URL there.

    `address` is that of Docker's bridge: seen by containers, not by the network.
    """
    target = urlsplit(url)
    assert target.hostname
    assert target.port
    with _Forwarder(address, (target.hostname, target.port)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"{target.scheme}://{address}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
