"""`python -m keyward COMMAND`: the command `keyward` where it is not installed as a program."""

from __future__ import annotations

import importlib
import sys


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code, 2 where click is missing."""
    try:
        app = importlib.import_module("keyward.cli.app")
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.stderr.write(
            "error: click is not installed here. Install keyward with pipx, or run make setup\n"
        )
        return 2
    code: int = app.main(arguments)
    return code


if __name__ == "__main__":
    sys.exit(main())
