"""ministack in this process: its settings, its server in a thread, a clean start and stop.

ministack keeps its state and settings in modules, so a process has one at a time, with one account
and Region; started again after a stop it begins empty.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time
import urllib.request
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from local import shims
from local.browsers import guarded

ACCOUNT_ID = "123456789012"
START_SECONDS = 60.0

SETTINGS = {
    "AUTH": "true",  # the functions' identity policies are enforced
    "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
    "BIND_HOST": "127.0.0.1",
    "LOG_LEVEL": "CRITICAL",
    "IOT_MTLS_ENABLED": "0",  # it would listen on a fixed port
    "SFTP_ENABLED": "0",
    "LAMBDA_WARM_TTL_SECONDS": "60",  # surplus workers after a burst
    "MINISTACK_WORKER_THREADS": "16",
}

# what the stack uses, and what these use in turn
SERVICES = (
    "cloudformation",
    "cloudwatch",
    "cloudwatch_logs",
    "dynamodb",
    "eventbridge",
    "iam",
    "kms",
    "lambda_svc",
    "s3",
    "scheduler",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "stepfunctions",
    "sts",
)


# What ministack's modules read when the process first imported them: every later start keeps it.
_first: dict[str, Any] = {}


class StartError(RuntimeError):
    """The local AWS did not come up."""


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise taken(port) from None
    return listener


def taken(port: int) -> StartError:
    """The error of a port on which somebody else listens."""
    return StartError(f"port {port} is in use. Stop who uses it, or choose another by --port")


@dataclass
class Ministack:
    """A running ministack; `url` serves every API but API Gateway's."""

    url: str
    region: str
    _loop: asyncio.AbstractEventLoop
    _stopping: asyncio.Event
    _thread: threading.Thread

    def stop(self) -> None:
        """Stop the server, end every worker and forget all state. Takes a few seconds at most."""
        from local.shims import redrive, streams, workers

        # first, because the server waits for invocations that a client waits for
        workers.close()
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(timeout=10)
        streams.reset()
        redrive.reset()
        for service in SERVICES:
            # ministack's own reset of everything would look for a Docker engine
            import_module(f"ministack.services.{service}").reset()


def start(region: str, port: int = 0) -> Ministack:
    """Serve ministack on a port of 127.0.0.1, a free one for 0; workers start after
    `workers.open_for`.

    Raises:
        StartError: it does not answer, or this process once had one with another Region.
        SeamChangedError: another version of ministack is installed.
    """
    listener = _listen(port or _first.get("port", 0))
    port = listener.getsockname()[1]
    if _first.setdefault("port", port) != port:
        listener.close()
        raise StartError(f"this process has a local AWS on another port, it cannot have {port}")
    earlier = _first.setdefault("region", region)
    if earlier != region:
        listener.close()
        raise StartError(f"this process has a local AWS in {earlier}, it cannot have {region}")
    os.environ.update(SETTINGS, GATEWAY_PORT=str(port), MINISTACK_REGION=region)
    shims.install()
    ministack = _serve(listener, f"http://127.0.0.1:{port}", region)
    _await_answer(ministack)
    return ministack


def shorten_waits(part: float) -> None:
    """Scale the Wait states and retries of Step Functions by `part`, until the next call."""
    from ministack.services import stepfunctions

    stepfunctions._SFN_WAIT_SCALE = part


def _serve(listener: socket.socket, url: str, region: str) -> Ministack:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app

    logging.getLogger("ministack").setLevel(logging.CRITICAL)
    port = listener.getsockname()[1]
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1.0
    config.loglevel = "CRITICAL"
    loop = asyncio.new_event_loop()
    stopping = asyncio.Event()

    def run() -> None:
        asyncio.set_event_loop(loop)
        guarded_app: Any = guarded(app, port)
        loop.run_until_complete(serve(guarded_app, config, shutdown_trigger=stopping.wait))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    thread = threading.Thread(target=run, name="ministack", daemon=True)
    thread.start()
    return Ministack(url, region, loop, stopping, thread)


def _await_answer(ministack: Ministack) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and ministack._thread.is_alive():
        try:
            with urllib.request.urlopen(f"{ministack.url}/_ministack/health", timeout=2):
                return
        except OSError:
            time.sleep(0.05)
    raise StartError("ministack does not answer")
