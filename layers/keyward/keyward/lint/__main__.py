"""`python -m keyward.lint`: as `keyward lint`."""

from __future__ import annotations

import importlib
import sys

if __name__ == "__main__":
    # By its name: the room of the command stands on a higher floor.
    sys.exit(importlib.import_module("keyward.cli").main(["lint", *sys.argv[1:]]))
