"""One action of a run of reconcile-customer for acme, and what it leaves to be told."""

from __future__ import annotations

from typing import Any

from keyward.runs.keys.step import KeyStep
from keyward.values import JSON
from tests.machines.life_lab import LifeLab

ARN = "arn:aws:states:us-east-1:123456789012:execution:reconcile-customer:run-1"
ASKED: JSON = {"by": "event", "event_id": "e1", "detail_type": "CustomerSuspended", "source": "x"}


def step(life: LifeLab, number: int = 1, is_of_gateway: bool = True, **action: Any) -> KeyStep:
    """An action on the key of this number, by a run that has the customer's lease."""
    context, now = life.bench.context(), life.bench.clock.now()
    lease = context.registry.leases.acquire("customer#acme", ARN, now)
    assert lease
    about: JSON = {"action": "disable_key", "number": number, "asked": ASKED} | action
    task = {"customer_id": "acme", "lease": lease.as_json(), "execution_arn": ARN, "action": about}
    return KeyStep.begin(task, context, context.policy if is_of_gateway else None)


def waiting(life: LifeLab) -> list[JSON]:
    """The announcements that wait in the customer's outbox."""
    return list(life.bench.registry.customers.load_keys("acme").outbox.values())


def last_line(life: LifeLab) -> JSON:
    """The customer's newest line of the ledger."""
    return life.bench.registry.ledger.of("customer#acme")[-1]
