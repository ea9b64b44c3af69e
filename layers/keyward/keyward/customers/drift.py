"""Compare key records with keys on API Gateway. Pure.

The answer is what differs, and the record as it should read: from that the planner plans the
repair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from keyward.customers.key import CREATED, KeyRecord
from keyward.customers.model import Customer
from keyward.customers.overlap import last_heirs, overlaps_at
from keyward.events import remedy
from keyward.values import frozen

GONE = "key_gone"
DISABLED = "key_disabled"
ENABLED = "key_enabled"
WITHOUT_PLAN = "key_without_plan"


@frozen
class GatewayState:
    """A recorded key as API Gateway has it: whether it is there and enabled, and the names of its
    plans. None stands for what was not read."""

    there: bool
    enabled: bool | None = None
    plans: tuple[str, ...] | None = None


@frozen
class Drift:
    """One way in which a record is wrong."""

    kind: str
    key: KeyRecord
    says: str


@frozen
class Compared:
    """A record as it should read (None when its key is gone), and what was wrong with it."""

    key: KeyRecord | None
    drifts: tuple[Drift, ...] = ()


def compared(key: KeyRecord, state: GatewayState | None, now: float) -> Compared:
    """Compare a record with API Gateway at `now` (epoch seconds). Some stay as they are: a key that
    was not read (None), that is being created or deleted, or that has a journal, which the planner
    ends."""
    if state is None or key.state != CREATED or key.key_id is None:
        return Compared(key)
    if not state.there:
        says = f"key {key.name} is recorded as {key.key_id}, which API Gateway does not have"
        return Compared(None, (Drift(GONE, key, says),))
    if not key.is_settled:
        return Compared(key)
    switched, drifts = _switched(key, state.enabled, now)
    placed, more = _placed(switched, state.plans)
    return Compared(placed, drifts + more)


def wanted_back(
    keys: Sequence[KeyRecord], customer: Customer, now: float, is_person: bool = False
) -> list[KeyRecord]:
    """Enable again the keys that somebody disabled by hand, where a person starts the run
    (`is_person`) or the customer was resumed since. Only one predecessor of a key may work beside
    it. If none does, the newest disabled predecessor comes back. The others end at the time when
    they were disabled."""
    since, after = customer.status_at or 0, last_heirs(keys)
    overlaps = [key for key in keys if key.number in after and overlaps_at(key, now)]
    taken = {after[key.number] for key in overlaps if key.by_hand is None}
    found: list[KeyRecord] = []
    for key in sorted(keys, key=lambda key: key.number, reverse=True):
        is_back = key.by_hand is not None and (is_person or since >= key.by_hand)
        if is_back and key in overlaps:
            if after[key.number] in taken:
                key = key.with_end(retire_at=key.by_hand, delete_at=key.by_hand)
            taken.add(after[key.number])
        found.append(replace(key, by_hand=None) if is_back else key)
    return found[::-1]


def remedy_by_hand(customer_id: str) -> str:
    """The command that lets a key work again which somebody disabled by hand."""
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


def _placed(key: KeyRecord, plans: tuple[str, ...] | None) -> tuple[KeyRecord, tuple[Drift, ...]]:
    """Correct the record's plans. A key that is missing in one of its plans is on its way back into
    it. It stays in plans that the record does not name: others put it there."""
    if plans is None or not (lost := [plan for plan in key.plans if plan not in plans]):
        return key, ()
    where = f"in {' and '.join(plans)}" if plans else "in no plan"
    says = f"key {key.name} is {where}, and recorded in {' and '.join(key.plans)}"
    left = tuple(plan for plan in key.plans if plan in plans)
    back = replace(key, plans=left).with_journal(leaving=lost[0])
    return back, (Drift(WITHOUT_PLAN, key, says),)


_DISABLED = (DISABLED, "disabled", "enabled")
