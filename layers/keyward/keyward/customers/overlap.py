"""Bound the keys that work at once: of each key of a customer, one more is in its overlap at most.
Pure.

A rotation within the overlap of an earlier one replaces the successor, which ends at once: the key
that the customer may still use keeps the end that was announced. Only where that end is so near
that the new successor would not be known everywhere by then does the rotation wait for it.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace

from keyward.customers.key import CREATED, UNDONE, KeyRecord, Succession
from keyward.customers.rotation import Replacement, void_notices
from keyward.policy.model import Policy
from keyward.values import frozen


@frozen
class Overlap:
    """The overlap of `key` (None for none), which bounds the replacement of its successor. It
    `lasts` so many seconds."""

    key: KeyRecord | None
    lasts: float
    propagation: int

    @classmethod
    def before(
        cls, key: KeyRecord, keys: Sequence[KeyRecord], policy: Policy, now: float
    ) -> Overlap:
        """The overlap in which `key` took over, at `now` (epoch seconds), or the key did for which
        it was made. After an undo it is the key that was taken back which ends early
        (`ends_early`)."""
        heirs = _heirs(keys)
        found = (k for k in keys if heirs.get(k.number) == key.number and _works(k, now))
        older = next((k for k in found if k.reason != UNDONE), None)
        lasts = (older.end.retire_at or 0) - now if older else 0
        return cls(older, lasts, policy.propagation_seconds)

    @property
    def in_use(self) -> int | None:
        """The number of the key that works until a new successor is known everywhere."""
        return self.key.number if self.key and self.lasts > self.propagation else None

    def bound(self, replacement: Replacement | None) -> Replacement | None:
        """Bound a replacement that is to begin; None where it has to wait."""
        if replacement is None or replacement.leaked or self.key is None:
            return replacement
        return None if self.in_use is None else replace(replacement, overlap=0, grace=0)

    def begun(self, succession: Succession) -> Replacement:
        """A replacement under way keeps its settings, and learns that an older key still works."""
        overlap = succession.overlap or (0 if self.in_use else self.propagation)
        return Replacement(succession.cause, overlap, succession.grace)


def ends_early(key: KeyRecord, replaced: Container[int | None], now: float) -> bool:
    """Whether a key that an undo took back ends now, because its successor is replaced."""
    return key.reason == UNDONE and key.end.replaced_by in replaced and _works(key, now)


def handed_over(
    old: KeyRecord, successor: KeyRecord, overlap: int, in_use: KeyRecord | None, now: int
) -> list[KeyRecord]:
    """Return the record of the key that is replaced, and of the key in use before it, if any. The
    first works on for `overlap` seconds beside its successor; a leaked one has its end already."""
    begun, end = successor.succession, old.end
    retire_at = now + overlap if end.retire_at is None else end.retire_at
    ended = old.with_end(
        replaced_by=successor.number,
        keeps_plan={*old.plans} != {*successor.plans},
        retire_at=retire_at,
        delete_at=retire_at + begun.grace if end.delete_at is None else end.delete_at,
        notice_days=void_notices(overlap),
        notice_expiry=retire_at,
    )
    ended = replace(ended, reason=begun.cause or old.reason)
    return [ended, *([in_use.with_end(replaced_by=successor.number)] if in_use else [])]


def _heirs(keys: Sequence[KeyRecord]) -> Mapping[int, int | None]:
    """The number of the key that took over from each key which was replaced. Somebody may have
    deleted that one: the newest keys that took over from none were made in place of such."""
    heirs = {key.number: key.end.replaced_by for key in keys if key.end.replaced_by is not None}
    others = {key.number for key in keys} - {*heirs}
    lost = [number for number, by in heirs.items() if by not in {*heirs, *others}]
    free = sorted(others - {*heirs.values()}, reverse=True)
    return heirs | dict(zip(sorted(lost, reverse=True), free, strict=False))


def last_heirs(keys: Sequence[KeyRecord]) -> dict[int, int | None]:
    """The number of the last successor of each key that was replaced."""
    heirs, last = _heirs(keys), dict[int, int | None]()
    for number, heir in heirs.items():
        # A key that an undo brought back takes over from its own successor.
        for _ in heirs:
            heir = heirs.get(heir, heir) if heir is not None else None
        last[number] = heir
    return last


def overlaps_at(key: KeyRecord, now: float) -> bool:
    """Whether the end of a key that is there is still to come, at `now` (epoch seconds)."""
    return key.state == CREATED and not key.end.is_over(now)


def _works(key: KeyRecord, now: float) -> bool:
    return key.by_hand is None and overlaps_at(key, now)
