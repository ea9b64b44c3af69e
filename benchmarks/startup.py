"""Start-up CPU of each function: its import, and its first invocation with all its clients."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib.metadata import distribution
from pathlib import Path

from benchmarks.stub import Stub
from benchmarks.tape import Take, record
from keyward.values import JSON
from local.lifetime.stack import stack_of

ROOT = Path(__file__).resolve().parent.parent
PROBE = Path(__file__).with_name("probe.py")
LAYER = ROOT / "layers" / "keyward"
FUNCTIONS = ROOT / "functions"
# As Lambda's Python has them; jmespath is in the layer too.
RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "python-dateutil", "six", "urllib3")
REFERENCE = "reference"  # the name that probe.py knows
RUNS = 7
# The functions of a sign-up.
SIGN_UP = (
    *("record_customer", "start_customer_reconcile", "plan_customer"),
    *("create_key", "attach_key", "conclude_customer"),
)
NO_TAKE = Take({}, 0.0)


@dataclass(frozen=True)
class StartUp:
    """CPU milliseconds, user and system, without those of the bare interpreter: the least of some
    processes, as whatever else the machine does only adds to it. `ready`: import and first
    invocation. `ratio`: `ready` by that of the reference."""

    function: str
    modules: int
    clients: list[str]
    import_ms: int
    ready_ms: int
    ratio: float

    def as_json(self) -> JSON:
        """A row of latest.json."""
        return asdict(self)


@dataclass(frozen=True)
class StartUps:
    """All functions; `reference_ms` is `import boto3; boto3.client("apigateway")`."""

    bare_ms: int
    reference_ms: int
    functions: list[StartUp]


def start_ups(rounds: int = RUNS, only: Sequence[str] = ()) -> StartUps:
    """Measure each function, or those of `only`, in fresh processes, bytecode present, round after
    round, so that what else the machine does is spread over all of them."""
    takes = {REFERENCE: NO_TAKE} | record()
    missing = {path.stem for path in FUNCTIONS.glob("*.py")} - set(takes)
    if missing:
        raise RuntimeError(f"benchmarks/tape.py does not call {', '.join(sorted(missing))}")
    names = sorted({REFERENCE, *only} if only else takes)
    told: dict[str, list[JSON]] = {name: [] for name in names}
    clients: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as work, closing(Stub()) as stub:
        site = _site(Path(work) / "site")
        for round_ in range(rounds + 1):
            for name, results in told.items():
                stub.put_in(takes[name])
                measured = _probe(name, takes[name], stub.url, site, Path(work))
                clients[name] = sorted(stub.services)
                if round_:  # the first one made the bytecode
                    results.append(measured)
    return _summary(told, clients)


def _summary(told: dict[str, list[JSON]], clients: dict[str, list[str]]) -> StartUps:
    def least(name: str, figure: str) -> float:
        return 1000 * float(min(result[figure] for result in told[name]))

    reference = round(least(REFERENCE, "ready"))
    functions = [
        StartUp(
            name,
            results[0]["modules"],
            clients[name],
            round(least(name, "imported")),
            round(least(name, "ready")),
            round(round(least(name, "ready")) / reference, 2),
        )
        for name, results in told.items()
        if name != REFERENCE
    ]
    return StartUps(round(least(REFERENCE, "bare")), reference, functions)


def _site(folder: Path) -> Path:
    """A folder with links to the packages that Lambda has, and to no other: this environment's
    awscrt, for one, would be imported by botocore."""
    folder.mkdir()
    lock = (LAYER / "requirements.txt").read_text(encoding="utf-8")
    for name in {*RUNTIME_PACKAGES, *re.findall(r"^([a-z][\w.-]*)==", lock, re.MULTILINE)}:
        for top in {path.parts[0] for path in distribution(name).files or []}:
            found = Path(str(distribution(name).locate_file(top)))
            if ".." not in top and top != "__pycache__":
                (folder / top).symlink_to(found)
    return folder


def _probe(name: str, take: Take, endpoint: str, site: Path, work: Path) -> JSON:
    folders = [str(LAYER), str(FUNCTIONS), str(site)]
    command = [sys.executable, "-I", "-S", "-X", f"pycache_prefix={work / 'bytecode'}", str(PROBE)]
    done = subprocess.run(
        [*command, name, *folders],
        input=json.dumps({"event": take.event, "now": take.now}),
        env=_environment(endpoint),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stdout}\n{done.stderr}")
    result: JSON = json.loads(done.stdout.splitlines()[-1])
    return result


def _environment(endpoint: str) -> dict[str, str]:
    """The template's settings and Lambda's, fake credentials, and no address but the stub's."""
    whole = stack_of(("ClaimPage", "on")).environment
    queues = {name for name in whole if name.endswith("_URL")}
    settings = whole | dict.fromkeys(queues, f"{endpoint}/queue")
    settings |= {"INVOKE_URL": f"{endpoint}/{{rest_api_id}}/{{stage}}"}
    return {
        **settings,
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
