"""`keyward lint`: the methods that a template or OpenAPI document would leave open.

The exit code is 2 when a file (or the policy) could not be read; the other files are checked all
the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import click

from keyward.apis.rule import KeyRule
from keyward.cli.options import (
    FINE,
    FOUND,
    WRONG,
    Call,
    each,
    json_lines,
    of_nobody,
    policy_in,
    say,
)
from keyward.cli.stack import SetUpError
from keyward.lint.check import Checker
from keyward.lint.fix import fix
from keyward.lint.model import Findings, Method
from keyward.lint.sarif import sarif
from keyward.policy.model import Policy
from keyward.values import JSON, counted


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--policy", metavar="FILE", help="Keyward's policy; without it OPTIONS is exempt.")
@click.option("--api", metavar="NAME", help="The API's name for exemptions, not the file's own.")
@click.option(
    "--skip-others",
    is_flag=True,
    help="Pass over files that are neither a template nor a document.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif"]),
    default="text",
    show_default=True,
)
@click.option("--sarif", "form", flag_value="sarif", help="As --format sarif, for code scanning.")
@click.option("--fix", "fixes", is_flag=True, help="Put what open methods lack into the files.")
@of_nobody
def lint(
    call: Call,
    /,
    files: tuple[str, ...],
    policy: str | None,
    api: str | None,
    skip_others: bool,
    form: str,
    fixes: bool,
) -> int:
    """Find the methods that a template would leave open.

    FILE is a SAM or CloudFormation template or an OpenAPI document, in YAML or JSON. The exit code
    is 1 when a method would be open, 2 when a file could not be read. With --fix it tells what is
    left after the files were changed; nothing but keys is.
    """
    rules = policy_in(policy)
    findings, found = _checked(files, rules, api, skip_others)
    if fixes and found:
        for line in _fixed(found):
            say(f"note: {line}", err=True)
        findings, found = _checked(files, rules, api, skip_others)
    form = "json" if call.as_data else form
    if form in DATA:
        for line in json_lines(DATA[form](findings, found)):
            say(line)
    else:
        _tell(findings, found, len(files))
    return WRONG if findings.errors else FOUND if found else FINE


def _checked(
    files: tuple[str, ...], rules: Policy, api: str | None, skip_others: bool
) -> tuple[Findings, list[Method]]:
    checker, now = Checker(api, skip_others), time.time()
    findings = checker.check(each("checking", files))
    return findings, checker.open(lambda name: KeyRule(rules, name, name, now))


def _fixed(found: list[Method]) -> Iterator[str]:
    """Change the files, and say what was done. Raises SetUpError."""
    try:
        done, left = fix(found)
    except OSError as error:
        raise SetUpError(f"{error.filename} cannot be written: {error.strerror}") from None
    yield from (
        f"{name}: {counted(count, 'member was', 'members were')} put in"
        for name, count in done.items()
    )
    yield from (f"{name}: left as it is, as only a person can tell where" for name in left)


def _tell(findings: Findings, found: list[Method], files: int) -> None:
    """Findings to stdout, what else there is to say to stderr."""
    for method in found:
        say(str(method))
    for note in findings.notes:
        say(f"note: {note}", err=True)
    for error in findings.errors:
        say(f"error: {error}", err=True)
    named = counted(files, "file")
    if findings.methods:
        words = (
            f"{len(found)} of {counted(len(findings.methods), 'method')} in {named} would be open"
        )
    else:
        words = f"no method of a REST API was found in {named}"
    errors = len(findings.errors)
    say(f"{words}, as far as they could be read: {counted(errors, 'error')}" if errors else words)


def _as_json(findings: Findings, found: list[Method]) -> JSON:
    return {
        "methods": len(findings.methods),
        "open": [method.as_json() for method in found],
        "notes": [note.as_json() for note in findings.notes],
        "errors": [error.as_json() for error in findings.errors],
    }


DATA = {"json": _as_json, "sarif": sarif}
