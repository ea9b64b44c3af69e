"""`python -m keyward.why`: the exact cause of a 403 or 429."""

from __future__ import annotations

import sys

from keyward.cli.why import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
