"""Documented commands: the program knows each of them, and what needs no account is run."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from emulator.tests.cli_lab import AwsCli, aws_cli
from keyward.cli import app
from tests import tree
from tests.rules.test_docs import DOCUMENTS, blocks, first_cells, text

# What a shell has to run, by the first word of a documented command.
PROGRAMS = ("aws", "keyward", "make", "sam", "python", ".venv/bin/python")
VENV = Path(sys.executable).parent


def commands(path: Path) -> list[str]:
    """The commands in a document's blocks, each with the lines that continue it."""
    found: list[str] = []
    open_command = ""
    for block in blocks(text(path)):
        for line in block.splitlines():
            started = line.removeprefix("$ ").startswith(tuple(f"{name} " for name in PROGRAMS))
            if not open_command and not started:
                continue
            open_command += line.removeprefix("$ ") if not open_command else f"\n{line}"
            if is_whole(open_command):
                found.append(open_command)
                open_command = ""
    return found


def is_whole(command: str) -> bool:
    try:
        shlex.split(command, comments=True)
    except ValueError:
        return False
    return not command.endswith("\\")


COMMANDS = sorted({command for path in DOCUMENTS for command in commands(path)})


def documented(program: str) -> list[str]:
    return [command for command in COMMANDS if command.startswith(f"{program} ")]


def leaves(group: click.Group, before: str = "keyward") -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        path = f"{before} {name}"
        found |= leaves(command, path) if isinstance(command, click.Group) else {path: command}
    return found


def test_the_page_of_the_command_has_every_command_and_option() -> None:
    known = leaves(app.commands)
    named = first_cells("docs/command.md", "command")
    told = {name for name in known for words in named if words.startswith(name)}
    assert told == set(known)
    assert len(named) == len(known)
    options = {
        option
        for command in known.values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }
    assert {name for name in options if name not in text("docs/command.md")} == set()


# The programs of this environment, and nobody's credentials.
ENVIRONMENT = {
    "PATH": f"{VENV}{os.pathsep}{os.environ['PATH']}",
    "PYTHONPATH": str(tree.PACKAGE.parent),
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_MAX_ATTEMPTS": "1",
}


def shell(script: str) -> subprocess.CompletedProcess[str]:
    """Run a line in bash."""
    return subprocess.run(
        ["bash", "-c", script],
        cwd=tree.ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsCli]:
    with aws_cli() as made:
        yield made


def test_the_documents_show_commands_of_each_program() -> None:
    assert {name for name in PROGRAMS if documented(name)} >= {"aws", "keyward", "make"}


@pytest.mark.parametrize("command", documented("make"))
def test_a_documented_make_command_is_known_to_make(command: str) -> None:
    words = shlex.split(command, comments=True)
    assert shell(shlex.join([*words[:1], "-n", *words[1:]])).returncode == 0


@pytest.mark.parametrize("command", documented("aws"))
def test_a_documented_aws_command_is_known_to_the_aws_cli(aws: AwsCli, command: str) -> None:
    # It checks a call before it connects, and nobody listens there.
    words = shlex.split(command.replace("\\\n", " "), comments=True)
    ended = aws.run(words[1:], ENVIRONMENT)
    assert "Could not connect to the endpoint URL" in ended.stderr


@pytest.mark.parametrize("command", documented("keyward"))
def test_a_documented_keyward_command_is_known_to_keyward(command: str) -> None:
    words = shlex.split(command, comments=True)[1:]
    words = words[: words.index("|")] if "|" in words else words
    group: click.Command = app.commands
    while isinstance(group, click.Group) and words[:1] != ["--help"]:
        group = group.commands[words.pop(0)]
    if words != ["--help"]:
        group.make_context("keyward", words)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("keyward --help", 0),
        ("keyward lint --help", 0),
        ("keyward lint --policy layers/keyward/keyward/policy/default.json template.yaml", 0),
        ("keyward lint local/sample_api.yaml", 1),
        ("keyward key check VALUE", 1),
    ],
)
def test_what_needs_no_account_runs(command: str, code: int) -> None:
    program = shlex.join([sys.executable, "-m", "keyward"])
    ended = shell(command.replace("keyward", program, 1))
    assert ended.returncode == code, ended.stderr
    assert ended.stdout
