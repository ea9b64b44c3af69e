"""`keyward policy`: check a policy before it holds, put it, show it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from keyward.cli.options import FINE, FOUND, json_option, of_stack, show
from keyward.cli.stack import StackClient
from keyward.errors import PolicyRefusedError
from keyward.policy.parse import parse

FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group(no_args_is_help=False)
def policy() -> None:
    """Check a policy, put it, show it."""


@policy.command()
@FILE
@json_option
def check(file: Path, as_data: bool) -> int:
    """Tell whether the policy in FILE can be used; nothing is sent.

    The exit code is 1 when it cannot.
    """
    problem = _problem(file)
    show(as_data, {"usable": not problem, "reason": problem}, [problem or "this policy is usable"])
    return FOUND if problem else FINE


@policy.command()
@FILE
@of_stack
def put(file: Path, stack: str, region: str | None, as_data: bool) -> int:
    """Make the policy in FILE the wanted one. It is checked first.

    One that is larger than a parameter may be goes into the stack's bucket. The exit code is 1 when
    it cannot be used, and nothing is put then.
    """
    problem = _problem(file)
    if problem:
        show(as_data, {"version": None, "reason": problem}, [problem])
        return FOUND
    found = StackClient.here(region).stack(stack)
    version = found.put_policy(_text(file), file.stem)
    words = f"version {version} is wanted; keyward policy show prints what is in force"
    show(as_data, {"version": version, "reason": None}, [words])
    return FINE


def _problem(file: Path) -> str | None:
    try:
        parse(_text(file))
    except PolicyRefusedError as error:
        return str(error)
    return None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise PolicyRefusedError("policy: must be UTF-8 text. Save the file as UTF-8") from None


@policy.command("show")
@click.option("--wanted", is_flag=True, help="What the parameter says, be it usable or not.")
@of_stack
def show_policy(wanted: bool, stack: str, region: str | None, as_data: bool) -> int:
    """Print the policy in force."""
    found = StackClient.here(region).stack(stack)
    text = found.wanted_policy()
    show(as_data, _as_data(text), [text])
    return FINE


def _as_data(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return {"text": text}
