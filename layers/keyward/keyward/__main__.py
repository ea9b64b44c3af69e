"""`python -m keyward COMMAND`: the command `keyward` where it is not installed as a program."""

from __future__ import annotations

import sys

from keyward.cli import main

if __name__ == "__main__":
    sys.exit(main())
