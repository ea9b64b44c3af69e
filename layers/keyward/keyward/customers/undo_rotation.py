"""A rotation that was undone: the key that was replaced works on, as the successor of its
successor, which retires as any key does that is replaced. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from keyward.customers.actions import Action, on
from keyward.customers.key import CREATED, KeyRecord
from keyward.customers.rotation import replacement_with_overlap, rotation_of
from keyward.errors import InvalidEventError
from keyward.policy.model import Policy

JSON = dict[str, Any]
UNDONE = "undone"


def undo_rotation(
    undone: int, keys: Sequence[KeyRecord], policy: Policy
) -> tuple[tuple[Action, ...], list[KeyRecord]]:
    """The actions that take back the rotation that was requested at `undone` (epoch seconds), and
    the records as they are after them. No actions once they are done."""
    actions: list[Action] = []
    after: dict[int, KeyRecord] = {key.number: key for key in keys}
    for key in keys:
        if key.replaces is not None and key.rotation >= undone:
            actions.append(on("delete_key", key, reason=UNDONE))
            del after[key.number]
        elif _stopped(key, undone) and _able(key, keys, undone):
            wish = replacement_with_overlap(UNDONE, policy.overlap_hours, policy)
            heir = _heir(key, keys, undone)
            times: JSON = {"overlap": wish.overlap, "grace": wish.grace} if heir else {}
            actions.append(on("restore_key", key, replaces=heir, **times))
            after[key.number] = restored(key, heir, **times)
    return tuple(actions), list(after.values())


def restored(key: KeyRecord, replaces: int | None, overlap: int = 0, grace: int = 0) -> KeyRecord:
    """The record of a key that works on; `replaces` is the number of the key that it takes over
    from, which keeps working for `overlap` seconds and stays, disabled, for `grace`."""
    return replace(
        key,
        replaces=replaces,
        overlap=overlap,
        grace=grace,
        cause=UNDONE if replaces is not None else None,
        replaced_by=None,
        retire_at=None,
        delete_at=None,
        stays=False,
        told_days=None,
        told_expiry=None,
    )


def check(before: JSON | None, after: JSON, keys: Sequence[KeyRecord]) -> None:
    """That a customer's record does not ask to take back a rotation that cannot be any more. Raises
    InvalidEventError."""
    was, asked = rotation_of((before or {}).get("rotation")), rotation_of(after.get("rotation"))
    if asked is None or not asked.undone or (was is not None and was.undone):
        return
    if not can_undo(asked.requested_at, keys):
        raise InvalidEventError(
            "detail.what",
            "names a rotation whose old key was deleted already",
            "Send KeyRotationRequested to replace the key that works now",
        )


def can_undo(requested_at: int, keys: Sequence[KeyRecord]) -> bool:
    """Whether the rotation has not begun, or the key that it replaced is still there."""
    earlier = [key for key in keys if key.rotation < requested_at and key.state == CREATED]
    return not keys or any(_able(key, keys, requested_at) for key in earlier)


def _stopped(key: KeyRecord, undone: int) -> bool:
    """Whether it was replaced, or disabled to be replaced, by the rotation."""
    if key.state != CREATED or key.rotation >= undone or key.retire_at is None:
        return False
    return key.replaced_by != 0


def _able(key: KeyRecord, keys: Sequence[KeyRecord], undone: int) -> bool:
    """Whether nothing came after it but the successor that works."""
    return key.replaced_by is None or _heir(key, keys, undone) is not None


def _heir(key: KeyRecord, keys: Sequence[KeyRecord], undone: int) -> int | None:
    """The number of its successor, which works, and was made because of the request: one that came
    later, by age or for a plan change, is not meant."""
    found = (
        one.number
        for one in keys
        if one.number == key.replaced_by and one.replaced_by is None and one.state == CREATED
        if one.rotation >= undone
    )
    return next(found, None)
