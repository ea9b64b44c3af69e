"""A customer's keys looked at on API Gateway before they are planned for: a repair trusts no
record. What the records have wrong is put right, so that the planner sees the difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from keyward.aws.gateway import Gateway, GatewayKey
from keyward.aws.tables import Customers, Lease
from keyward.customers import words as key_words
from keyward.customers.drift import Compared, Drift, GatewayState, compared
from keyward.customers.key import CREATED, DELETED, KeyRecord
from keyward.customers.model import KeyRecords
from keyward.events.contracts import iso
from keyward.policy.model import Policy
from keyward.runs.ledger import key_line

JSON = dict[str, Any]
CORRECT = "correct_record"
BY_HAND = "it was deleted on API Gateway by somebody else"


@dataclass(frozen=True)
class KeyRefresher:
    """Looks for one customer at `now` (epoch seconds)."""

    gateway: Gateway
    policy: Policy
    now: float

    def correct(
        self,
        known: KeyRecords,
        customer_id: str,
        customers: Customers,
        lease: Lease | None,
        asked: JSON,
    ) -> KeyRecords:
        """What is known, corrected, and, under a lease, written. Raises LeaseLostError and what the
        gateway raises."""
        looked = self.look(customer_id, known)
        after = corrected(known, looked)
        if lease is None:
            return after
        correction = Correction(customers, lease, asked, after.last_number, self.now)
        for one in looked:
            if one.key is None:
                correction.of_gone(one.doubts[0])
            elif one.doubts:
                correction.of(one.key, one.doubts)
        return replace(after, outbox=customers.known(customer_id).outbox)

    def look(self, customer_id: str, known: KeyRecords) -> list[Compared]:
        """Every key record against the gateway. No call without a key that was made; else one, and
        one more for each such key. Raises what the gateway raises."""
        made = [key for key in known.keys if key.state == CREATED and key.key_id]
        seen = {key.key_id: key for key in self.gateway.keys_of(customer_id)} if made else {}
        looks = {key.number: self._look(key, seen) for key in made}
        return [compared(key, looks.get(key.number), self.policy) for key in known.keys]

    def _look(self, key: KeyRecord, seen: Mapping[str, GatewayKey]) -> GatewayState:
        """A key that is found neither by its customer nor by its name, and is in no plan, is gone:
        at least nobody could use it."""
        key_id = str(key.key_id)
        plans = tuple(plan.name for plan in self.gateway.plans_of(key_id))
        there = seen.get(key_id) or self._by_name(key)
        if there is None:
            return GatewayState(there=bool(plans), plans=plans)
        return GatewayState(True, there.enabled, plans)

    def _by_name(self, key: KeyRecord) -> GatewayKey | None:
        found = self.gateway.all_keys_named(key.name)
        return next((seen for seen in found if seen.key_id == key.key_id), None)


def corrected(known: KeyRecords, looked: Sequence[Compared]) -> KeyRecords:
    """What is known, with the records as they should read: a number that was given is not given
    again."""
    last = max([known.last_number, *(key.number for key in known.keys)])
    kept = tuple(one.key for one in looked if one.key is not None)
    return replace(known, keys=kept, last_number=last)


@dataclass(frozen=True)
class Correction:
    """Writes a run's corrections, each with a line of the ledger; `last_number` is that of the
    customer's last key."""

    customers: Customers
    lease: Lease
    asked: JSON
    last_number: int
    now: float

    def of(self, key: KeyRecord, doubts: Sequence[Drift]) -> None:
        """The record was wrong, and is so now. Raises LeaseLostError."""
        line = key_line(self._task(doubts), doubts[0].key, key, self.now)
        self.customers.save_key(key, self.lease, line=line)

    def of_gone(self, doubt: Drift) -> None:
        """Forget a key that is gone; KeyRevoked says so. Raises LeaseLostError."""
        key = replace(doubt.key, reason=BY_HAND)
        line = key_line(self._task([doubt]), doubt.key, replace(key, state=DELETED), self.now)
        told = key_words.about(
            "KeyRevoked",
            key,
            self.lease.owner,
            [{"action": CORRECT, "key": key.name}],
            plan=key.plan,
            reason=BY_HAND,
            effective_by=iso(self.now),
        )
        when = f"{int(self.now * 1000):015d}#000"
        self.customers.save_tombstone(
            key, self.last_number, self.lease, self.now, [told], when, line
        )

    def _task(self, doubts: Sequence[Drift]) -> JSON:
        reason = "; ".join(doubt.says for doubt in doubts)
        action = {"action": CORRECT, "asked": self.asked, "reason": reason}
        return {"action": action, "execution_arn": self.lease.owner}
