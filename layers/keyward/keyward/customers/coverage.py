"""Which customers' keys a stage would refuse, as their plan does not cover it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keyward.customers.model import KeyRecords
from keyward.policy.model import Policy
from keyward.values import JSON

# So that an event stays small; the count tells of all.
MAX_CUSTOMERS = 100


def uncovered(
    records: Sequence[JSON],
    records_of: Mapping[str, KeyRecords],
    policy: Policy,
    api: tuple[str, str],
    stage: str,
) -> JSON:
    """Active customers with a key in a plan that does not cover the stage; `api` is its id and
    name."""
    active = {str(r["customer_id"]) for r in records if r.get("status") == "active"}
    found = [
        {"customer_id": customer_id, "key_id": key.key_id, "plan": key.plan}
        for customer_id, customer in sorted(records_of.items())
        if customer_id in active
        for key in customer.keys
        if key.key_id and key.plan and not _covers(policy, key.plan, api, stage)
    ]
    return {"customers": len(found), "listed": found[:MAX_CUSTOMERS]}


def _covers(policy: Policy, plan: str, api: tuple[str, str], stage: str) -> bool:
    wanted = policy.usage_plans.get(plan)
    return wanted is not None and wanted.covers(*api, stage)
