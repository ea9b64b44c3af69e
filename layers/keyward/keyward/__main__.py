"""`python -m keyward COMMAND`: what people ask Keyward on the command line."""

from __future__ import annotations

import importlib
import sys

COMMANDS = ("history", "holds", "key", "why")


def main(arguments: list[str]) -> int:
    """The command's exit code; 2 for a wrong call."""
    if not arguments or arguments[0] not in COMMANDS:
        sys.stderr.write(f"usage: python -m keyward {{{','.join(COMMANDS)}}} …\n")
        return 2
    code: int = importlib.import_module(f"keyward.cli.{arguments[0]}").main(arguments[1:])
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
