"""The command `keyward`. It runs on people's machines and never in Lambda."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

NEEDED = {"click": "click", "yaml": "PyYAML", "boto3": "boto3", "botocore": "boto3"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code, 2 where a package is missing."""
    try:
        app = importlib.import_module("keyward.cli.app")
    except ModuleNotFoundError as error:
        package = NEEDED.get((error.name or "").split(".")[0])
        if package is None:
            raise
        sys.stderr.write(
            f"error: {package} is not installed here. Install keyward with pipx, or run make "
            "setup in its checkout\n"
        )
        return 2
    code: int = app.main(arguments)
    return code
