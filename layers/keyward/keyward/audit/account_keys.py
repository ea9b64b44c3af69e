"""All keys of the account as an audit has read them: which there are, and in which plans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from keyward.aws.gateway import KeySeen
from keyward.customers.drift import KeyLook
from keyward.customers.key import KeyRecord


@dataclass(frozen=True)
class AccountKeys:
    """Keys by id; the names of plans by the id of a key, None when they were not read. What was
    changed since `read_at` (epoch seconds), when the first of it was read, is not compared."""

    keys: Mapping[str, KeySeen]
    plans: Mapping[str, tuple[str, ...]] | None = None
    read_at: float = 0.0

    def look(self, key: KeyRecord) -> KeyLook | None:
        """A recorded key as it was read; None when a run has been at it since."""
        if key.key_id is None or max(key.tried_at, key.attached_at or 0) >= int(self.read_at):
            return None
        seen = self.keys.get(key.key_id)
        if seen is None:
            return KeyLook(there=False)
        return KeyLook(True, seen.enabled, self.plans_of(key.key_id))

    def plans_of(self, key_id: str) -> tuple[str, ...] | None:
        """The names of a key's plans, None when they were not read."""
        return None if self.plans is None else self.plans.get(key_id, ())
