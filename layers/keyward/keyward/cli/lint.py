"""`keyward lint`: the methods that a template or OpenAPI document would leave open.

The exit code is 2 when a file (or the policy) could not be read; the other files are checked all
the same.
"""

from __future__ import annotations

import json
import time

import click

from keyward.cli.options import FINE, FOUND, WRONG, policy_in, say
from keyward.lint.check import Checker
from keyward.lint.model import Findings, Method

FORMATS = ("text", "json")


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--policy", metavar="FILE", help="Keyward's policy; without it OPTIONS is exempt.")
@click.option("--api", metavar="NAME", help="The API's name for exemptions, not the file's own.")
@click.option(
    "--skip-others",
    is_flag=True,
    help="Pass over files that are neither a template nor a document.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--json", "form", flag_value="json", help="As --format json.")
def lint(
    files: tuple[str, ...], policy: str | None, api: str | None, skip_others: bool, form: str
) -> int:
    """Find the methods that a template or OpenAPI document would leave open.

    FILE is a SAM or CloudFormation template or an OpenAPI document, in YAML or JSON. The exit code
    is 1 when a method would be open, 2 when a file could not be read.
    """
    rules = policy_in(policy)
    checker = Checker(api, skip_others)
    findings = checker.check(files)
    found = checker.open(rules, time.time())
    if form == "json":
        for line in _as_json(findings, found).splitlines():
            say(line)
    else:
        _tell(findings, found, len(files))
    return WRONG if findings.errors else FOUND if found else FINE


def _tell(findings: Findings, found: list[Method], files: int) -> None:
    """Findings to stdout, what else there is to say to stderr."""
    for method in found:
        say(str(method))
    for note in findings.notes:
        say(f"note: {note}", err=True)
    for error in findings.errors:
        say(f"error: {error}", err=True)
    named = f"{files} {'file' if files == 1 else 'files'}"
    say(f"{len(found)} of {len(findings.methods)} methods in {named} would be open")


def _as_json(findings: Findings, found: list[Method]) -> str:
    body = {
        "methods": len(findings.methods),
        "open": [method.as_json() for method in found],
        "notes": [note.as_json() for note in findings.notes],
        "errors": [error.as_json() for error in findings.errors],
    }
    return json.dumps(body, indent=2)
