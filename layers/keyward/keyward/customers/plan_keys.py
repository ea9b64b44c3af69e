"""The keys of an active customer: each in its plan, each with a successor when it is time. Pure.

A key that is to have a successor works on until that one is attached everywhere; only a key that
leaked is disabled first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keyward.customers.actions import Action, move, on
from keyward.customers.key import CREATED, CREATING, KeyRecord, name_of
from keyward.customers.model import Customer
from keyward.customers.rotation import (
    DAY,
    HOUR,
    LEAKED,
    NOTICE_DAYS,
    Replacement,
    expires_at,
    notices,
    replacement_for,
)
from keyward.policy.model import Policy

Actions = tuple[Action, ...]


def switched(key: KeyRecord, enabled: bool = False) -> bool:
    """Whether the key is not yet as it should be: `enabled`, or not."""
    return key.enabled != enabled or key.switching is not None


def _precedence(key: KeyRecord) -> tuple[bool, bool, int]:
    """Where there are too many, those that the customer was told of stay."""
    return key.retire_at is not None, not key.issued, key.number


@dataclass(frozen=True)
class Roles:
    """The keys of a customer by what becomes of them: `kept` are to stay, `surplus` are more than
    the customer is to have, `heirs` are successors under way by the number of the key that they
    replace, those `alone` by none that there is, `needless` those of nobody; so many are
    `missing`."""

    kept: Sequence[KeyRecord]
    surplus: Sequence[KeyRecord]
    heirs: Mapping[int, KeyRecord]
    alone: Sequence[KeyRecord]
    needless: Sequence[KeyRecord]
    missing: int


class KeyPlanner:
    """Plans for one customer at `now` (epoch seconds). `known`: the policy names the plan;
    `successor`: a plan change is made by a new key."""

    def __init__(
        self,
        customer: Customer,
        plan: str,
        known: bool,
        successor: bool,
        policy: Policy,
        now: float,
        last_number: int,
    ) -> None:
        self._customer = customer
        self._plan = plan
        self._known = known
        self._successor = successor
        self._policy = policy
        self._now = now
        self._last_number = last_number

    def actions(self, keys: Sequence[KeyRecord]) -> Actions:
        """Everything, in order: what must not work any more, the keys one by one, new ones."""
        roles = self._roles(keys)
        wishes = {key.number: self._wish(key) for key in roles.kept}
        actions: Actions = ()
        for key in keys:
            if key.replaced_by is not None:
                actions += self._retiring(key)
        for key in (*roles.kept, *roles.surplus):
            actions += self._stopped(key, wishes.get(key.number), key in roles.surplus)
        actions += tuple(on("delete_key", key, retired=True) for key in roles.needless)
        for key in roles.kept:
            actions += self._kept(key, wishes[key.number], roles.heirs.get(key.number))
        if self._known:
            for key in roles.alone:
                actions += (*self._placed(key), self._handed_over(key))
            for _ in range(roles.missing):
                actions += self._new(None)
        return actions

    def _roles(self, keys: Sequence[KeyRecord]) -> Roles:
        """Who stays, and who is one too many: a successor goes with the key that it was for."""
        current = [key for key in keys if key.replaced_by is None and key.replaces is None]
        heirs = {key.replaces: key for key in keys if key.replaces is not None}
        current.sort(key=lambda key: (key.number not in heirs, *_precedence(key)))
        alone = [key for of, key in heirs.items() if of not in {old.number for old in current}]
        room = self._customer.keys - len(alone)
        kept, surplus = current[: max(0, room)], current[max(0, room) :]
        needless = [heirs[key.number] for key in surplus if key.number in heirs]
        return Roles(
            kept,
            surplus,
            heirs,
            alone[: self._customer.keys],
            [*needless, *alone[self._customer.keys :]],
            max(0, room - len(kept)),
        )

    def _wish(self, key: KeyRecord) -> Replacement | None:
        """One that is disabled for good already waits for its successor only."""
        if key.retire_at is not None:
            return Replacement(key.reason, leaked=True)
        if not key.issued:
            return None
        asked = self._customer.rotation
        at = (self._plan, self._successor and self._known, self._policy, self._now)
        return replacement_for(key, asked, *at)

    def _stopped(self, key: KeyRecord, wish: Replacement | None, too_many: bool) -> Actions:
        """Keys that leaked, and those that are one too many, before anything else."""
        stopped = key.retire_at is not None or self._leaked(key)
        if too_many and (key.state == CREATING or stopped):
            return (on("delete_key", key, retired=True),)
        if too_many:
            grace = int(self._policy.lifecycle.grace_hours * HOUR)
            reason = "fewer keys"
            return (on("disable_key", key, reason=reason, retire=True, grace=grace, replaced_by=0),)
        if wish and wish.leaked and (key.retire_at is None or switched(key)):
            return (on("disable_key", key, reason=wish.reason, retire=True),)
        return ()

    def _kept(self, key: KeyRecord, wish: Replacement | None, heir: KeyRecord | None) -> Actions:
        if key.state == CREATING:
            return self._placed(key) if self._known else ()
        leaked = wish is not None and wish.leaked
        moved = () if leaked else self._placed(key, self._successor) + self._enabled(key)
        if heir is not None and not leaked:
            # Begun is begun, and as it was begun.
            wish = Replacement(heir.cause, heir.overlap, heir.grace)
        if wish is None:
            return moved + self._noticed(key)
        return moved + self._succeeded(key, wish, heir) if self._known else moved

    def _succeeded(self, key: KeyRecord, wish: Replacement, heir: KeyRecord | None) -> Actions:
        """The successor, the handing over, and the end of a key that has no time left."""
        if heir is None:
            made = self._new(key, wish)
            details = {"replaces": key.number} | self._satisfies()
            over = Action("carry_quota_over", made[0].key, made[0].number, details=details)
        else:
            made = self._placed(heir) + self._enabled(heir)
            over = self._handed_over(heir, key)
        times = (0, 0) if wish.leaked else (wish.overlap, wish.grace)
        return (*made, over, *self._ended(key, *times, stopped=wish.leaked))

    def _ended(self, key: KeyRecord, overlap: int, grace: int, stopped: bool) -> Actions:
        if overlap:
            exactly = [days for days in NOTICE_DAYS if days * DAY == overlap]
            return tuple(on("announce_expiry", key, days=days) for days in exactly)
        stop = () if stopped else (on("disable_key", key),)
        return stop if grace else (*stop, on("delete_key", key, retired=True))

    def _retiring(self, key: KeyRecord) -> Actions:
        """A key that was replaced: it works until its time is over, and follows a plan change that
        is made in place, unless its successor is in another plan already."""
        if key.state != CREATED:
            return ()
        if self._leaked(key):
            return (on("delete_key", key, reason=LEAKED, retired=True),)
        if key.retire_at is not None and key.retire_at <= self._now:
            return (on("disable_key", key),) if switched(key) else ()
        placed = self._placed(key, stays=key.stays or self._successor)
        return placed + self._enabled(key) + self._noticed(key)

    def _placed(self, key: KeyRecord, stays: bool = False) -> Actions:
        """What brings a key into the plan, or, when that is not known, out of a move that broke
        off. A key that `stays` in its plan only ends such a move."""
        if not self._known:
            named = key.moving_to in self._policy.usage_plans
            half_way = key.moving_to if named else key.plan
            satisfies = {} if key.plan else self._satisfies()
            return (move(key, half_way, **satisfies),) if key.moving_to and half_way else ()
        if key.state == CREATING:
            return (on("create_key", key), on("attach_key", key, self._plan, **self._satisfies()))
        if key.plan is None and key.moving_to in (None, self._plan):
            return (on("attach_key", key, self._plan, **self._satisfies()),)
        if key.moving_to is not None or (key.plan != self._plan and not stays):
            return (move(key, self._plan, **({} if key.plan else self._satisfies())),)
        return ()

    def _enabled(self, key: KeyRecord) -> Actions:
        """Keys are in their plan before they are enabled."""
        stale = key.state == CREATED and switched(key, enabled=True)
        return (on("enable_key", key),) if stale else ()

    def _noticed(self, key: KeyRecord) -> Actions:
        """The last of the notices whose time has come."""
        expires = expires_at(key, self._plan, self._policy)
        if not key.issued or expires is None or expires <= self._now:
            return ()
        due = [days for days, at in notices(key, expires).items() if at <= self._now]
        if not due:
            return ()
        return (on("announce_expiry", key, days=min(due), expires_at=expires),)

    def _new(self, replaced: KeyRecord | None, wish: Replacement | None = None) -> Actions:
        self._last_number += 1
        number = self._last_number
        name = name_of(self._customer.customer_id, number)
        details: dict[str, Any] = self._satisfies()
        if replaced and wish:
            details |= {"replaces": replaced.number, "overlap": wish.overlap, "grace": wish.grace}
        reason = wish.reason if wish else None
        created = Action("create_key", name, number, reason=reason, details=details)
        return (created, Action("attach_key", name, number, self._plan))

    def _handed_over(self, heir: KeyRecord, key: KeyRecord | None = None) -> Action:
        old: dict[str, Any] = {"replaces": key.number} if key else {}
        return on("carry_quota_over", heir, **old, **self._satisfies())

    def _leaked(self, key: KeyRecord) -> bool:
        asked = self._customer.rotation
        return asked is not None and asked.leaked and key.rotation < asked.requested_at

    def _satisfies(self) -> dict[str, Any]:
        """The request for a rotation that a new key answers."""
        asked = self._customer.rotation
        return {"rotation": asked.requested_at} if asked else {}
