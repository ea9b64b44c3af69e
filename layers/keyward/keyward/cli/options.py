"""What the commands share: exit codes, options, and how they print."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from keyward.cli.stack import SetUpError
from keyward.errors import PolicyRefusedError
from keyward.policy.model import Policy
from keyward.policy.parse import default_text, parse
from keyward.values import visible

FINE, FOUND, WRONG = 0, 1, 2
# What `click.style` writes for bold, red and their end: it hides nothing and moves nothing.
STYLES = re.compile(r"(\x1b\[(?:0|1|31)m)")
Command = Callable[..., Any]


def together(*options: Command) -> Callable[[Command], Command]:
    """Options that several commands share, in the order of their help."""

    def with_options(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return with_options


region_option = click.option("--region", metavar="NAME", help="Instead of the environment's.")
stack_option = click.option(
    "--stack", metavar="NAME", default="keyward", show_default=True, help="The stack's name."
)
json_option = click.option("--json", "as_data", is_flag=True, help="Print JSON.")
of_stack = together(stack_option, region_option, json_option)


def write_page(file: Path, text: str) -> None:
    """Write what `--html` asks for. Raises SetUpError where it cannot be written."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SetUpError(f"--html: {file} cannot be written: {error.strerror}.") from None


def show(as_data: bool, data: Any, lines: Iterable[str]) -> None:
    """Print the data as JSON, or the lines."""
    for line in json.dumps(data, default=float, indent=2).splitlines() if as_data else lines:
        say(line)


def say(line: str, err: bool = False) -> None:
    """Print one line: the one place where text reaches a terminal, which shows what others wrote
    and obeys nothing of it. A line break within the line is shown, too, so that no text forges a
    line; so is what the terminal's encoding has no character for."""
    parts = STYLES.split(line.expandtabs())
    shown = "".join(part if STYLES.fullmatch(part) else visible(part) for part in parts)
    encoding = (sys.stderr if err else sys.stdout).encoding or "utf-8"
    click.echo(shown.encode(encoding, "backslashreplace").decode(encoding), err=err)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table without rules: columns as wide as their longest cell."""
    lines = [columns, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def policy_in(file: str | None) -> Policy:
    """The policy in a file, or without one that which ships. Raises SetUpError."""
    try:
        return parse(Path(file).read_text(encoding="utf-8-sig") if file else default_text())
    except (OSError, UnicodeDecodeError, PolicyRefusedError) as error:
        raise SetUpError(f"{file}: {error}") from None


def with_colour() -> bool | None:
    """Whether to colour: None leaves it to the stream, which has to be a terminal. NO_COLOR
    (no-color.org) forbids it."""
    return False if os.environ.get("NO_COLOR") else None


@contextmanager
def progress(label: str, length: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on the terminal while a command works; `update(n)` says that n more of `length`
    are done. Where errors are not printed on a terminal nothing is shown."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    with click.progressbar(range(length), label=label, file=sys.stderr) as bar:
        yield bar.update
