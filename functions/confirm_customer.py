"""Confirm customer: what was done and is still to be announced."""

from __future__ import annotations

from typing import Any

from keyward.aws.bus import BATCH
from keyward.aws.tables import Lease, Registry
from keyward.events import contracts
from keyward.runs import runtime


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease}`; output `{events, records}`."""
    return confirm(event, runtime.registry(), runtime.setting("EVENT_BUS"), runtime.now())


def confirm(task: dict[str, Any], registry: Registry, bus_name: str, now: float) -> dict[str, Any]:
    """`{events: [PutEvents entries], records: [names in the outbox]}`, at most as many as one call
    of PutEvents takes: the outbox keeps the rest for the next run. Raises LeaseLostError."""
    registry.leases.renew(Lease.of(task), now)
    known = registry.customers.known(contracts.parse_customer_id(task))
    waiting = sorted(known.outbox.items())[:BATCH]
    return {
        "events": [contracts.entry(announced, bus_name) for _, announced in waiting],
        "records": [name for name, _ in waiting],
    }
