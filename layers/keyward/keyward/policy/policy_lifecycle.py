"""The policy's part about the life of a key: how old it gets, how long it stays. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = dict[str, Any]


@dataclass(frozen=True)
class Lifecycle:
    """`rotate_after_days` by plan; `grace_hours` is how long a key that was replaced stays,
    disabled, before it is deleted."""

    rotate_after_days: Mapping[str, int] = field(default_factory=dict)
    grace_hours: float = 72

    @classmethod
    def of(cls, body: JSON) -> Lifecycle:
        """From the policy: `grace_hours`, and each usage plan's `rotate_after_days`."""
        days = {name: plan.get("rotate_after_days") for name, plan in body["usage_plans"].items()}
        rotated = {name: int(number) for name, number in days.items() if number}
        return cls(rotated, body.get("grace_hours", cls.grace_hours))
