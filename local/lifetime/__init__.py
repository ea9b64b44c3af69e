"""Keyward in one process on a virtual clock: weeks of a customer's life pass in seconds.

The real functions, the real state machine, the emulator of API Gateway; DynamoDB and the bus are
stand-ins. Its modules import the package `keyward` and the functions from the checkout."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

for folder in ("layers/keyward", "functions"):
    if str(ROOT / folder) not in sys.path:
        sys.path.append(str(ROOT / folder))
