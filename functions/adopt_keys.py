"""Adopt keys: take keys that somebody else made into the records, some customers at a time."""

from __future__ import annotations

import hashlib
from typing import Any

from keyward.audit import parts
from keyward.audit.adopt import Adoption, refusal
from keyward.aws.bus import Bus
from keyward.aws.tables import Registry
from keyward.policy.model import Policy
from keyward.runs import runtime
from keyward.runs.ledger import AUDIT, key_line

SECONDS = 60


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{audit, batch}`; output `{adopted}`: how many keys. No call of API Gateway."""
    adoptions = parts.adoptions_of(event["audit"], int(event["batch"]), runtime.audits())
    taker = Taker(runtime.registry(), runtime.bus(), runtime.policy(), event["audit"])
    machine = runtime.setting("RECONCILE_CUSTOMER_ARN")
    return {"adopted": sum(taker.take(one, machine, runtime.now()) for one in adoptions)}


class Taker:
    """Adopts for one audit."""

    def __init__(self, registry: Registry, bus: Bus, policy: Policy, audit: str) -> None:
        self._registry = registry
        self._bus = bus
        self._policy = policy
        self._owner = f"adopt-keys:{audit}"

    def take(self, adoption: Adoption, machine_arn: str, now: float) -> int:
        """How many keys were adopted at `now` (epoch seconds): all of the customer's or none. None
        while another run has the customer, and when the records have changed so that something
        would have to be done with the keys. A repeat adopts nothing twice."""
        name, leases = f"customer#{adoption.customer_id}", self._registry.leases
        # Word left with an earlier try of this task; `acquire` clears it.
        if leases.rerun_requested(name, self._owner):
            self._start(adoption.customer_id, machine_arn)
        lease = leases.acquire(name, self._owner, now, SECONDS)
        if lease is None:
            return 0
        customers = self._registry.customers
        desired = customers.desired(adoption.customer_id)
        known = customers.known(adoption.customer_id)
        why = refusal(adoption, desired, known, self._policy, now)
        done = False
        if why is None:
            record = adoption.record if desired is None else None
            done = customers.adopt(record, adoption.keys, lease, self._lines(adoption, now))
        here = done or {key.key_id for key in adoption.keys} <= {key.key_id for key in known.keys}
        # Started before word is cleared: who dies between leaves the word to the next try. The run
        # takes the lease over, as this owner is no execution.
        if leases.rerun_requested(name, self._owner) or (here and adoption.record is None):
            self._start(adoption.customer_id, machine_arn)
        while not leases.release(lease):
            self._start(adoption.customer_id, machine_arn)
        return len(adoption.keys) if done else 0

    def _lines(self, adoption: Adoption, now: float) -> list[dict[str, Any]]:
        action = {"action": "adopt_key", "asked": {"by": AUDIT}}
        task = {"action": action, "execution_arn": self._owner}
        lines = [key_line(task, None, key, now) for key in adoption.keys]
        return [line for line in lines if line]

    def _start(self, customer_id: str, machine_arn: str) -> None:
        """A run for who left word meanwhile, and to note when something is due."""
        digest = hashlib.sha256(f"{self._owner} {customer_id}".encode()).hexdigest()[:16]
        task = {"customer_id": customer_id, "asked": {"by": AUDIT}}
        self._bus.start(machine_arn, f"adopted-{customer_id[:40]}-{digest}", task)
