"""`python -m keyward.why`: the exact cause of a 403 or 429. As `keyward why`."""

from __future__ import annotations

import sys

from keyward.cli import main

if __name__ == "__main__":
    sys.exit(main(["why", *sys.argv[1:]]))
