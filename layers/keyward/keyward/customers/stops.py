"""Decide what stops a key at somebody's word, or because it leaked: it waits for nobody. Pure.

It counts in a record that cannot be read too, as a person may have broken it: whoever suspends or
closes the customer, or reports a leak, is obeyed. The rest of the record stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable

from keyward.customers import bookkeeping
from keyward.customers.desired import STRICTER, desired_state
from keyward.customers.model import Customer, customer_of
from keyward.customers.rotation import leak_at
from keyward.customers.updates import requester_in, updates_from
from keyward.errors import InvalidRecordError
from keyward.events.contracts import CustomerEvent
from keyward.policy.model import Policy
from keyward.values import JSON, stated

# No policy names such a plan: of a record that counts no more, only what stops keys does.
PLANLESS = "-"
REASON = "status_reason"
STOPS = ("CustomerSuspended", "CustomerClosed", "KeyRotationRequested")


def stops_keys(before: JSON, after: JSON, policy: Policy, now: float) -> bool:
    """Whether `after` suspends or closes the customer, or says that its key leaked, and `before`
    did not. `now` is in epoch seconds."""
    was, wanted = _readable(before), _readable(after)
    is_stricter = _strictness(wanted, policy, now) > _strictness(was, policy, now)
    leak, known = (c.rotation.leak_at if c and c.rotation else None for c in (wanted, was))
    return is_stricter or (leak is not None and leak != known)


def is_order(customer: Customer, actions: Iterable[JSON], by_itself: bool) -> bool:
    """Whether a plan's `actions` stop a key at somebody's word. A run that began `by_itself` ends
    keys by the clock, perhaps thousands at once: those take their turns."""
    if customer.status in ("suspended", "closed"):
        return True
    stopping = [action for action in actions if action["action"] == "disable_key"]
    return any(not by_itself or _is_leaked(action) for action in stopping)


def leak_in(record: JSON) -> JSON | None:
    """The request in a record, of any shape, which says that a key leaked; None without one."""
    try:
        at = leak_at(record.get("rotation"))
    except InvalidRecordError:
        return None
    return record["rotation"] if at is not None else None


def readable(record: JSON) -> tuple[JSON, InvalidRecordError | None]:
    """The record; or just what stops keys in it, and why the rest cannot be read. Raises
    InvalidRecordError where it cannot be read and stops nothing."""
    try:
        customer_of(record)
    except InvalidRecordError as error:
        found = stopping_part(record)
        if found is None:
            raise
        return found, error
    return record, None


def with_stop(record: JSON, event: CustomerEvent) -> JSON | None:
    """A record that cannot be read, with what the event stops; None where it stops nothing. It
    takes the place of no stricter or newer word. Idempotent."""
    if event.detail_type not in STOPS:
        return None
    [(name, (at, values))] = updates_from(event, {}).items()
    if name == "rotation" and leak_in(values) is None:
        return None
    if _is_outranked(record, values):
        return record
    rest = {other: value for other, value in record.items() if other != REASON or name != "status"}
    kept = bookkeeping.sound_part(record)
    new = {"recorded": {"value": values[name], "at": at}, "asked": requester_in(event)}
    return rest | values | {part: kept[part] | {name: new[part]} for part in kept}


def _is_outranked(record: JSON, values: JSON) -> bool:
    if "status" in values:
        return STRICTER[_status_in(record) or "active"] > STRICTER[values["status"]]
    leak = leak_in(record)
    return leak is not None and (leak_at(leak) or 0) > int(values["rotation"]["requested_at"])


def stopping_part(record: JSON) -> JSON | None:
    """What stops keys in a record, as a record that can be read; None where nothing does."""
    status, leak = _status_in(record), leak_in(record)
    if status is None and leak is None:
        return None
    part = stated({"customer_id": record.get("customer_id"), "rotation": leak, "status": status})
    part |= {"plan": PLANLESS} if status else {"recorded": {"rotation": {"value": leak, "at": 0}}}
    words = {REASON: record[REASON]} if REASON in record else {}
    for more in (words | bookkeeping.sound_part(record), {}):
        try:
            customer_of(part | more)
        except InvalidRecordError:
            continue
        return part | more
    return None


def _readable(record: JSON) -> Customer | None:
    try:
        return customer_of(readable(record)[0])
    except InvalidRecordError:
        return None


def _status_in(record: JSON) -> str | None:
    status = record.get("status")
    return status if status in ("suspended", "closed") else None


def _is_leaked(action: JSON) -> bool:
    """Whether the key leaked, is disabled for good, and has no successor yet."""
    return bool(action.get("retire")) and "replaced_by" not in action


def _strictness(customer: Customer | None, policy: Policy, now: float) -> int:
    status = desired_state(customer, policy, now).status if customer else None
    return STRICTER[status or "active"]
