"""Compare key records with keys on API Gateway: what differs, and the record as it should read,
from which the planner plans what mends it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from keyward.customers.key import CREATED, KeyRecord
from keyward.customers.model import Customer
from keyward.events import remedy
from keyward.policy.model import Policy

GONE = "key_gone"
DISABLED = "key_disabled"
ENABLED = "key_enabled"
WITHOUT_PLAN = "key_without_plan"
WRONG_PLAN = "key_in_wrong_plan"
# Longer than any run acts on one plan, as each of its functions ends within 65 s. A journal that is
# older belongs to no run, so what it says is compared too.
RUN_SECONDS = 3600


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
    drifts: tuple[Drift, ...] = ()


def compared(key: KeyRecord, state: GatewayState | None, policy: Policy, now: float) -> Compared:
    """Compare a record with API Gateway at `now` (epoch seconds). Left as it is: a key that was not
    read (None), one that is being created or deleted, and one with a journal that a run may still
    finish."""
    if state is None or key.state != CREATED or key.key_id is None:
        return Compared(key)
    if not state.there:
        says = f"key {key.name} is recorded as {key.key_id}, which API Gateway does not have"
        return Compared(None, (Drift(GONE, key, says),))
    if not key.is_settled:
        is_stale = key.journal.started_at + RUN_SECONDS <= now
        return _unfinished(key, state.plans, policy) if is_stale else Compared(key)
    switched, drifts = _switched(key, state.enabled, now)
    placed, more = _placed(switched, state.plans, policy)
    return Compared(placed, drifts + more)


def _unfinished(key: KeyRecord, plans: tuple[str, ...] | None, policy: Policy) -> Compared:
    """A journal that no run finishes any more. The planner ends what it says; only a plan that the
    record does not name at all would refuse the key for ever, so the key is to leave that first."""
    named = {key.plan, key.journal.plan}
    others = [name for name in _ours(key, plans or (), policy) if name not in named]
    if not others or key.journal.plan in (plans or ()):
        return Compared(key)
    says = f"key {key.name} is in {others[0]}, and recorded on its way to {key.journal.plan}"
    return Compared(key.with_journal(plan=others[0]), (Drift(WRONG_PLAN, key, says),))


def wanted_back(
    keys: Sequence[KeyRecord], customer: Customer, is_person: bool = False
) -> list[KeyRecord]:
    """The keys, of which those that somebody disabled by hand are to be enabled again: a person
    starts the run (`is_person`), or the customer was resumed since."""
    since = customer.status_at or 0
    return [
        replace(key, by_hand=None)
        if key.by_hand is not None and (is_person or since >= key.by_hand)
        else key
        for key in keys
    ]


def remedy_by_hand(customer_id: str) -> str:
    """What lets a key that somebody disabled by hand work again."""
    return remedy.command("send", about=("CustomerResumed",), customer=customer_id)


def _switched(
    key: KeyRecord, enabled: bool | None, now: float
) -> tuple[KeyRecord, tuple[Drift, ...]]:
    if enabled is None or enabled == key.enabled:
        return key, ()
    kind, is_so, was = (ENABLED, "enabled", "disabled") if enabled else _DISABLED
    says = f"key {key.name} is {is_so} on API Gateway, and recorded as {was}"
    by_hand = None if enabled else int(now)
    return replace(key, enabled=enabled, by_hand=by_hand), (Drift(kind, key, says),)


def _placed(
    key: KeyRecord, plans: tuple[str, ...] | None, policy: Policy
) -> tuple[KeyRecord, tuple[Drift, ...]]:
    """What is written reads like a move that broke off, which the planner ends: a key that left its
    plan is on its way into it, one that is in a second plan is leaving that."""
    if plans is None or key.plan is None:
        return key, ()
    ours = _ours(key, plans, policy)
    if ours == [key.plan]:
        return key, ()
    if not ours:
        says = f"key {key.name} is in no plan, and recorded in {key.plan}"
        return key.with_journal(plan=key.plan), (Drift(WITHOUT_PLAN, key, says),)
    plan = key.plan if key.plan in ours else ours[0]
    others = [name for name in ours if name != plan]
    says = f"key {key.name} is in {' and '.join(ours)}, and recorded in {key.plan}"
    moved = replace(key, plan=plan).with_journal(plan=others[0] if others else None)
    return moved, (Drift(WRONG_PLAN, key, says),)


def _ours(key: KeyRecord, plans: tuple[str, ...], policy: Policy) -> list[str]:
    """Plans that neither the policy nor the record names are no business of Keyward's."""
    return sorted(name for name in plans if name in policy.usage_plans or name == key.plan)


_DISABLED = (DISABLED, "disabled", "enabled")
