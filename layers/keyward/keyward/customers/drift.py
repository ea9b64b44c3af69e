"""Key records compared with keys as API Gateway has them: what differs, and the record as it is
then, from which the planner plans what mends it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from keyward.customers.key import CREATED, KeyRecord
from keyward.policy.model import Policy

GONE = "key_gone"
DISABLED = "key_disabled"
ENABLED = "key_enabled"
WITHOUT_PLAN = "key_without_plan"
WRONG_PLAN = "key_in_wrong_plan"


@dataclass(frozen=True)
class GatewayState:
    """A recorded key as API Gateway has it: whether it is there, is enabled, and the names of its
    plans. None is what was not read."""

    there: bool
    enabled: bool | None = None
    plans: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Drift:
    """One way in which a record is wrong."""

    kind: str
    key: KeyRecord
    says: str


@dataclass(frozen=True)
class Compared:
    """A record as it should read, None when its key is gone, and what was wrong with it."""

    key: KeyRecord | None
    doubts: tuple[Drift, ...] = ()


def compared(key: KeyRecord, look: GatewayState | None, policy: Policy) -> Compared:
    """The record against the gateway. Left as it is: a key whose creation, move, switch or deletion
    is under way, as its run finishes that; and one that could not be looked at (None)."""
    if look is None or key.state != CREATED or key.key_id is None:
        return Compared(key)
    if not look.there:
        says = f"key {key.name} is recorded as {key.key_id}, which API Gateway does not have"
        return Compared(None, (Drift(GONE, key, says),))
    if not key.settled:
        return Compared(key)
    switched, doubts = _switched(key, look.enabled)
    placed, more = _placed(switched, look.plans, policy)
    return Compared(placed, doubts + more)


def _switched(key: KeyRecord, enabled: bool | None) -> tuple[KeyRecord, tuple[Drift, ...]]:
    if enabled is None or enabled == key.enabled:
        return key, ()
    kind, is_so, was = (ENABLED, "enabled", "disabled") if enabled else _DISABLED
    says = f"key {key.name} is {is_so} on API Gateway, and recorded as {was}"
    return replace(key, enabled=enabled), (Drift(kind, key, says),)


def _placed(
    key: KeyRecord, plans: tuple[str, ...] | None, policy: Policy
) -> tuple[KeyRecord, tuple[Drift, ...]]:
    """Plans that neither the policy nor the record names are no business of Keyward's.

    What is written reads like a move that broke off, which the planner ends: a key that left its
    plan is on its way into it, one that is in a second plan is leaving that.
    """
    if plans is None or key.plan is None:
        return key, ()
    ours = sorted(name for name in plans if name in policy.usage_plans or name == key.plan)
    if ours == [key.plan]:
        return key, ()
    if not ours:
        says = f"key {key.name} is in no plan, and recorded in {key.plan}"
        return replace(key, moving_to=key.plan), (Drift(WITHOUT_PLAN, key, says),)
    plan = key.plan if key.plan in ours else ours[0]
    others = [name for name in ours if name != plan]
    says = f"key {key.name} is in {' and '.join(ours)}, and recorded in {key.plan}"
    moving = others[0] if others else None
    return replace(key, plan=plan, moving_to=moving), (Drift(WRONG_PLAN, key, says),)


_DISABLED = (DISABLED, "disabled", "enabled")
