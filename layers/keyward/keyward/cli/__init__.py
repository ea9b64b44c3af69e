"""The command `keyward`. It runs on people's machines and never in Lambda."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code, 2 where click is missing."""
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
