"""Decide whether a change of a customer's record stops a key: such a change waits for nobody.
Pure."""

from __future__ import annotations

from keyward.customers.desired import STRICTER, desired_state
from keyward.customers.model import Customer, customer_of
from keyward.errors import InvalidRecordError
from keyward.policy.model import Policy
from keyward.values import JSON


def stops_keys(before: JSON, after: JSON, policy: Policy, now: float) -> bool:
    """Whether `after` suspends or closes the customer, or says that its key leaked, and `before`
    did not. `now` is in epoch seconds. A record that cannot be understood stops nothing."""
    try:
        was, wanted = customer_of(before), customer_of(after)
    except InvalidRecordError:
        return False
    is_stricter = _strictness(wanted, policy, now) > _strictness(was, policy, now)
    request = wanted.rotation
    is_leak = request is not None and request.leaked and not request.undone
    return is_stricter or (is_leak and was.rotation != request)


def _strictness(customer: Customer, policy: Policy, now: float) -> int:
    return STRICTER[desired_state(customer, policy, now).status or "active"]
