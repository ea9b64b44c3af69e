"""`keyward key`: key values, which are compared here and never sent."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from keyward.cli.options import FINE, FOUND, Call, each, of_nobody, of_stack, say
from keyward.cli.stack import Stack
from keyward.events.key_value import holds_value, is_value, values_in
from keyward.events.remedy import command
from keyward.values import JSON, counted, iso

# Folders in which version control keeps its own files.
SKIPPED = {".git", ".hg", ".svn"}
# What stands there are no files on a disk, and some never end.
KERNEL = {Path("/proc"), Path("/sys"), Path("/dev")}
SNIFFED_BYTES = 8192


@click.group(no_args_is_help=False)
def key() -> None:
    """Look at key values."""


@key.command()
@click.argument("value")
@of_nobody
def check(call: Call, /, value: str) -> int:
    """Tell whether Keyward made the VALUE.

    Its checksum says so. Nothing is sent anywhere. The exit code is 1 when it is not.
    """
    good = is_value(value)
    text = "a Keyward key value" if good else "not a Keyward key value"
    call.show({"keyward_value": good}, [text])
    return FINE if good else FOUND


@key.command()
@of_stack
def whose(call: Call) -> int:
    """Find the customer of a leaked value.

    It is read from standard input, and is neither sent nor stored: its fingerprint is compared with
    those in the stack's records. Only values that Keyward made have one. Of a customer's deleted
    keys the last one is remembered. The exit code is 1 when a customer was found.
    """
    value = _read_value(call)
    there = call.stack()
    fingerprint = there.registry.fingerprints.known(value) if is_value(value) else None
    found = there.customers().key_of_fingerprint(fingerprint) if fingerprint else None
    if found is None:
        return _show_nobody(call, there, is_value(value))
    data: JSON = {"customer_id": found.customer_id, "key": found.name, "key_id": found.key_id}
    says = f"key {found.name} ({found.key_id}) of customer {found.customer_id}"
    if found.is_deleted:
        # Nothing has to be stopped: the history tells what was.
        remedy = command("history", about=(found.customer_id,), stack=call.stack_name)
        at = iso(found.end.delete_at or 0)
        data |= {"enabled": False, "deleted_at": at, "remedy": remedy}
        call.show(
            data,
            [f"{says}, deleted on {at}", f"It opens nothing any more. What was done: {remedy}"],
        )
        return FOUND
    owner, stack = found.customer_id, there.name
    remedy = command("key", "rotate", customer=owner, leaked=True, stack=stack)
    data |= {"enabled": found.enabled, "remedy": remedy}
    state = "enabled" if found.enabled else "disabled already"
    call.show(data, [f"{says}, {state}", f"To stop it: {remedy}"])
    return FOUND


def _show_nobody(call: Call, there: Stack, is_ours: bool) -> int:
    """Say that no record has the value, and of how many keys that cannot be told."""
    records = there.customers().load_all_keys().keys.values()
    unknown = sum(key.fingerprint is None for mine in records for key in mine.keys)
    lines = [] if is_ours else ["not a value that Keyward made"]
    lines += ["no key of this stack has this value, and no customer's last deleted key had it"]
    if unknown:
        words = "cannot be judged: Keyward did not make the value, or made it before it kept"
        lines += [f"{counted(unknown, 'key')} {words} fingerprints"]
    call.show({"customer_id": None, "not_judged": unknown}, lines)
    return FINE


@key.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@of_nobody
def scan(call: Call, /, path: Path) -> int:
    """Find values that Keyward made under PATH.

    Form and checksum tell them. It prints the places, never a value, and sends nothing. Binary
    files and the folders of version control are passed over. The exit code is 1 when a value was
    found.
    """
    files = each("scanning", _files(path))
    found = [{"file": str(file), "line": line} for file in files for line in _lines(file)]
    lines = [f"{one['file']}:{one['line']}: a Keyward key value" for one in found]
    lines += ["For whose it is: keyward key whose"] if found else ["no Keyward key value"]
    call.show(found, lines)
    return FOUND if found else FINE


def _read_value(call: Call) -> str:
    """From a pipe, or typed without an echo. An argument would stand in the shell's history, and in
    the list of processes. What was pasted around a value of ours (`x-api-key: …`) counts for
    nothing."""
    if sys.stdin.isatty():
        call.progress.end()
        text = str(click.prompt("Value", hide_input=True, err=True)).strip()
    else:
        text = click.get_text_stream("stdin", errors="replace").read().strip()
    if not text:
        raise click.UsageError("No value came on the standard input.")
    return next(values_in(text), text)


def _files(path: Path) -> Iterator[Path]:
    """The file, or the files of the folder in their order; links are not followed."""
    if path.is_file():
        yield path
    for folder, inner, names in os.walk(path):
        inner[:] = sorted(n for n in set(inner) - SKIPPED if Path(folder, n) not in KERNEL)
        yield from (Path(folder, name) for name in sorted(names))


def _lines(file: Path) -> Iterator[int]:
    """The numbers of the lines with a value; none for what is not text, or cannot be read."""
    if file.is_symlink() or not file.is_file():
        return
    try:
        with file.open("rb") as stream:
            if b"\0" in stream.read(SNIFFED_BYTES):
                return
            stream.seek(0)
            for number, line in enumerate(stream, start=1):
                if holds_value(line.decode("latin-1")):
                    yield number
    except OSError as error:
        say(f"note: {file} cannot be read: {error.strerror}", err=True)
