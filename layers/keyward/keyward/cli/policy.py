"""`keyward policy`: check a policy before it holds, see what it changes, put it, show it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from keyward.aws.parameter import read_policy
from keyward.cli.options import FINE, FOUND, Call, of_nobody, of_stack
from keyward.cli.policy_lines import as_json, held_json, held_lines, lines_of, pending
from keyward.cli.stack import Stack
from keyward.errors import PolicyRefusedError
from keyward.policy.change_set import Settled, settle
from keyward.runs.policy.account import PolicyAccount
from keyward.values import JSON

FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group(no_args_is_help=False)
def policy() -> None:
    """Check, compare, put and show a policy."""


@policy.command()
@FILE
@of_nobody
def check(call: Call, /, file: Path) -> int:
    """Tell whether the policy in FILE can be used; nothing is sent.

    The exit code is 1 when it cannot.
    """
    problem = _problem(file)
    call.show({"usable": not problem, "reason": problem}, [problem or "this policy is usable"])
    return FOUND if problem else FINE


@policy.command()
@FILE
@of_stack
def diff(call: Call, /, file: Path) -> int:
    """Tell what the policy in FILE would change.

    It tells too what would wait for a person. Nothing is written. The exit code is 1 when something
    would change, or the policy cannot be used.
    """
    problem = _problem(file)
    if problem:
        call.show({"usable": False, "reason": problem}, [problem])
        return FOUND
    found = _settled(call, call.stack(), _text(file))
    call.show(as_json(found), lines_of(found))
    return FOUND if found.applied or found.held else FINE


@policy.command()
@FILE
@of_stack
def put(call: Call, /, file: Path) -> int:
    """Check the policy in FILE, and make it the wanted one.

    It tells what changes, as `diff` does. One that is larger than a parameter may be goes into the
    stack's bucket. The exit code is 1 when it cannot be used, and nothing is put then.
    """
    problem = _problem(file)
    if problem:
        call.show({"version": None, "reason": problem}, [problem])
        return FOUND
    text, found = _text(file), call.stack()
    changes = _settled(call, found, text)
    version = found.put_policy(text, file.stem)
    lines = [*lines_of(changes), f"version {version} of the policy parameter is wanted now"]
    call.show({"version": version} | as_json(changes), lines)
    return FINE


def _settled(call: Call, stack: Stack, text: str) -> Settled:
    """Compare the edit with the policy in force and with the account."""
    wanted, current = json.loads(text), stack.registry.policies.load()
    account = PolicyAccount(stack.context(call.now), stack.default_mode())
    held = current.hold.lines if current.hold else ()
    return settle(current.body, wanted, account.facts(current.body, wanted), held=held)


def _problem(file: Path) -> str | None:
    try:
        read_policy(_text(file))
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
def show_policy(call: Call, /, wanted: bool) -> int:
    """Print the policy in force, and what is held.

    What is held goes to the standard error, so that the output is a policy. The exit code is 1 when
    something is held.
    """
    found = call.stack()
    if wanted:
        text = found.wanted_policy()
        call.show(_as_data(text), text.splitlines())
        return FINE
    current = found.registry.policies.load()
    held = pending(current.hold)
    data: JSON = {"policy": current.body, "version": current.version, "held": held_json(held)}
    call.show(data, json.dumps(current.body, indent=2).splitlines())
    if not call.as_data:
        for line in held_lines(held, found.name):
            call.say(line, err=True)
    return FOUND if held else FINE


def _as_data(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return {"text": text}
