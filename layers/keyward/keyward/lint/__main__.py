"""`python -m keyward.lint`: run the check, or name the package that is missing."""

from __future__ import annotations

import importlib
import sys

NEEDED = {"yaml": "PyYAML"}


def main() -> int:
    """The command's exit code; 2 when a package is missing."""
    try:
        cli = importlib.import_module("keyward.lint.cli")
    except ModuleNotFoundError as error:
        package = NEEDED.get((error.name or "").split(".")[0])
        if package is None:
            raise
        sys.stderr.write(
            f"keyward.lint: {package} is not installed here. The check runs on your machine or in "
            f"your CI, not in Lambda: pip install {package}\n"
        )
        return 2
    code: int = cli.main(sys.argv[1:])
    return code


if __name__ == "__main__":
    sys.exit(main())
