"""What the commands share: exit codes, options, and how they print."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from keyward.cli.progress import Progress
from keyward.cli.stack import LOCAL_PORT, SetUpError, Stack, StackClient, local_endpoints
from keyward.errors import PolicyRefusedError
from keyward.events.key_value import blotted
from keyward.events.remedy import DEFAULT_STACK
from keyward.policy.model import Policy
from keyward.policy.parse import default_text, parse
from keyward.values import UNITS, visible

FINE, FOUND, WRONG = 0, 1, 2
# What `click.style` writes for bold, red and their end: it hides nothing and moves nothing.
STYLES = re.compile(r"(\x1b\[(?:0|1|31)m)")
# What a person types besides what `span` prints.
LENGTHS = dict(UNITS) | {"m": 60, "w": 7 * 86_400}
PART = re.compile(r" ?([0-9]{1,6}(?:\.[0-9]{1,3})?) ?(min|[smhdw])")
DURATIONS = "30s, 15m, 12h, 7d or 2w"
Command = Callable[..., Any]
T = TypeVar("T")


def together(*options: Command) -> Callable[[Command], Command]:
    """Options that several commands share, in the order of their help."""

    def with_options(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return with_options


@dataclass
class Call:
    """How `keyward` was called: `now` tells epoch seconds, `commands` are the names of its
    commands; the rest is what may stand before a command's name or behind it."""

    now: Callable[[], float] = time.time
    commands: tuple[str, ...] = ()
    stack_name: str = DEFAULT_STACK
    region: str | None = None
    as_data: bool = False
    is_local: bool = False
    progress: Progress = field(default_factory=lambda: Progress("", is_shown=False))

    def client(self) -> StackClient:
        """Where the person looks from. Raises SetUpError."""
        if self.is_local:
            os.environ.update(local_endpoints(_port()))
        return StackClient.here(self.region)

    def stack(self) -> Stack:
        """The stack that is meant. Raises SetUpError, NoStackError."""
        return self.client().stack(self.stack_name)

    def show(self, data: Any, lines: Iterable[str], *, secret: bool = False) -> None:
        """Print the data as JSON with `--json`, else the lines. Only `secret` output may show a
        key value."""
        for line in json_lines(data) if self.as_data else lines:
            if secret:
                say(line, secret=True)
            else:
                self.say(line)

    def say(self, line: str, err: bool = False) -> None:
        """Print a line, and complete each command of `keyward` in it: it goes where this one did,
        which whoever wrote it could not know."""
        words = [f"PORT={_port()}"] if self.is_local and _port() != LOCAL_PORT else []
        words += ["keyward", *(["--local"] if self.is_local else [])]
        words += ["--region", shlex.quote(self.region)] if self.region else []
        names = "|".join(self.commands)
        whole = rf"(?<![\w./-])keyward (?=(?:{names})\b)"
        say(re.sub(whole, lambda _: f"{' '.join(words)} ", line) if names else line, err)


def _port() -> int:
    """Where `make local` listens. API Gateway is on the next one. Raises UsageError."""
    port = os.environ.get("PORT") or str(LOCAL_PORT)
    if not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65535:
        raise click.UsageError(f"PORT must be a number from 1 to 65534, got {port!r}.")
    return int(port)


def _progress() -> Progress:
    """That of the command that runs; one that shows nothing where none does."""
    context = click.get_current_context(silent=True)
    call = context.find_root().obj if context else None
    return (call or Call()).progress


def _keep(context: click.Context, parameter: click.Parameter, value: object) -> None:
    """Note an option where all find it, whatever place it stood in."""
    _refuse_empty({str(parameter.name): value})
    if value:
        setattr(context.find_root().ensure_object(Call), str(parameter.name), value)


def _refuse_empty(given: Mapping[str, object]) -> None:
    """Refuse what an empty variable of the shell gave: nothing is called so. Raises UsageError."""
    for name, value in given.items():
        if value == "":
            raise click.UsageError(f"{name.replace('_', '-')}: must not be empty.")


