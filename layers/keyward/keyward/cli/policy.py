"""`keyward policy`: check a policy before it holds, see what it changes, put it, show it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click

from keyward.aws.parameter import read_policy
from keyward.cli.options import FINE, FOUND, json_option, of_stack, say, show
from keyward.cli.policy_lines import as_json, held_json, held_lines, lines_of, pending
from keyward.cli.stack import Stack, StackClient
from keyward.errors import PolicyRefusedError
from keyward.policy.change_set import Settled, settle
from keyward.runs.policy.account import PolicyAccount
from keyward.values import JSON

FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group(no_args_is_help=False)
def policy() -> None:
    """Check a policy, see what it would change, put it, show it."""


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
@click.pass_obj
def diff(
    now: Callable[[], float], /, file: Path, stack: str, region: str | None, as_data: bool
) -> int:
    """Tell what the policy in FILE would change in the account, and what would wait for a person.

    Nothing is written. The exit code is 1 when something would change, or the policy cannot be
    used.
    """
    problem = _problem(file)
    if problem:
        show(as_data, {"usable": False, "reason": problem}, [problem])
        return FOUND
    found = _settled(StackClient.here(region).stack(stack), _text(file), now)
    show(as_data, as_json(found), lines_of(found))
    return FOUND if found.applied or found.held else FINE


@policy.command()
@FILE
@of_stack
@click.pass_obj
def put(
    now: Callable[[], float], /, file: Path, stack: str, region: str | None, as_data: bool
) -> int:
    """Make the policy in FILE the wanted one, after the same check, and tell what it changes.

    One that is larger than a parameter may be goes into the stack's bucket. The exit code is 1 when
    it cannot be used, and nothing is put then.
    """
    problem = _problem(file)
    if problem:
        show(as_data, {"version": None, "reason": problem}, [problem])
        return FOUND
    text, found = _text(file), StackClient.here(region).stack(stack)
    changes = _settled(found, text, now)
    version = found.put_policy(text, file.stem)
    lines = [*lines_of(changes), f"version {version} of the policy parameter is wanted now"]
    show(as_data, {"version": version} | as_json(changes), lines)
    return FINE


def _settled(stack: Stack, text: str, now: Callable[[], float]) -> Settled:
    """What becomes of the edit, by what is in force and in the account now."""
    wanted, current = json.loads(text), stack.registry.policies.load()
    account = PolicyAccount(stack.context(now), stack.default_mode())
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
def show_policy(wanted: bool, stack: str, region: str | None, as_data: bool) -> int:
    """Print the policy in force, and what is held.

    What is held goes to the standard error, so that the output is a policy. The exit code is 1 when
    something is held.
    """
    found = StackClient.here(region).stack(stack)
    if wanted:
        show(as_data, _as_data(found.wanted_policy()), found.wanted_policy().splitlines())
        return FINE
    current = found.registry.policies.load()
    held = pending(current.hold)
    data: JSON = {"policy": current.body, "version": current.version, "held": held_json(held)}
    show(as_data, data, json.dumps(current.body, indent=2).splitlines())
    if not as_data:
        for line in held_lines(held, stack):
            say(line, err=True)
    return FOUND if held else FINE


def _as_data(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return {"text": text}
