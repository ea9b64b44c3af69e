"""Whatever the records say, planning after the actions of a plan gives no action; and the actions
are in a safe order. The effect of each action on the records is written down here once more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from keyward.customers.actions import Action
from keyward.customers.key import CREATED, CREATING, DELETING, End, Journal, KeyRecord, Succession
from keyward.customers.model import Customer
from keyward.customers.overlap import handed_over
from keyward.customers.plan import due_at, plan_customer
from keyward.customers.rotation import RotationRequest
from keyward.customers.undo_rotation import restored
from keyward.policy.model import Policy
from keyward.policy.parse import parse
from keyward.runs.keys.step import placed, removed
from keyward.values import DAY, HOUR

NOW = 1_800_000_000
# The number of the last key that was deleted: whoever replaced another and is gone had one of them.
LAST = 7
PLANS = st.sampled_from(["free", "pro", "max", "gold"])
PLAN_SETS = st.lists(PLANS, min_size=1, max_size=3, unique=True).map(tuple)
TIMES = st.sampled_from([None, NOW - 100 * DAY, NOW - DAY, NOW, NOW + 3 * DAY, NOW + 60 * DAY])


@cache
def policy(change: str, days: int | None, overlap: float, seconds: int) -> Policy:
    free: dict[str, Any] = {"quota": {"limit": 9, "period": "DAY"}}
    body = {
        "usage_plans": {
            "free": free | ({"rotate_after_days": days} if days else {}),
            "pro": {},
            "max": {},
        },
        "plan_change": change,
        "overlap_hours": overlap,
        "propagation_seconds": seconds,
    }
    return parse(json.dumps(body))


POLICIES = st.builds(
    policy,
    st.sampled_from(["in_place", "successor"]),
    st.sampled_from([None, 1, 90]),
    st.sampled_from([0, 24, 168]),
    st.sampled_from([0, 120]),
)
ROTATIONS = st.one_of(
    st.none(),
    st.builds(
        RotationRequest,
        st.sampled_from([NOW - 5, NOW]),
        st.sampled_from([None, 0, 24]),
        st.sampled_from([None, "leaked", "yearly"]),
        st.sampled_from([False, False, True]),
    ),
)
CUSTOMERS = st.builds(
    Customer,
    customer_id=st.just("acme"),
    plans=PLAN_SETS,
    status=st.sampled_from(["active", "active", "suspended", "closed"]),
    plan_key=st.sampled_from([None, "in_place", "successor"]),
    rotation=ROTATIONS,
    keys=st.sampled_from([1, 1, 2]),
)


@st.composite
def records(draw: st.DrawFn) -> tuple[KeyRecord, ...]:
    """Up to four keys, in any state that a life may leave them in."""
    found = []
    for number in range(1, draw(st.integers(0, 4)) + 1):
        state = draw(st.sampled_from([CREATED, CREATED, CREATED, CREATING, DELETING]))
        if state == CREATING and any(key.end.replaced_by == number for key in found):
            # A key takes over when it was made.
            state = CREATED
        rotation = draw(st.sampled_from([0, NOW - 5, NOW]))
        if state == CREATING:
            succession = Succession(rotation)
            found.append(
                KeyRecord("acme", number, state, journal=Journal(1), succession=succession)
            )
            continue
        retire_at = draw(TIMES)
        heir = draw(st.sampled_from([None, 0, number + 1])) if retire_at else None
        free = [key.number for key in found if key.is_issued and key.end.replaced_by is None]
        replaces = draw(st.sampled_from([None, *free])) if retire_at is None else None
        if replaces in {key.succession.replaces for key in found}:
            replaces = None
        plans = draw(st.one_of(st.just(()), PLAN_SETS))
        # What was never issued was made just now.
        awaited = draw(st.one_of(st.just(()), PLAN_SETS)) if retire_at is None else ()
        new = not plans or replaces is not None or bool(awaited)
        journal = Journal(
            plan=draw(st.one_of(st.none(), st.none(), PLANS)),
            leaving=draw(st.one_of(st.none(), st.none(), PLANS)),
            awaited=tuple(plan for plan in awaited if plan not in plans),
            enabled=draw(st.sampled_from([None, None, True, False])),
        )
        overlap = draw(st.sampled_from([0, 120, 168 * HOUR]))
        end = End(
            replaced_by=heir,
            retire_at=retire_at,
            delete_at=retire_at and retire_at + draw(st.sampled_from([0, DAY])),
            keeps_plan=draw(st.booleans()),
        )
        found.append(
            KeyRecord(
                "acme",
                number,
                state,
                key_id="abc123",
                plans=plans,
                enabled=draw(st.booleans()),
                created_at=NOW if new else draw(TIMES),
                journal=journal,
                succession=Succession(rotation, replaces, overlap),
                end=end,
            )
        )
    return tuple(found)


def done(
    keys: Sequence[KeyRecord], actions: Sequence[Action], policy: Policy
) -> tuple[KeyRecord, ...]:
    """The key records after the actions."""
    known = {record.number: record for record in keys}
    for action in actions:
        if action.action == "delete_key":
            del known[action.number]
        elif action.action == "carry_quota_over":
            hand_over(known, action, policy.propagation_seconds)
        elif action.action == "restore_key":
            undo_rotation(known, action)
        else:
            known[action.number] = after(known.get(action.number), action)
    return tuple(known[number] for number in sorted(known))


def hand_over(known: dict[int, KeyRecord], action: Action, seconds: int) -> None:
    heir = known[action.number]
    assert heir.plan is not None, "attached first"
    begun = heir.succession
    old = known.get(begun.replaces or 0)
    rotation = max(begun.rotation, action.details.get("rotation", 0))
    known[heir.number] = replace(heir, succession=Succession(rotation))
    if old:
        in_use = known.get(action.details.get("in_use", 0))
        overlap = begun.overlap or (0 if in_use else seconds)
        for record in handed_over(old, heir, overlap, in_use, NOW):
            known[record.number] = record


def undo_rotation(known: dict[int, KeyRecord], action: Action) -> None:
    said = {name: action.details.get(name, 0) for name in ("overlap", "grace")}
    key = known[action.number]
    known[key.number] = restored(key, action.details.get("replaces"), **said)


def after(record: KeyRecord | None, action: Action) -> KeyRecord:
    said: dict[str, Any] = dict(action.details)
    if action.action == "create_key":
        begun = {name: said.get(name, 0) for name in ("rotation", "overlap", "grace")}
        succession = Succession(replaces=said.get("replaces"), **begun)
        journal = Journal(awaited=tuple(said.get("plans", ())))
        new = KeyRecord("acme", action.number, CREATING, journal=journal, succession=succession)
        made = record or new
        return replace(made, state=CREATED, key_id="abc123", created_at=NOW)
    assert record is not None
    assert record.state == CREATED, "only a key that was created can be changed"
    if action.action == "detach_key":
        return removed(record, str(action.plan), said.get("rotation", 0))
    if action.action in ("attach_key", "move_key"):
        begun = record.journal.plan
        if action.action == "move_key" and begun not in (None, action.plan):
            record = removed(record, str(begun))
        return placed(record, str(action.plan), said.get("rotation", 0), action.origin)
    if action.action == "announce_expiry":
        expires = record.end.retire_at or said["expires_at"]
        return record.with_end(notice_days=said["days"], notice_expiry=expires)
    enabled = action.action == "enable_key"
    switched = replace(record, enabled=enabled).with_journal(enabled=None)
    if said.get("retire") and record.end.retire_at is None:
        delete_at = NOW + said.get("grace", 0)
        by = said.get("replaced_by")
        return switched.with_end(retire_at=NOW, delete_at=delete_at, replaced_by=by)
    return switched


# A key in the making of a suspended customer, and the word that it leaked.
MEANWHILE = (
    Customer("acme", ("free",), "suspended", rotation=RotationRequest(NOW - 5, None, "leaked")),
    (KeyRecord("acme", 1, CREATING, journal=Journal(1)),),
    policy("in_place", None, 0, 0),
)


# A key that waits for a plan which its customer no longer has, and a rotation meanwhile.
HALF_WAY = (
    Customer("acme", ("free",), "active", rotation=RotationRequest(NOW - 5)),
    (
        KeyRecord(
            "acme",
            1,
            CREATED,
            key_id="abc123",
            created_at=NOW,
            plans=("free",),
            journal=Journal(awaited=("pro",)),
        ),
    ),
    policy("in_place", None, 0, 0),
)


@given(CUSTOMERS, records(), POLICIES)
@example(*MEANWHILE)
@example(*HALF_WAY)
def test_planning_after_the_actions_of_a_plan_gives_no_action(
    customer: Customer, keys: tuple[KeyRecord, ...], policy: Policy
) -> None:
    planned = plan_customer(customer, keys, policy, NOW, LAST)
    left = done(keys, planned.actions, policy)
    again = plan_customer(customer, left, policy, NOW, 100)
    assert again.actions == ()
    assert type(again.problem) is type(planned.problem)


@given(CUSTOMERS, records(), POLICIES)
def test_what_is_left_is_what_the_customer_is_to_have(
    customer: Customer, keys: tuple[KeyRecord, ...], policy: Policy
) -> None:
    planned = plan_customer(customer, keys, policy, NOW, LAST)
    left = done(keys, planned.actions, policy)
    working = [key for key in left if key.state == CREATED and key.enabled]
    if customer.status == "closed":
        assert left == ()
    elif customer.status == "suspended":
        assert working == []
    elif planned.problem is None:
        current = [key for key in working if key.end.replaced_by is None]
        assert len(current) == customer.keys
        assert all({*key.plans} == {*customer.plans} for key in current)
        asked = customer.rotation
        if asked and not asked.undone:
            assert all(key.succession.rotation >= asked.requested_at for key in current)


@given(CUSTOMERS, records(), POLICIES)
def test_numbers_never_come_again(
    customer: Customer, keys: tuple[KeyRecord, ...], policy: Policy
) -> None:
    planned = plan_customer(customer, keys, policy, NOW, LAST)
    known = {key.number for key in keys}
    made = [a.number for a in planned.actions if a.action == "create_key" and a.number not in known]
    assert made == list(range(8, 8 + len(made)))


@given(CUSTOMERS, records(), POLICIES)
def test_something_becomes_of_the_customer_when_it_is_due_and_not_before(
    customer: Customer, keys: tuple[KeyRecord, ...], policy: Policy
) -> None:
    left = done(keys, plan_customer(customer, keys, policy, NOW, LAST).actions, policy)
    due = due_at(customer, left, policy, NOW)
    last = 100
    if due is None:
        assert plan_customer(customer, left, policy, NOW + 4000 * DAY, last).actions == ()
    else:
        assert plan_customer(customer, left, policy, due - 1, last).actions == ()
        assert plan_customer(customer, left, policy, due, last).actions != ()


@given(CUSTOMERS, records(), POLICIES)
def test_no_working_key_is_disabled_before_its_successor_is_attached_unless_it_leaked(
    customer: Customer, keys: tuple[KeyRecord, ...], policy: Policy
) -> None:
    rotation = customer.rotation
    if customer.status != "active" or customer.keys != 1 or (rotation and rotation.leaked):
        return
    planned = plan_customer(customer, keys, policy, NOW, LAST)
    works = [
        k for k in keys if k.is_issued and k.is_settled and k.enabled and k.end.retire_at is None
    ]
    if planned.problem or not works:
        return
    for place in range(len(planned.actions)):
        left = done(keys, planned.actions[:place], policy)
        assert any(key.enabled and key.plans and key.state == CREATED for key in left)
