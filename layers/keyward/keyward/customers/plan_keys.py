"""Plan the keys of an active customer: each in its plans, each with a successor in time. Pure.

A rotation creates the successor, attaches it and hands over: it carries the quota and writes down
the end of the old key. The old key works until its successor does everywhere. A leaked key is
disabled first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keyward.customers.actions import Action, Actions, key_action
from keyward.customers.key import CREATED, CREATING, KeyRecord, labels_of, name_of
from keyward.customers.model import Customer
from keyward.customers.overlap import Overlap, ends_early
from keyward.customers.plan_moves import Placement
from keyward.customers.roles import Roles
from keyward.customers.rotation import (
    LEAKED,
    NOTICE_DAYS,
    Replacement,
    expires_at,
    is_leaked,
    notices,
    replacement_for,
)
from keyward.policy.model import Policy
from keyward.values import DAY, HOUR, frozen, stated


def is_switch_needed(key: KeyRecord, enabled: bool) -> bool:
    """Whether a key's switch is wrong or in doubt. A key that a person disabled is right as it
    is."""
    if enabled and key.by_hand is not None and key.journal.enabled is None:
        return False
    return key.enabled != enabled or key.journal.enabled is not None


@frozen
class KeyPlanner:
    """Plans for one customer at `now` (epoch seconds). `plans` are those that the policy names;
    `is_whole`: it names all; `by_successor`: a plan change is made by a new key."""

    customer: Customer
    plans: tuple[str, ...]
    is_whole: bool
    by_successor: bool
    policy: Policy
    now: float

    @property
    def placement(self) -> Placement:
        """Where the keys belong."""
        return Placement(self.plans, self.is_whole, self.policy, self._satisfies())

    @property
    def is_known(self) -> bool:
        """Whether the policy names a plan for the keys."""
        return bool(self.plans)

    def actions(self, keys: Sequence[KeyRecord], last_number: int) -> Actions:
        """Everything, in order: stop what must not work, then each key, then new keys. Numbers of
        new keys come after `last_number`."""
        roles = Roles.of(keys, self.customer.keys)
        overlaps = {
            key.number: Overlap.before(key, keys, self.policy, self.now) for key in roles.current
        }
        replacements = {
            key.number: overlaps[key.number].bound(self._replacement(key)) for key in roles.current
        }
        numbers = self._new_numbers(roles, replacements, last_number)
        retiring = [key for key in keys if key.end.replaced_by is not None]
        # What must stop comes first: an action that fails keeps all later ones from being done.
        actions = self._stopping(retiring, roles, replacements, numbers)
        for key in roles.current:
            number = numbers.get(key.number)
            successor = roles.successors.get(key.number)
            overlap, replacement = overlaps[key.number], replacements[key.number]
            if successor is not None and not (replacement and replacement.leaked):
                replacement = overlap.begun(successor.succession)
            actions += self._current(key, replacement, overlap, successor, number)
        # A new key could join no plan, and API Gateway refuses a key without one.
        if not self.is_known:
            return actions
        for key in roles.orphaned_successors:
            actions += (*self.placement.place(key), self._handed_over(key))
        first = last_number + len(numbers) + 1
        for number in range(first, first + roles.missing):
            actions += self._new(number)
        return actions

    def _stopping(
        self,
        retiring: Sequence[KeyRecord],
        roles: Roles,
        replacements: Mapping[int, Replacement | None],
        numbers: Mapping[int, int],
    ) -> Actions:
        """Stop replaced keys in time, then leaked keys and surplus keys."""
        actions: Actions = ()
        for key in retiring:
            early = ends_early(key, numbers, self.now)
            gone = (key_action("delete_key", key, retired=True),)
            actions += gone if early else self._retiring(key)
        for key in roles.current:
            actions += self._stopped(key, replacements[key.number])
        for key in roles.surplus:
            actions += self._surplus(key)
        return actions + tuple(
            key_action("delete_key", key, retired=True) for key in roles.unneeded_successors
        )

    def _new_numbers(
        self, roles: Roles, replacements: Mapping[int, Replacement | None], last_number: int
    ) -> dict[int, int]:
        """Number the new successors, by the number of the key that each replaces."""
        replaced = [
            key.number
            for key in roles.current
            if self.is_known and key.state != CREATING
            if replacements[key.number] and key.number not in roles.successors
        ]
        return {number: last_number + n for n, number in enumerate(replaced, start=1)}

    def _replacement(self, key: KeyRecord) -> Replacement | None:
        """The replacement that a key needs. A key that is disabled for good needs nothing else."""
        if key.end.retire_at is not None:
            return Replacement(key.reason, leaked=True)
        if not key.is_issued:
            return None
        is_other = self.is_whole and self.placement.changes_plan(key)
        by_successor = self.by_successor and is_other
        request = self.customer.rotation
        return replacement_for(key, request, self.plans, by_successor, self.policy, self.now)

    def _stopped(self, key: KeyRecord, replacement: Replacement | None) -> Actions:
        """Disable a leaked key before anything else."""
        if not (replacement and replacement.leaked):
            return ()
        if key.end.retire_at is not None and not is_switch_needed(key, enabled=False):
            return ()
        return (key_action("disable_key", key, reason=replacement.reason, retire=True),)

    def _surplus(self, key: KeyRecord) -> Actions:
        """A key too many stays, disabled, for the grace; a leaked one goes at once."""
        is_dead = key.end.retire_at is not None or is_leaked(key, self.customer.rotation)
        if key.state == CREATING or is_dead:
            return (key_action("delete_key", key, retired=True),)
        # By nobody, which 0 says: the key retires as a replaced one does.
        more: dict[str, Any] = {"retire": True, "replaced_by": 0}
        more["grace"] = int(self.policy.lifecycle.grace_hours * HOUR)
        return (key_action("disable_key", key, reason="fewer keys", **more),)

    def _current(
        self,
        key: KeyRecord,
        replacement: Replacement | None,
        overlap: Overlap,
        successor: KeyRecord | None,
        number: int | None,
    ) -> Actions:
        if key.state == CREATING:
            return self.placement.place(key)
        leaked = replacement is not None and replacement.leaked
        # A leaked key is not let in again. One that nobody was told of is moved, not replaced.
        stays = self.by_successor and key.is_issued and self.placement.changes_plan(key)
        moved = () if leaked else self.placement.place(key, stays) + self._enabled(key)
        if replacement is None:
            return moved + self._noticed(key)
        if not self.is_known:
            return moved
        return moved + self._succeeded(key, replacement, overlap, successor, number)

    def _succeeded(
        self,
        key: KeyRecord,
        replacement: Replacement,
        overlap: Overlap,
        successor: KeyRecord | None,
        number: int | None,
    ) -> Actions:
        """The successor, the handing over, and the end of a key that has no time left."""
        if successor is not None:
            made = self.placement.place(successor) + self._enabled(successor)
            over = self._handed_over(successor, key, overlap.in_use)
        else:
            times = {"overlap": replacement.overlap, "grace": replacement.grace}
            made = self._new(number or 0, replacement.reason, replaces=key.number, **times)
            details = stated({"replaces": key.number, "in_use": overlap.in_use})
            details |= self._satisfies()
            over = Action("carry_quota_over", made[0].key, made[0].number, details=details)
        return (*made, over, *self._end(key, replacement))

    def _end(self, key: KeyRecord, replacement: Replacement) -> Actions:
        """What follows the handover at once. A leaked key is disabled: it has no time left."""
        if replacement.leaked:
            return (key_action("delete_key", key, retired=True),)
        if replacement.overlap:
            exactly = [days for days in NOTICE_DAYS if days * DAY == replacement.overlap]
            return tuple(key_action("announce_expiry", key, days=days) for days in exactly)
        stop = (key_action("disable_key", key),)
        if replacement.grace:
            return stop
        return (*stop, key_action("delete_key", key, retired=True))

    def _retiring(self, key: KeyRecord) -> Actions:
        """A replaced key works until its time is over. It follows a plan change in place, unless
        its successor is in another plan already."""
        if key.state != CREATED:
            return ()
        if is_leaked(key, self.customer.rotation):
            return (key_action("delete_key", key, reason=LEAKED, retired=True),)
        if key.end.is_over(self.now):
            is_needed = is_switch_needed(key, enabled=False)
            return (key_action("disable_key", key),) if is_needed else ()
        stays = key.end.keeps_plan or (self.by_successor and self.placement.changes_plan(key))
        placed = self.placement.place(key, stays)
        return placed + self._enabled(key) + self._noticed(key)

    def _enabled(self, key: KeyRecord) -> Actions:
        """Keys are in their plan before they are enabled."""
        is_needed = key.state == CREATED and is_switch_needed(key, enabled=True)
        return (key_action("enable_key", key),) if is_needed else ()

    def _noticed(self, key: KeyRecord) -> Actions:
        """The last of the notices whose time has come."""
        expires = expires_at(key, self.plans, self.policy)
        if not key.is_issued or expires is None or expires <= self.now:
            return ()
        due = [days for days, at in notices(key, expires).items() if at <= self.now]
        if not due:
            return ()
        return (key_action("announce_expiry", key, days=min(due), expires_at=expires),)

    def _new(self, number: int, reason: str | None = None, **replaced: int) -> Actions:
        """A new key in its plans. `replaced` are the number of the key that it replaces, and how
        long that works on and stays."""
        name = name_of(self.customer.customer_id, number)
        details = {**self._satisfies(), **replaced, **self.placement.awaits()}
        created = Action("create_key", name, number, reason=reason, details=details)
        return (created, *(Action("attach_key", name, number, plan) for plan in self.plans))

    def _handed_over(
        self, successor: KeyRecord, key: KeyRecord | None = None, in_use: int | None = None
    ) -> Action:
        old = stated({"replaces": key.number if key else None, "in_use": in_use})
        return key_action("carry_quota_over", successor, **old, **self._satisfies())

    def _satisfies(self) -> dict[str, Any]:
        """The request for a rotation that a new key answers."""
        request = self.customer.rotation
        return {"rotation": request.requested_at} if request else {}


def label_actions(customer: Customer, keys: Sequence[KeyRecord]) -> tuple[Action, ...]:
    """Bring the labels of working keys in line with the record. Nobody knows the labels of a key
    that the last edition made: they stay until an event brings others."""
    wanted = labels_of(customer)
    late = [
        key
        for key in keys
        if key.state == CREATED and key.end.retire_at is None and key.labels != wanted
        if key.labels is not None or (customer.labels_at or 0) > key.age_counts_from
    ]
    text = wanted.description or ""
    return tuple(key_action("label_key", k, description=text, tags=wanted.tags) for k in late)
