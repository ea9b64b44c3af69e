"""Decide what stops a key at somebody's word, or because it leaked: it waits for nobody. Pure."""

from __future__ import annotations

from collections.abc import Iterable

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


def is_order(customer: Customer, actions: Iterable[JSON], by_itself: bool) -> bool:
    """Whether a plan's `actions` stop a key at somebody's word. A run that began `by_itself` ends
    keys by the clock, perhaps thousands at once: those take their turns."""
    if customer.status in ("suspended", "closed"):
        return True
    stopping = [action for action in actions if action["action"] == "disable_key"]
    return any(not by_itself or _is_leaked(action) for action in stopping)


def _is_leaked(action: JSON) -> bool:
    """Whether the key leaked, is disabled for good, and has no successor yet."""
    return bool(action.get("retire")) and "replaced_by" not in action


def _strictness(customer: Customer, policy: Policy, now: float) -> int:
    return STRICTER[desired_state(customer, policy, now).status or "active"]
