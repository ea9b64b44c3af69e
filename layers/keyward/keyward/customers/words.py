"""Derive the announcements of a customer's keys from the change of their records. Pure.

A run that breaks off and the run that finishes it change the same records as one unbroken run. So
they announce the same events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from keyward.customers.key import CREATED, DELETED, UNDONE, KeyRecord
from keyward.events import contracts
from keyward.events.requester import with_cause
from keyward.values import JSON, frozen, iso


@frozen
class KeyChange:
    """A key record before and after it is saved. `before` is None for a new record; `after` has the
    state DELETED for a removed one."""

    before: KeyRecord | None
    after: KeyRecord


@frozen
class Occasion:
    """What the records do not say: the run, the time (epoch seconds), and when the change should
    have reached every host. `reason` is that of the action, `asked` who asked for it. `facts` are
    further members of a detail, by its detail-type."""

    execution_arn: str
    now: float
    effective_by: str | None = None
    reason: str | None = None
    asked: JSON | None = None
    facts: Mapping[str, JSON] = field(default_factory=dict)


def events_of(changes: Sequence[KeyChange], occasion: Occasion) -> list[JSON]:
    """The announcements of records that are saved together, in the order of RULES."""
    return [
        with_cause(event, occasion.asked)
        for rule in RULES
        for change in changes
        for event in rule(change, _replaced_by(change, changes), occasion)
    ]


def about(
    detail_type: str, key: KeyRecord, occasion: Occasion, *actions: JSON, **more: Any
) -> JSON:
    """An announcement about one key; `more` are members of its detail."""
    return contracts.announcement(
        detail_type,
        customer_id=key.customer_id,
        key_id=key.key_id,
        execution_arn=occasion.execution_arn,
        actions=list(actions),
        **more | occasion.facts.get(detail_type, {}),
    )


def action(name: str, key: KeyRecord, **more: Any) -> JSON:
    """A member of an event's `actions`."""
    return {"action": name, "key": key.name} | more


def _replaced_by(change: KeyChange, changes: Sequence[KeyChange]) -> KeyChange | None:
    """The change of the key that this one takes over from, in the same save."""
    number = change.after.number
    return next((other for other in changes if other.after.end.replaced_by == number), None)


def _is_handed_over(change: KeyChange) -> bool:
    """Whether a successor has just taken over."""
    before, after = change.before, change.after
    was = before is not None and before.succession.replaces is not None
    return was and after.succession.replaces is None and after.state == CREATED


def _issued(change: KeyChange, _: KeyChange | None, occasion: Occasion) -> Iterator[JSON]:
    """KeyIssued: the key works in its plan. A successor is announced by KeyRotated."""
    before, key = change.before, change.after
    if key.is_issued and not (before and before.is_issued) and not _is_handed_over(change):
        actions = (action("create_key", key), *_attachments(key, key.plans))
        if key.adopted:
            # It was there, and in some of its plans: only what was done is told.
            joined = [plan for plan in key.plans if before and plan not in before.plans]
            actions = (action("adopt_key", key), *_attachments(key, joined))
        yield about("KeyIssued", key, occasion, *actions, **_placed(key, occasion))


def _plan_changed(change: KeyChange, _: KeyChange | None, occasion: Occasion) -> Iterator[JSON]:
    """PlanChanged: the customer has other plans, or gets back a plan that somebody took away."""
    before, key = change.before, change.after
    if before is None or not (before.is_issued and key.is_issued):
        return
    lost, more = before.journal.leaving, _placed(key, occasion)
    is_back = lost in key.plans and lost not in before.plans
    if is_back and not more["reason"]:
        more["reason"] = f"put back into usage plan {lost}, out of which somebody else took the key"
    if is_back or before.announced_plans != key.announced_plans:
        yield about("PlanChanged", key, occasion, *_moves(before, key), **more)


def _rotated(change: KeyChange, other: KeyChange | None, occasion: Occasion) -> Iterator[JSON]:
    """KeyRotated: a successor took over; and PlanChanged when it did so in another plan."""
    before, key = change.before, change.after
    if before is None or not _is_handed_over(change):
        return
    old = other.before if other else None
    more: JSON = _in_plans(key) | {"effective_by": occasion.effective_by}
    more["reason"] = before.succession.cause
    if old and other:
        more["replaces"] = old.key_id
        more["retires_at"] = iso(other.after.end.retire_at or 0)
    is_undone = before.succession.cause == UNDONE
    made = action("restore_key" if is_undone else "create_key", key)
    attached = [] if is_undone else _attachments(key, key.plans)
    carried = occasion.facts.get("carry_quota_over", {}).get("carried", ())
    yield about("KeyRotated", key, occasion, made, *attached, *carried, **more)
    if old and old.plans and {*old.plans} != {*key.plans}:
        moves = [one | {"action": "attach_key"} for one in _moves(old, key) if "from" in one]
        yield about("PlanChanged", key, occasion, made, *moves, **more)


