"""Wait for the last of many events about one API or customer, so that one run looks after all of
them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from keyward.values import frozen

# A storm is not waited for any longer than that.
PATIENCE_SECONDS = 12


@frozen
class Storm:
    """Events of one API or customer that no run has looked at. `first` is the id of the first;
    `first_at` and `last_at` (epoch seconds) are when the first and the last were heard. `asked` is
    who made the last change, as in the ledger."""

    first: str
    first_at: float
    last_at: float
    asked: Mapping[str, Any] = field(default_factory=dict)


def settle_seconds(storm: Storm | None, quiet_seconds: float, now: float) -> int:
    """Whole seconds until the storm is looked at; 0 when there is none, or it is over: nothing was
    heard for `quiet_seconds`."""
    if storm is None:
        return 0
    quiet = storm.last_at + quiet_seconds - now
    patience = storm.first_at + PATIENCE_SECONDS - now
    # Times are kept in rounded milliseconds: these add no second.
    return max(0, math.ceil(round(min(quiet, patience), 2)))
