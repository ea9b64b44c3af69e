"""The AWS CLI, started once: a command runs in a fork that has the CLI loaded.

To start it costs a second of CPU, a fork a fifth of that."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

_SERVER = """
import json, os, sys, tempfile
from awscli import clidriver

# The CLI says there, when it is imported, where its own data lies.
own = {"AWS_DATA_PATH": os.environ["AWS_DATA_PATH"]}
for line in sys.stdin:
    wanted = json.loads(line)
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        child = os.fork()
        if not child:
            nothing = os.open(os.devnull, os.O_RDONLY)
            for number, file in enumerate((nothing, output.fileno(), errors.fileno())):
                os.dup2(file, number)
            os.environ.clear()
            os.environ.update(wanted["environment"] | own)
            sys.argv = ["aws", *wanted["words"]]
            try:
                code = clidriver.main()
            except SystemExit as end:
                code = end.code
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code or 0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = []
        for file in (output, errors):
            file.seek(0)
            texts.append(file.read().decode())
    print(json.dumps([code, *texts]), flush=True)
"""


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


class AwsCli:
    """The process from which commands are forked."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, words: Sequence[str], environment: Mapping[str, str]) -> Done:
        """Run `aws` with these words and in this environment, to its end."""
        assert self._process.stdin
        assert self._process.stdout
        wanted = {"words": [*words], "environment": {**environment}}
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()
        return Done(*json.loads(self._process.stdout.readline()))


@contextmanager
def aws_cli() -> Iterator[AwsCli]:
    """The AWS CLI, ready."""
    command = [sys.executable, "-W", "ignore", "-c", _SERVER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield AwsCli(process)
