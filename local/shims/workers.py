"""The processes in which functions run: their number, environment, credentials and end.

- At most three workers a function: ministack starts one for each event that arrives at once.
- A worker sees nothing of the host's environment but a few harmless variables, and of the host's
  packages only those that are on Lambda (runtime and layer): a missing dependency shows here.
- `on_credentials` hears each function's credentials, so that the emulator knows its role.
- Workers share one extracted copy of each zip (code and layers are read-only on Lambda too), so
  that a start extracts nothing twice and a stop need not remove hundreds of files a worker.
- After `close` no worker starts any more, so that a stop leaves none behind.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
import zipfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from keyward.values import JSON
from local.shims import seam
from local.shims.nursery import Child, Nursery

WORKERS_PER_FUNCTION = 3
PASSED_VARIABLES = frozenset(
    {"PATH", "LANG", "LC_ALL", "TMPDIR", "TZ"}
    | {"AWS_REGION", "AWS_DEFAULT_REGION"}  # set by ministack, possibly to what the host has
)


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker gets.

    `packages` is a folder with the packages that Lambda and the layer bring. `variables`, such as
    endpoints, are added to its environment. `on_credentials` hears each access key id, with the
    path and name of its role.
    """

    packages: Path
    variables: dict[str, str]
    on_credentials: Callable[[str, str], None]


class _Workshop:
    """The settings in force; None while closed. ministack keeps its state in modules, so do we."""

    def __init__(self) -> None:
        self.settings: WorkerSettings | None = None
        self.slots: defaultdict[str, threading.BoundedSemaphore] = defaultdict(
            lambda: threading.BoundedSemaphore(WORKERS_PER_FUNCTION)
        )
        self.extracting = threading.Lock()
        self.opening = threading.Lock()
        self.nursery: Nursery | None = None
        self.folder: Path | None = None

    def spawn(self, script: str, env: dict[str, str], cwd: str) -> Child:
        """A worker from the one nursery, which is opened when it is first wanted."""
        with self.opening:
            if self.settings is None:
                raise RuntimeError("the local AWS has stopped")
            wanted = worker_environment(env, self.settings)
            self.nursery = self.nursery or Nursery(worker_environment({}, self.settings))
            nursery = self.nursery
        return nursery.spawn(script, wanted, cwd)

    def close_nursery(self) -> None:
        """End it."""
        with self.opening:
            if self.nursery:
                self.nursery.close()
            self.nursery = None

    def extracted(self, archive: Path) -> Path:
        """The one copy of the archive's files, extracted when it is first wanted."""
        name = hashlib.sha256(archive.read_bytes()).hexdigest()[:16]
        with self.extracting:
            self.folder = self.folder or Path(tempfile.mkdtemp(prefix="keyward-code-"))
            copy = self.folder / name
            if not copy.exists():
                with zipfile.ZipFile(archive) as opened:
                    opened.extractall(copy)
            return copy

    def forget_extracted(self) -> None:
        """Remove the copies."""
        with self.extracting:
            if self.folder:
                shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None


_workshop = _Workshop()


def open_for(settings: WorkerSettings) -> None:
    """Let workers start, with these settings."""
    _workshop.settings = settings


def close() -> None:
    """Start no worker any more, end those that run and remove their folders."""
    _workshop.settings = None
    lambda_runtime.reset()
    _workshop.close_nursery()
    _workshop.forget_extracted()


def worker_environment(wanted: dict[str, str], settings: WorkerSettings) -> dict[str, str]:
    """`wanted` without what was only inherited from the host, with the settings' additions."""
    own = {
        name: value
        for name, value in wanted.items()
        if name in PASSED_VARIABLES or os.environ.get(name) != value
    }
    return {**own, "PYTHONPATH": str(settings.packages), **settings.variables}


class _SharedZip(zipfile.ZipFile):
    """An archive that is linked, not extracted."""

    def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
        target = Path(path)
        with suppress(FileNotFoundError):
            target.rmdir()
        target.symlink_to(_workshop.extracted(Path(str(self.filename))))


def _popen(command: list[str], *, env: dict[str, str], cwd: str, **_pipes: Any) -> Child:
    """A worker; all runtimes here are Python."""
    _, script = command
    return _workshop.spawn(script, env, cwd)


def _limit_workers(execute: Callable[..., JSON]) -> Callable[..., JSON]:
    def limited(func: JSON, event: Any, request_id: str) -> JSON:
        if _workshop.settings is None:
            stopped = {"errorType": "Stopped", "errorMessage": "the local AWS has stopped"}
            return {"body": stopped, "error": True, "log": ""}
        with _workshop.slots[str((func.get("config") or func).get("FunctionName"))]:
            return execute(func, event, request_id)

    return limited


def _tell_credentials(credentials: Callable[[JSON], JSON]) -> Callable[[JSON], JSON]:
    def telling(config: JSON) -> JSON:
        found = credentials(config)
        role = str(config.get("Role", "")).partition(":role/")[2]
        if _workshop.settings is not None:
            _workshop.settings.on_credentials(found["AWS_ACCESS_KEY_ID"], role)
        return found

    return telling


def install() -> None:
    """Mend how workers are counted, started and given credentials."""
    # _execute_function_warm is function_errors' seam, which is installed first and checks its text
    lambda_svc._execute_function_warm = _limit_workers(lambda_svc._execute_function_warm)
    seam.replace(lambda_runtime, "execution_credentials", "cffaadc4f396f6e4", _tell_credentials)
    source = "c55febf956565c5e"
    seam.replace(lambda_runtime.Worker, "_spawn", source, lambda original: original)
    lambda_runtime.zipfile = SimpleNamespace(
        ZipFile=_SharedZip,
        BadZipFile=zipfile.BadZipFile,
        LargeFileError=zipfile.LargeZipFile,
    )
    lambda_runtime.subprocess = SimpleNamespace(
        Popen=_popen,
        PIPE=subprocess.PIPE,
        DEVNULL=subprocess.DEVNULL,
        STDOUT=subprocess.STDOUT,
        TimeoutExpired=subprocess.TimeoutExpired,
    )
