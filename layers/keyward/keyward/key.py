"""`python -m keyward.key check VALUE`: whether Keyward made a key value. As `keyward key`."""

from __future__ import annotations

import sys

from keyward.cli import main

if __name__ == "__main__":
    sys.exit(main(["key", *sys.argv[1:]]))
