"""`keyward key check VALUE`: whether a text is a key value that Keyward made."""

from __future__ import annotations

import sys

from keyward.customers.key import is_value


def main(arguments: list[str]) -> int:
    """`check VALUE`: exit code 0 for a value that Keyward made, 1 for anything else, 2 for a wrong
    call."""
    if len(arguments) != 2 or arguments[0] != "check":
        sys.stderr.write("usage: python -m keyward.key check VALUE\n")
        return 2
    good = is_value(arguments[1])
    sys.stdout.write("a Keyward key value\n" if good else "not a Keyward key value\n")
    return 0 if good else 1
