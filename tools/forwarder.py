"""Lets a container reach a server that listens on this machine's loopback address only."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


@contextmanager
def forwarded(url: str, address: str) -> Iterator[str]:
    """Serve `url` on a free port of `address` as well, and give its URL there.

    `address` is that of Docker's bridge: seen by containers, not by the network.
    """
    target = urlsplit(url)
    assert target.hostname
    assert target.port
    with socket.create_server((address, 0)) as listener:
        threading.Thread(
            target=_accept, args=(listener, (target.hostname, target.port)), daemon=True
        ).start()
        yield f"{target.scheme}://{address}:{listener.getsockname()[1]}"


def _accept(listener: socket.socket, target: tuple[str, int]) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # the listener was closed: the end
            return
        try:
            server = socket.create_connection(target)
        except OSError:  # the container sees a closed connection, as without a forwarder
            client.close()
            continue
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=_copy, args=(source, sink), daemon=True).start()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):  # either side may hang up at any time
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
