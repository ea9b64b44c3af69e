"""`keyward key`: key values, which are compared here and never sent."""

from __future__ import annotations

import click

from keyward.cli.options import FINE, FOUND, json_option, show
from keyward.events.key_value import is_value


@click.group(no_args_is_help=False)
def key() -> None:
    """Look at key values."""


@key.command()
@click.argument("value")
@json_option
def check(value: str, as_data: bool) -> int:
    """Tell whether VALUE is a key value that Keyward made, by its checksum.

    Nothing is sent anywhere. The exit code is 1 when it is not.
    """
    good = is_value(value)
    text = "a Keyward key value" if good else "not a Keyward key value"
    show(as_data, {"keyward_value": good}, [text])
    return FINE if good else FOUND
