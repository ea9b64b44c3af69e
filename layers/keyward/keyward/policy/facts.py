"""The facts of the account that decide about an edit of the policy. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from keyward.values import JSON, StageRef, frozen


@frozen
class PlanKeys:
    """Who has keys in a usage plan: how many `keys`, `customers`, and what each customer `used` of
    the current period, where a reading of usage says so."""

    keys: int = 0
    customers: int = 0
    used: tuple[int, ...] = ()


@frozen
class PlanFacts:
    """A usage plan on API Gateway. `is_ours`: Keyward made or adopted it. `limits` are its
    `{throttle?, quota?}`; `stages` those that Keyward may detach, with their API's names."""

    is_ours: bool = True
    limits: JSON = field(default_factory=dict)
    stages: Mapping[StageRef, str] = field(default_factory=dict)
    members: PlanKeys = PlanKeys()


@frozen
class AccountFacts:
    """Usage plans by name, and the live methods that each new exemption would open (by
    `place_of`)."""

    plans: Mapping[str, PlanFacts] = field(default_factory=dict)
    opened: Mapping[tuple[str, ...], tuple[JSON, ...]] = field(default_factory=dict)
