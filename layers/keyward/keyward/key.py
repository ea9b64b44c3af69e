"""`python -m keyward.key check VALUE`: whether a text is a key value that Keyward made."""

from __future__ import annotations

import sys

from keyward.cli.key import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
