"""Read a customer's keys on API Gateway before planning, because a repair trusts no record.

The records are corrected, so that the planner sees the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from keyward.aws.gateway import Gateway
from keyward.aws.tables.customers import Customers
from keyward.aws.tables.leases import Lease
from keyward.aws.tables.plans import Plans
from keyward.customers import words
from keyward.customers.drift import (
    DISABLED,
    Compared,
    Drift,
    GatewayState,
    compared,
    remedy_by_hand,
)
from keyward.customers.key import CREATED, DELETED, KeyRecord
from keyward.customers.model import KeyRecords
from keyward.errors import NotFoundError
from keyward.events.requester import with_cause
from keyward.runs.ledger import CORRECT, key_line
from keyward.runs.owners import under_known_names
from keyward.values import JSON, frozen, iso

BY_HAND = "it was deleted on API Gateway by somebody else"


@frozen
class KeyRefresher:
    """Compares the keys of one customer at `now` (epoch seconds). `plans` has the ids of usage
    plans."""

    gateway: Gateway
    now: float
    plans: Plans

    def refresh_from_gateway(
        self,
        records: KeyRecords,
        customer_id: str,
        customers: Customers,
        lease: Lease | None,
        requester: JSON,
    ) -> KeyRecords:
        """Correct the records and, under a lease, write them. Raises LeaseLostError and what the
        gateway raises."""
        comparisons = self.compare_with_gateway(records)
        after = corrected(records, comparisons)
        if lease is None:
            return after
        correction = Correction(customers, lease, requester, after.last_number, self.now)
        for comparison in comparisons:
            if comparison.key is None:
                correction.bury(comparison.drifts[0])
            elif comparison.drifts:
                correction.save(comparison.key, comparison.drifts)
        return replace(after, outbox=customers.load_keys(customer_id).outbox)

    def compare_with_gateway(self, records: KeyRecords) -> list[Compared]:
        """Compare every key record with API Gateway: two calls for each key that was made, none
        for others. Nothing is listed, as a list can show values. Raises what the gateway raises."""
        return [compared(key, self._state(key), self.now) for key in records.keys]

    def _state(self, key: KeyRecord) -> GatewayState | None:
        """Read a key that was made, else None. It counts as gone when it is not there and in no
        plan: nobody could use it."""
        if key.state != CREATED or not key.key_id:
            return None
        names = {*key.plans, key.journal.plan, key.journal.leaving}
        found = under_known_names(self.gateway.plans_of(key.key_id), names, self.plans)
        plans = tuple(plan.name for plan in found)
        try:
            there = self.gateway.key(key.key_id)
        except NotFoundError:
            return GatewayState(there=bool(plans), plans=plans)
        return GatewayState(True, there.enabled, plans)


def corrected(records: KeyRecords, comparisons: Sequence[Compared]) -> KeyRecords:
    """The records as they should read; the number of a lost key is not given again."""
    last = max([records.last_number, *(key.number for key in records.keys)])
    left = tuple(comparison.key for comparison in comparisons if comparison.key is not None)
    return replace(records, keys=left, last_number=last)


@frozen
class Correction:
    """Writes a run's corrections, each with a line of the ledger. They are what somebody else did,
    so no event follows from them but KeyRevoked, and KeyDisabled for a key that somebody disabled.
    `last_number` is that of the customer's last key."""

    customers: Customers
    lease: Lease
    requester: JSON
    last_number: int
    now: float

    def save(self, key: KeyRecord, drifts: Sequence[Drift]) -> None:
        """Write a corrected record. Raises LeaseLostError."""
        events, is_new = [], any(drift.kind == DISABLED for drift in drifts)
        if is_new:
            who = self.requester.get("who", "somebody else")
            key = replace(key, reason=f"disabled on API Gateway by {who}")
            helps = remedy_by_hand(key.customer_id)
            events = [self._event("KeyDisabled", key, by_hand=True, remedy=helps)]
        line = key_line(self._task(drifts), drifts[0].key, key, self.now)
        lines = [line] if line else []
        self.customers.save_keys([key], self.lease, events, self._when, lines)

    def bury(self, drift: Drift) -> None:
        """Forget a key that is gone; KeyRevoked says so. Raises LeaseLostError."""
        key = replace(drift.key, reason=BY_HAND)
        line = key_line(self._task([drift]), drift.key, replace(key, state=DELETED), self.now)
        revoked = self._event("KeyRevoked", key)
        self.customers.save_tombstone(
            key, self.last_number, self.lease, self.now, [revoked], self._when, line
        )

    @property
    def _when(self) -> str:
        return f"{int(self.now * 1000):015d}#000"

    def _event(self, detail_type: str, key: KeyRecord, **more: Any) -> JSON:
        more |= {"plan": key.plan, "reason": key.reason, "effective_by": iso(self.now)}
        occasion = words.Occasion(self.lease.owner, self.now)
        event = words.about(detail_type, key, occasion, words.action(CORRECT, key), **more)
        return with_cause(event, self.requester)

    def _task(self, drifts: Sequence[Drift]) -> JSON:
        reason = "; ".join(drift.says for drift in drifts)
        action = {"action": CORRECT, "asked": self.requester, "reason": reason}
        return {"action": action, "execution_arn": self.lease.owner}
