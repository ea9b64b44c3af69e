"""Start due work: a run for each customer for whom a time has come. Every minute, one query."""

from __future__ import annotations

import hashlib
from typing import Any

from keyward.aws.bus import Bus
from keyward.aws.tables import Registry
from keyward.runs import runtime
from keyward.runs.ledger import SCHEDULE

# So that a thousand keys that were made in one hour do not use up the account's calls in another.
MOST_A_MINUTE = 100
# A run that failed is tried again; one that did its work has noted another time by then.
AGAIN_SECONDS = 3600


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Input: anything; output `{started}`."""
    machine = runtime.setting("RECONCILE_CUSTOMER_ARN")
    return start(runtime.registry(), runtime.bus(), machine, runtime.now())


def start(registry: Registry, bus: Bus, machine_arn: str, now: float) -> dict[str, Any]:
    """The name of a run comes from the customer and the time, so that twice is once."""
    started = 0
    for customer_id, due_at in registry.customers.due(now, MOST_A_MINUTE):
        digest = hashlib.sha256(customer_id.encode()).hexdigest()[:12]
        name = f"due-{customer_id[:40]}-{digest}-{due_at}"
        task = {"customer_id": customer_id, "asked": {"by": SCHEDULE}}
        started += bus.start(machine_arn, name, task)
        registry.customers.postpone_due(customer_id, due_at, now + AGAIN_SECONDS)
    return {"started": started}
