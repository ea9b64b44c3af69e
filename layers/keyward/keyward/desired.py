"""What a customer is to have at a moment: the record, read with the clock. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from keyward.customer import Customer
from keyward.policy import Policy


@dataclass(frozen=True)
class Wanted:
    """The plan and status that are in force, and why when they are not the record's own.
    `changes_at` (epoch seconds) is when they change by themselves, None for never."""

    plan: str | None
    status: str | None
    reason: str | None = None
    changes_at: float | None = None


def wanted(customer: Customer, policy: Policy, now: float) -> Wanted:
    """What the customer is to have at `now` (epoch seconds)."""
    return Wanted(customer.plan, customer.status)
