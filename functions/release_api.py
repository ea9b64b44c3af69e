"""Release API: forget what was announced, give the lease back."""

from __future__ import annotations

from typing import Any

from keyward.aws.tables import Lease, Registry
from keyward.events import contracts
from keyward.runs import runtime


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{rest_api_id, lease, records}`; output `{again}`."""
    return release(event, runtime.registry())


def release(task: dict[str, Any], registry: Registry) -> dict[str, Any]:
    """`again`: somebody asked for this API meanwhile, or more waits in the outbox than one call
    announces; the lease is kept and the run starts over."""
    rest_api_id, records = contracts.rest_api_id_of(task), list(task.get("records") or [])
    lease = Lease.of(task)
    if registry.leases.holder(lease.name) != lease:
        # A later run has the API: what waits in the outbox now may be its own, and newer.
        return {"again": False}
    registry.apis.forget(rest_api_id, records)
    if records and registry.apis.known(rest_api_id).outbox:
        return {"again": True}
    return {"again": not registry.leases.release(lease)}