def _kept(*names: str, **about: Any) -> Command:
    return click.option(*names, expose_value=False, callback=_keep, **about)


_region = _kept("--region", metavar="NAME", help="Instead of the environment's.")
_local = _kept("--local", "is_local", is_flag=True, help="Ask the local AWS of `make local`.")
_stack = _kept(
    "--stack", "stack_name", metavar="NAME", help="The stack's name.  [default: keyward]"
)
_json = _kept("--json", "as_data", is_flag=True, help="Print JSON.")


def _call(command: Command) -> Command:
    """Hand the Call to a command, and show on a terminal what takes long: of data nothing."""

    @click.pass_context
    @wraps(command)
    def with_call(context: click.Context, /, *arguments: Any, **options: Any) -> Any:
        _refuse_empty(options)
        call = context.find_root().ensure_object(Call)
        is_shown = sys.stderr.isatty() and not call.as_data
        with Progress(str(context.info_name), is_shown) as call.progress:
            return command(call, *arguments, **options)

    return with_call


# What a command takes that asks a stack, an account, or nobody. Each gets the Call.
anywhere = together(_stack, _region, _local, _json)
of_stack = together(_call, anywhere)
of_account = together(_call, _region, _local, _json)
of_nobody = together(_call, _json)


def write_page(file: Path, text: str) -> None:
    """Write what `--html` asks for, and say so beside the output. Raises SetUpError where it cannot
    be written."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SetUpError(f"--html: {file} cannot be written: {error.strerror}.") from None
    say(f"wrote {file}", err=True)


def json_lines(data: Any) -> list[str]:
    """Data as lines of JSON."""
    return json.dumps(data, default=float, indent=2).splitlines()


def say(line: str, err: bool = False, *, secret: bool = False) -> None:
    """Print one line: the one place where text reaches a terminal, which shows what others wrote
    and obeys nothing of it. A line break within the line is shown, too, so that no text forges a
    line; so is what the terminal's encoding has no character for. A key value is blotted out, as
    what a terminal shows is often a log, unless the line is the `secret` that was asked for."""
    parts = STYLES.split((line if secret else blotted(line)).expandtabs())
    shown = "".join(part if STYLES.fullmatch(part) else visible(part) for part in parts)
    _progress().hide()
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


def duration(text: str) -> float | None:
    """The seconds of a span of time such as `90s`, `1.5h`, `2w` or `2 d 3 h`; None for what is no
    such span, or an empty one. The one parser of whatever takes a duration."""
    if PART.sub("", text):
        return None
    return sum(float(count) * LENGTHS[unit] for count, unit in PART.findall(text)) or None


class Duration(click.ParamType):
    """An option's span of time, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Read what was typed; what was read before stays."""
        found = duration(value) if isinstance(value, str) else float(value)
        return found or self.fail(f"a duration is {DURATIONS}, got {value!r}.", param, ctx)


def policy_in(file: str | None) -> Policy:
    """The policy in a file, or without one that which ships. Raises SetUpError."""
    try:
        return parse(Path(file).read_text(encoding="utf-8-sig") if file else default_text())
    except (OSError, UnicodeDecodeError, PolicyRefusedError) as error:
        raise SetUpError(f"{file}: {error}") from None


yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def confirm(question: str, yes: bool) -> None:
    """Ask before what nothing brings back, unless the call says `--yes`. Raises SetUpError where
    nobody is there to answer, and Abort after a no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise SetUpError(f"{question} Nobody is here to answer. Give --yes")
    _progress().end()
    if not click.confirm(visible(question), err=True):
        say("nothing was done", err=True)
        raise click.Abort


def with_colour() -> bool | None:
    """Whether to colour: None leaves it to the stream, which has to be a terminal. NO_COLOR
    (no-color.org) forbids it."""
    return False if os.environ.get("NO_COLOR") else None


def each(label: str, items: Iterable[T]) -> Iterator[T]:
    """Give the items one by one, with a bar on the terminal."""
    return _progress().each(label, items)
