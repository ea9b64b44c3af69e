"""`make conformance`: our conformance cases, then those written apart from the product, if here.

python -m tools.conformance [FOLDER]       the tests of another folder alone (`make engines`)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools import tally

ROOT = Path(__file__).resolve().parent.parent
APART = ROOT.parent / "shared" / "conformance" / "run.py"
STOP_SECONDS = 15


def main(arguments: Sequence[str] = ()) -> int:
    """Runs both, or what is named; the exit status is 0 only when all passed."""
    if arguments:
        return run(["-m", "pytest", *arguments])
    print("conformance: our cases, emulator/tests/conformance", flush=True)
    ours = run(["-m", "pytest", "emulator/tests/conformance"])
    if not APART.exists():
        print(
            "conformance: the cases written apart (../shared/conformance) are not beside this tree"
        )
        return ours
    print("conformance: the cases written apart from the product", flush=True)
    return ours or apart()


def run(arguments: list[str]) -> int:
    """The exit status of a Python program; where .ci/run adds up, its tests are counted."""
    file = os.environ.get(tally.FILE)
    environment = tally.environment(Path(file)) if file else None
    return subprocess.call([sys.executable, *arguments], cwd=ROOT, env=environment)


def apart() -> int:
    """The cases of ../shared/conformance against an emulator that is started for them."""
    command = [sys.executable, "-m", "emulator"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as emulator:
        assert emulator.stdout
        try:
            urls = json.loads(emulator.stdout.readline())
            arguments = ["--apigateway", urls["apigateway"], "--invoke", urls["invoke"]]
            return run([str(APART), *arguments])
        finally:
            emulator.terminate()
            emulator.wait(STOP_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
