"""Release customer: forget what was announced, note when to look again, give the lease back."""

from __future__ import annotations

from typing import Any

from keyward.aws.bus import BATCH
from keyward.aws.tables import Lease, Registry
from keyward.customers.model import customer_of
from keyward.customers.plan import due_at
from keyward.errors import InvalidRecordError
from keyward.events import contracts
from keyward.policy.model import Policy
from keyward.runs import runtime


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, records, planned_at?}`; output `{again}`."""
    return release(event, runtime.registry(), runtime.policy(), runtime.now())


def release(task: dict[str, Any], registry: Registry, policy: Policy, now: float) -> dict[str, Any]:
    """`again`: somebody asked for this customer meanwhile, or more waits in the outbox than one
    call announces; the lease is kept and the run starts over."""
    customer_id, lease = contracts.parse_customer_id(task), Lease.of(task)
    records = list(task.get("records") or [])
    registry.customers.announced(customer_id, records)
    if len(records) >= BATCH and registry.leases.holder(lease.name) == lease:
        return {"again": True}
    # What becomes due while the run is at work is due at once.
    planned_at = float(task.get("planned_at", now))
    _note_due(customer_id, registry, lease, policy, planned_at)
    return {"again": not registry.leases.release(lease)}


def _note_due(
    customer_id: str, registry: Registry, lease: Lease, policy: Policy, planned_at: float
) -> None:
    record = registry.customers.desired(customer_id)
    if record is None:
        return
    known = registry.customers.known(customer_id)
    try:
        due = due_at(customer_of(record), known.keys, policy, planned_at)
    except InvalidRecordError:
        # Put just now: the run that this starts says so.
        return
    if known.due_at != (None if due is None else int(due)):
        registry.customers.note_due(customer_id, due, lease)
