"""The adapter to what Keyward remembers: DynamoDB tables and the policy parameter."""

from __future__ import annotations

from dataclasses import dataclass

from keyward.registry.apis import Apis
from keyward.registry.audits import Audits
from keyward.registry.customers import Customers
from keyward.registry.edits import Edits
from keyward.registry.leases import Lease, Leases
from keyward.registry.ledger import Ledger
from keyward.registry.notices import Notices
from keyward.registry.outcomes import Outcomes
from keyward.registry.pending import Pending
from keyward.registry.plans import Plans
from keyward.registry.policies import Policies
from keyward.registry.storms import Storms
from keyward.registry.usage import UsageRecords

__all__ = [
    "Apis",
    "Audits",
    "Customers",
    "Edits",
    "Lease",
    "Leases",
    "Ledger",
    "Notices",
    "Outcomes",
    "Pending",
    "Plans",
    "Policies",
    "Registry",
    "Storms",
    "UsageRecords",
]


@dataclass(frozen=True)
class Registry:
    """All that is remembered, by what it is about."""

    customers: Customers
    leases: Leases
    plans: Plans
    apis: Apis
    policies: Policies
    outcomes: Outcomes
    storms: Storms
    edits: Edits
    pending: Pending
    ledger: Ledger
    usage: UsageRecords
    notices: Notices