def _enabled(change: KeyChange, _: KeyChange | None, occasion: Occasion) -> Iterator[JSON]:
    before, key = change.before, change.after
    is_enabled = before is not None and key.enabled and not before.enabled
    # An adopted key that was disabled: KeyIssued follows.
    if before and is_enabled and key.state == CREATED and not before.journal.awaited:
        more = _in_plans(key) | {"effective_by": occasion.effective_by}
        yield about("KeyResumed", key, occasion, action("enable_key", key), **more)


def _disabled(change: KeyChange, _: KeyChange | None, occasion: Occasion) -> Iterator[JSON]:
    """KeySuspended, or KeyDisabled for a key whose time is over. A key that is deleted while it
    works tells KeyDisabled first, as if a run had disabled it before."""
    before, key = change.before, change.after
    is_over = key.end.is_over(occasion.now)
    # Of a suspended customer's key, which is disabled, only now is it said that it leaked.
    is_over_now = is_over and before is not None and before.end.retire_at is None
    if before is None or not (before.enabled or is_over_now):
        return
    if key.state == DELETED and is_over and _is_announced(before):
        yield _stopped("KeyDisabled", "delete_key", key, occasion)
    elif key.state == CREATED and not key.enabled:
        detail_type = "KeyDisabled" if is_over else "KeySuspended"
        yield _stopped(detail_type, "disable_key", key, occasion)


def _deleted(change: KeyChange, _: KeyChange | None, occasion: Occasion) -> Iterator[JSON]:
    """KeyRevoked, or KeyRetired for a key whose time is over; nothing where no key was made."""
    key = change.after
    if key.state == DELETED and key.key_id is not None:
        detail_type = "KeyRetired" if key.end.is_over(occasion.now) else "KeyRevoked"
        yield _stopped(detail_type, "delete_key", key, occasion)


def _expiring(change: KeyChange, _: KeyChange | None, occasion: Occasion) -> Iterator[JSON]:
    """KeyExpiring: a notice was given. A handover writes down only which notices are void."""
    before, end = change.before, change.after.end
    if before is None or end.notice_days is None or end.notice_expiry is None:
        return
    is_new = (before.end.notice_days, before.end.notice_expiry) != (
        end.notice_days,
        end.notice_expiry,
    )
    if is_new and before.end.replaced_by == end.replaced_by:
        yield about(
            "KeyExpiring",
            change.after,
            occasion,
            action("announce_expiry", change.after),
            **_in_plans(change.after),
            days=end.notice_days,
            expires_at=iso(end.notice_expiry),
            reason=change.after.reason,
        )


def _extended(change: KeyChange, _: KeyChange | None, occasion: Occasion) -> Iterator[JSON]:
    """QuotaExtended: a request was granted. A handover passes on only which requests were."""
    before, key = change.before, change.after
    if before and key.quota.extended > before.quota.extended and not _is_handed_over(change):
        granted = action("extend_quota", key, **occasion.facts.get("extend_quota", {}))
        yield about("QuotaExtended", key, occasion, granted)


def _is_announced(key: KeyRecord) -> bool:
    """Whether the customer was told of the key. A key that is being deleted worked before."""
    return bool(key.plans) and key.succession.replaces is None


def _in_plans(key: KeyRecord) -> JSON:
    """The key's plan as members of an event, and all plans where there are several."""
    return {"plan": key.plan} | ({"plans": list(key.plans)} if len(key.plans) > 1 else {})


def _attachments(key: KeyRecord, plans: Sequence[str]) -> list[JSON]:
    return [action("attach_key", key, plan=plan) for plan in plans]


def _moves(before: KeyRecord, after: KeyRecord) -> list[JSON]:
    """How the key came from its plans before to those after: one for one, or one more or less."""
    left = [plan for plan in before.plans if plan not in after.plans]
    joined = [plan for plan in after.plans if plan not in before.plans]
    pairs = [*zip(left, joined, strict=False)]
    return [
        *({"action": "move_key", "key": after.name, "from": a, "plan": b} for a, b in pairs),
        *(action("detach_key", after, plan=plan) for plan in left[len(pairs) :]),
        *_attachments(after, joined[len(pairs) :]),
    ]


def _placed(key: KeyRecord, occasion: Occasion) -> JSON:
    return _in_plans(key) | {
        "effective_by": occasion.effective_by,
        "reason": occasion.reason,
    }


def _stopped(detail_type: str, name: str, key: KeyRecord, occasion: Occasion) -> JSON:
    more = _in_plans(key) | {"reason": key.reason, "effective_by": occasion.effective_by}
    return about(detail_type, key, occasion, action(name, key), **more)


Rule = Callable[[KeyChange, KeyChange | None, Occasion], Iterator[JSON]]
RULES: tuple[Rule, ...] = (
    _issued,
    _plan_changed,
    _rotated,
    _enabled,
    _disabled,
    _deleted,
    _expiring,
    _extended,
)
