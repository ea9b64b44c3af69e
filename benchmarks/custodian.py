"""Cloud Custodian, the real package, in an environment of its own: its lock is not ours.

`python -m benchmarks.custodian close 10` or `audit 100`, by that environment's Python, prints one
line of JSON. Our Python calls `closing` and `audit`, which start it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.ground import CALL_SECONDS, Ground
from keyward.values import JSON

ROOT = Path(__file__).resolve().parent.parent
# What that environment's Python finds beside its own packages; values.py needs none.
PATH = os.pathsep.join((str(ROOT), str(ROOT / "layers" / "keyward")))
VERSION = "0.9.53"
HOME = ROOT / "build" / f"custodian-{VERSION}"
STAGES = ("prod", "test")
AUDITED_METHODS = 60
OPEN = {"type": "rest-method", "method": "all", "key": "apiKeyRequired", "value": False}
CLOSE = {
    "type": "update-method",
    "patch": [{"op": "replace", "path": "/apiKeyRequired", "value": "true"}],
}
POLICIES: dict[str, list[JSON]] = {
    "close": [{"resource": "aws.rest-resource", "filters": [OPEN], "actions": [CLOSE]}],
    "audit": [
        {"resource": "aws.rest-resource", "filters": [OPEN]},
        {"resource": "aws.rest-stage"},
    ],
}


class UnavailableError(Exception):
    """The package cannot be installed or run here; the message says why."""


def installed() -> Path:
    """The Python of an environment with the package; made where it is missing, in seconds.

    Raises:
        UnavailableError: uv is missing, or the package index has no Cloud Custodian.
    """
    python = HOME / "bin" / "python"
    if not (HOME / "installed").exists():
        shutil.rmtree(HOME, ignore_errors=True)
        index = _output([sys.executable, str(ROOT / "tools" / "index.py")])
        environment = os.environ | {"VIRTUAL_ENV": str(HOME), "INDEX": index}
        uv = shutil.which("uv") or ROOT / ".venv" / "bin" / "uv"
        install = f'eval "$INDEX"; "{uv}" pip install --quiet "c7n=={VERSION}"'
        _output([sys.executable, "-m", "venv", "--without-pip", str(HOME)])
        _output(["bash", "-c", install], environment)
        (HOME / "installed").touch()
    return python


def _output(command: list[str], environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UnavailableError(f"c7n {VERSION}: {last}")
    return done.stdout


def run(job: str, size: int) -> JSON:
    """The calls and virtual seconds of a job, measured in the package's own environment.

    Raises:
        UnavailableError: the package cannot be installed, or it failed.
    """
    command = [str(installed()), "-m", "benchmarks.custodian", job, str(size)]
    environment = os.environ | {"PYTHONPATH": PATH}
    with tempfile.TemporaryDirectory() as folder:
        told = _output(command, environment | {"OUTPUT": folder})
    measured: JSON = json.loads(told.splitlines()[-1])
    return measured


def main() -> None:
    """Run a job, once, in the package's environment."""
    job, size = sys.argv[1], int(sys.argv[2])
    ground = Ground()
    if job == "close":
        ground.api(size)
    else:
        for _ in range(size):
            ground.api(AUDITED_METHODS, STAGES)
    began = ground.begin()
    for policy in policies(job, ground):
        policy.run()
    seconds = ground.clock.now() - began
    ledger, told = ground.emulator.ledger, ("at", "operation", "status")
    calls = [{name: call[name] for name in told} for call in ledger]
    print(json.dumps({"calls": calls, "seconds": seconds}))


def policies(job: str, ground: Ground) -> list[Any]:
    """The policies of a job: one worker, whose waits pass on the virtual clock."""
    import boto3
    from c7n import credentials, executor, manager
    from c7n.config import Config
    from c7n.loader import PolicyLoader
    from c7n.resources import load_resources

    from emulator.inprocess import EVENT, attach

    def passes(**_: Any) -> None:
        ground.clock.advance(CALL_SECONDS)

    region = "us-east-1"
    session = boto3.Session("testing", "testing", region_name=region)
    attach(ground.emulator, session)
    session.events.register_first(EVENT, passes)
    # The SDK waits by it.
    time.sleep = ground.clock.advance  # type: ignore[assignment]
    credentials.SessionFactory.__call__ = lambda self, *_, **__: session
    manager.ResourceManager.executor_factory = executor.MainThreadExecutor
    made = [policy | {"name": f"{job}-{n}"} for n, policy in enumerate(POLICIES[job])]
    load_resources(tuple(policy["resource"] for policy in made))
    options = Config.empty(region=region, regions=[region], output_dir=os.environ["OUTPUT"])
    options.account_id = "123456789012"
    return list(PolicyLoader(options).load_data({"policies": made}, "memory://"))


if __name__ == "__main__":
    main()
