"""The adapter to what Keyward remembers: DynamoDB tables and the policy parameter."""

from __future__ import annotations

from dataclasses import dataclass

from keyward.aws.bucket import Audits
from keyward.aws.parameter import Policies
from keyward.aws.tables.apis import Apis
from keyward.aws.tables.call_schedule import CallSchedule
from keyward.aws.tables.customers import AccountRecords, Customers
from keyward.aws.tables.edits import Edits
from keyward.aws.tables.imports import Imports
from keyward.aws.tables.leases import Lease, Leases
from keyward.aws.tables.ledger import Ledger
from keyward.aws.tables.marks import Marks
from keyward.aws.tables.notices import Notices
from keyward.aws.tables.plan_queue import PlanQueue
from keyward.aws.tables.plans import Plans
from keyward.aws.tables.storms import Storms
from keyward.aws.tables.usage import UsageRecords

__all__ = [
    "AccountRecords",
    "Apis",
    "Audits",
    "CallSchedule",
    "Customers",
    "Edits",
    "Imports",
    "Lease",
    "Leases",
    "Ledger",
    "Marks",
    "Notices",
    "PlanQueue",
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
    imports: Imports
    schedule: CallSchedule
    marks: Marks
    plans: Plans
    apis: Apis
    policies: Policies
    storms: Storms
    edits: Edits
    pending: PlanQueue
    ledger: Ledger
    usage: UsageRecords
    notices: Notices
