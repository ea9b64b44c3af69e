"""Bring back keys that are disabled for good and not deleted yet. Pure.

When a rotation is undone the old key works on as the successor of its successor, which retires as
any replaced key does. A key that was too many works on when the customer is to have more again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from keyward.customers.actions import Action, key_action
from keyward.customers.key import CREATED, UNDONE, End, KeyRecord, Succession
from keyward.customers.model import Customer
from keyward.customers.roles import Roles
from keyward.customers.rotation import replacement_with_overlap, rotation_of
from keyward.errors import InvalidEventError
from keyward.policy.model import Policy
from keyward.values import JSON


def undo_rotation(
    undone: int, keys: Sequence[KeyRecord], policy: Policy
) -> tuple[tuple[Action, ...], list[KeyRecord]]:
    """The actions that undo the rotation requested at `undone` (epoch seconds), and the records
    after them. No actions once they are done."""
    actions: list[Action] = []
    after: dict[int, KeyRecord] = {key.number: key for key in keys}
    for key in keys:
        if key.succession.replaces is not None and key.succession.rotation >= undone:
            actions.append(key_action("delete_key", key, reason=UNDONE))
            del after[key.number]
        elif _stopped(key, undone) and _able(key, keys, undone):
            wanted = replacement_with_overlap(UNDONE, policy.overlap_hours, policy)
            successor = _successor(key, keys, undone)
            times: JSON = {"overlap": wanted.overlap, "grace": wanted.grace} if successor else {}
            actions.append(key_action("restore_key", key, replaces=successor, **times))
            after[key.number] = restored(key, successor, **times)
    return tuple(actions), list(after.values())


def bring_back(
    customer: Customer, keys: Sequence[KeyRecord], now: float
) -> tuple[tuple[Action, ...], list[KeyRecord]]:
    """The actions that give keys their places back which were too many, the longest known first,
    and the records after them. Not a key that somebody disabled or wanted replaced since; and a key
    that the customer names by its id has its place first."""
    request, named = customer.rotation, customer.key_id is not None
    missing = Roles.of(keys, customer.keys).missing - named
    able = [
        key.number
        for key in sorted(keys, key=lambda key: key.number)
        if key.state == CREATED and key.end.replaced_by == 0 and key.by_hand is None
        if (key.end.delete_at or 0) > now
        if request is None or request.requested_at <= key.succession.rotation
    ][: max(0, missing)]
    actions = tuple(key_action("restore_key", key) for key in keys if key.number in able)
    return actions, [restored(key, None) if key.number in able else key for key in keys]


def restored(key: KeyRecord, replaces: int | None, overlap: int = 0, grace: int = 0) -> KeyRecord:
    """The record of a key that works on. It takes over from the key of number `replaces`, which
    works for `overlap` seconds more and stays, disabled, for `grace`."""
    cause = UNDONE if replaces is not None else None
    succession = Succession(key.succession.rotation, replaces, overlap, grace, cause)
    return replace(key, succession=succession, end=End())


def check(before: JSON | None, after: JSON, keys: Sequence[KeyRecord]) -> None:
    """Raise InvalidEventError where a customer's record undoes a rotation that can no longer be
    undone."""
    was, request = rotation_of((before or {}).get("rotation")), rotation_of(after.get("rotation"))
    if request is None or not request.undone or (was is not None and was.undone):
        return
    if not can_undo(request.requested_at, keys):
        raise InvalidEventError(
            "detail.what",
            "must name a rotation whose old key is still there",
            "Send KeyRotationRequested to replace the key that works now",
        )


def can_undo(requested_at: int, keys: Sequence[KeyRecord]) -> bool:
    """Whether the rotation has not begun, or the key that it replaced still exists."""
    earlier = [
        key for key in keys if key.succession.rotation < requested_at and key.state == CREATED
    ]
    return not keys or any(_able(key, keys, requested_at) for key in earlier)


def _stopped(key: KeyRecord, undone: int) -> bool:
    """Whether the rotation replaced the key, or disabled it to replace it."""
    if key.state != CREATED or key.succession.rotation >= undone or key.end.retire_at is None:
        return False
    return key.end.replaced_by != 0


def _able(key: KeyRecord, keys: Sequence[KeyRecord], undone: int) -> bool:
    """Whether nothing came after the key but the successor that works."""
    return key.end.replaced_by is None or _successor(key, keys, undone) is not None


def _successor(key: KeyRecord, keys: Sequence[KeyRecord], undone: int) -> int | None:
    """The number of its working successor, if the request led to it: a successor by age or for a
    plan change does not count."""
    found = (
        one.number
        for one in keys
        if one.number == key.end.replaced_by
        and one.end.replaced_by is None
        and one.state == CREATED
        if one.succession.rotation >= undone
    )
    return next(found, None)
