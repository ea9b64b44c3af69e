"""`python -m tests.prove`: play histories, and say what did not hold (see `make prove`)."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    from tests.prove.prove import main

    sys.exit(main(dict(os.environ)))
