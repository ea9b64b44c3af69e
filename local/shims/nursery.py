"""Workers that are forked from one process, in which what they all import is imported already.

A new interpreter that imports botocore costs half a second of CPU, a fork some milliseconds, and a
test run starts hundreds of workers. The nursery has one thread and nothing of Keyward's in it; a
child becomes a worker with the environment, the folder and the pipes that it is given.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import IO

KILLED_SECONDS = 10  # a busy machine takes this long at most to end a killed process

# -S: without the host's site-packages. A request is a line of JSON; with it come the child's
# standard input, output and error, and a pipe that is closed when the child has ended.
_SCRIPT = """
import gc, json, os, signal, socket, sys
import botocore.session
import aws_lambda_powertools.utilities.batch

door = socket.socket(fileno=int(sys.argv[1]))
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
signal.signal(signal.SIGINT, signal.SIG_IGN)  # who types Ctrl-C means the parent
gc.freeze()
while True:
    text, pipes, _, _ = socket.recv_fds(door, 1 << 20, 4)
    while text and not text.endswith(b"\\n"):
        text += door.recv(1 << 20)
    if not text:
        os._exit(0)
    child = os.fork()
    if not child:
        break
    for pipe in pipes:
        os.close(pipe)
    door.sendall(b"%d\\n" % child)
door.detach()
os.close(int(sys.argv[1]))
for number, pipe in enumerate(pipes[:3]):
    os.dup2(pipe, number)
    os.close(pipe)
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.SIG_DFL)
wanted = json.loads(text)
os.environ.clear()
os.environ.update(wanted["env"])
os.chdir(wanted["cwd"])
sys.argv = [wanted["script"]]
with open(wanted["script"]) as file:
    code = compile(file.read(), wanted["script"], "exec")
exec(code, {"__name__": "__main__"})
"""


class Child:
    """A worker, with as much of subprocess.Popen as ministack uses. Its exit status is not known:
    `returncode` is 0 once it has ended."""

    def __init__(self, pid: int, pipes: tuple[IO[str], IO[str], IO[str]], life: int) -> None:
        self.pid = pid
        self.stdin, self.stdout, self.stderr = pipes
        self.returncode: int | None = None
        self._life = life
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """0 when it has ended, None while it lives."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended, and close its pipes. Raises subprocess.TimeoutExpired."""
        until = None if timeout is None else time.monotonic() + timeout
        while (code := self._ended(0.05)) is None:
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        self._close()
        return code

    def __del__(self) -> None:
        """Close what is left open of a worker that ended by itself, which nobody waits for."""
        if self._ended(0) is not None:
            self._close()

    def _close(self) -> None:
        for pipe in (self.stdin, self.stdout, self.stderr):
            with suppress(BrokenPipeError):
                pipe.close()

    def terminate(self) -> None:
        """Ask it to end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End it, and close its pipes. ministack itself waits half a second for the end, which is
        too short on a busy machine. Raises subprocess.TimeoutExpired."""
        self._send(signal.SIGKILL)
        self.wait(KILLED_SECONDS)

    def _send(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _ended(self, seconds: float) -> int | None:
        with self._lock:
            if self.returncode is None and select.select([self._life], [], [], seconds)[0]:
                os.close(self._life)
                self.returncode = 0
            return self.returncode


class Nursery:
    """The process from which workers are forked, with this environment."""

    def __init__(self, env: dict[str, str]) -> None:
        self._lock = threading.Lock()
        self._door, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-S", "-c", _SCRIPT, str(number)],
                stdin=subprocess.DEVNULL,
                env=env,
                pass_fds=[number],
            )

    def spawn(self, script: str, env: dict[str, str], cwd: str) -> Child:
        """A worker that runs the script. Raises ConnectionError when the nursery has ended."""
        (in_read, in_write), (out_read, out_write), (err_read, err_write), (life, life_write) = (
            os.pipe() for _ in range(4)
        )
        pipes = (os.fdopen(in_write, "w", 1), os.fdopen(out_read), os.fdopen(err_read))
        request = json.dumps({"script": script, "env": env, "cwd": cwd}).encode() + b"\n"
        given = [in_read, out_write, err_write, life_write]
        try:
            return Child(self._ask(request, given), pipes, life)
        except OSError:
            for pipe in pipes:
                pipe.close()
            os.close(life)
            raise
        finally:
            for number in given:
                os.close(number)

    def _ask(self, request: bytes, given: list[int]) -> int:
        """The process id of a new child."""
        with self._lock:
            sent = socket.send_fds(self._door, [request], given)
            self._door.sendall(request[sent:])
            answer = self._door.recv(64)
        if not answer:
            raise ConnectionError("the nursery of workers has ended")
        return int(answer)

    def close(self) -> None:
        """End it; its children live on until they are ended."""
        with self._lock:
            self._door.shutdown(socket.SHUT_RDWR)
        self._process.wait()
        self._door.close()
