"""What the policy says of usage: which thresholds are announced, when a key counts as unused.
Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

JSON = dict[str, Any]


@dataclass(frozen=True)
class UsagePolicy:
    """`thresholds` in percent of the quota, ascending; `unused_days` without a call make a key
    unused (GetUsage is asked for 90 days at most, so fewer); `top_customers` are named a plan in
    the log."""

    thresholds: tuple[int, ...] = (50, 80, 100)
    unused_days: int = 30
    top_customers: int = 10

    @classmethod
    def of(cls, body: JSON | None) -> UsagePolicy:
        """From the policy's member `usage`; what it leaves out is as by default."""
        given = dict(body or {})
        if "thresholds" in given:
            given["thresholds"] = tuple(sorted(set(given["thresholds"])))
        return cls(**given)
