"""The command line of `python -m keyward.lint`.

Exit codes: 0 nothing would be open, 1 something would be, 2 a file (or the policy) could not be
read; the other files are checked all the same.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from keyward.errors import PolicyRefusedError
from keyward.lint.check import Checker
from keyward.lint.model import Findings, Method
from keyward.policy.model import Policy
from keyward.policy.parse import default_text, parse


def main(arguments: Sequence[str]) -> int:
    """Checks the files, says what it found, and returns the exit code."""
    options = _options(arguments)
    try:
        policy = _policy(options.policy)
    except (OSError, UnicodeDecodeError, PolicyRefusedError) as error:
        _write(sys.stderr, f"error: {options.policy}: {error}")
        return 2
    checker = Checker(options.api, options.skip_others)
    findings = checker.check(options.files)
    found = checker.open(policy, time.time())
    if options.format == "json":
        _write(sys.stdout, _as_json(findings, found))
    else:
        _tell(findings, found, len(options.files))
    return 2 if findings.errors else int(bool(found))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="keyward lint",
        description="Finds the methods that a SAM or CloudFormation template, or an OpenAPI "
        "document, would leave without an API key.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="YAML or JSON")
    parser.add_argument(
        "--policy", metavar="FILE", help="Keyward's policy (JSON); without it OPTIONS is exempt"
    )
    parser.add_argument(
        "--api", metavar="NAME", help="the API's name for exemptions, instead of the file's own"
    )
    parser.add_argument(
        "--skip-others",
        action="store_true",
        help="pass over files that are neither a template nor a document (the hook does)",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument(
        "--json", dest="format", action="store_const", const="json", help="as --format json"
    )
    return parser.parse_args(arguments)


def _policy(file: str | None) -> Policy:
    return parse(Path(file).read_text(encoding="utf-8-sig") if file else default_text())


def _tell(findings: Findings, found: list[Method], files: int) -> None:
    """Findings to stdout, what else there is to say to stderr."""
    for method in found:
        _write(sys.stdout, str(method))
    for note in findings.notes:
        _write(sys.stderr, f"note: {note}")
    for error in findings.errors:
        _write(sys.stderr, f"error: {error}")
    named = f"{files} {'file' if files == 1 else 'files'}"
    _write(sys.stdout, f"{len(found)} of {len(findings.methods)} methods in {named} would be open")


def _write(stream: TextIO, line: str) -> None:
    """A file may hold what the terminal's encoding cannot show."""
    encoding = stream.encoding or "utf-8"
    stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def _as_json(findings: Findings, found: list[Method]) -> str:
    body = {
        "methods": len(findings.methods),
        "open": [method.as_json() for method in found],
        "notes": [note.as_json() for note in findings.notes],
        "errors": [error.as_json() for error in findings.errors],
    }
    return json.dumps(body, indent=2)
