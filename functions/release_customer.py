"""Release customer: forget what was announced, give the lease back."""

from __future__ import annotations

from typing import Any

from keyward import contracts, runtime
from keyward.registry import Lease, Registry


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, records}`; output `{again}`."""
    return release(event, runtime.registry())


def release(task: dict[str, Any], registry: Registry) -> dict[str, Any]:
    """`again`: somebody asked for this customer meanwhile; the lease is kept and the run starts
    over."""
    registry.customers.announced(contracts.customer_id_of(task), list(task.get("records") or []))
    return {"again": not registry.leases.release(Lease.of(task))}
