"""Parse a customer's record of the Customers table, the desired state, and apply events to it.

customer_id plan|plans status  the contract: a plain PutItem of these is a complete new truth
name description tags          optional: what the keys say of themselves
keys key_id                    optional: how many keys (1); one that there is on API Gateway
key_value_secret               optional: the Secrets Manager secrets that hold own values
expires_at                     when the customer is suspended by itself: ISO 8601, a day, or never

The rest stands in the item under `keyward` (bookkeeping.py):
plan_key status_reason         how, and why, the last event wanted its change
rotation                       {requested_at, overlap_hours?, reason?, leaked?, leaked_at?, undone?}
quota_extension billing        requests that add up (quota.py), facts of payments (billing.py)
recorded {field: {value, at}}  what the last event said and when; a field that differs from it
                               was changed by hand and is dated by its stream record;
                               `changes`: the last ones, so that one can be undone (changes.py)
asked {field: {event_id, …}}   which event brought the field its value, for the ledger
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from keyward.customers import bookkeeping
from keyward.customers.actions import ANSWERED
from keyward.customers.attributes import (
    expires_of,
    heard_at_of,
    key_id_of,
    keys_of,
    secrets_of,
    status_of,
    tags_of,
    text_of,
)
from keyward.customers.billing import Billing, billing_of
from keyward.customers.changes import FIELDS, Changes, holds
from keyward.customers.key import KeyRecord
from keyward.customers.plans import PLANS, as_record, is_complete, one_field, plans_of
from keyward.customers.quota import Extension, extensions_of, requested
from keyward.customers.rotation import RotationRequest, rotation_of
from keyward.customers.updates import NEVER, check_plans, requester_in, undone_by, updates_from
from keyward.customers.usage import KeyUsage
from keyward.errors import InvalidRecordError, RecordUndatedError
from keyward.events.contracts import CustomerEvent
from keyward.events.fields import CUSTOMER_ID
from keyward.events.storm import Storm
from keyward.values import JSON, frozen

if TYPE_CHECKING:
    from keyward.customers.removal import Removal

# What keys say of their customer.
LABELS = ("name", "description", "tags")
_ABOUT = (*LABELS, "expires_at", "keys", "key_id")
# The last edition gave these no date, so records of it have none: any event wins.
_UNDATED = ("keys", "key_id")
DATED_FIELDS = ("plan", "status", "rotation", *_ABOUT, "billing")
_PUT_BY_HAND = (*DATED_FIELDS, PLANS)


@frozen
class Customer:
    """The desired state of one customer, checked. Before the sign-up `plans` is empty or `status`
    is None; `heard_at` (epoch seconds) is when the first event came."""

    customer_id: str
    plans: tuple[str, ...]
    status: str | None
    name: str | None = None
    description: str | None = None
    tags: Mapping[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    status_reason: str | None = None
    expires_at: int | None = None
    expires_said_at: int | None = None
    billing: Billing = field(default_factory=Billing)
    plan_key: str | None = None
    plan_at: int | None = None
    labels_at: int | None = None
    status_at: int | None = None
    rotation: RotationRequest | None = None
    keys: int = 1
    key_id: str | None = None
    heard_at: int | None = None
    extensions: tuple[Extension, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the sign-up has arrived: before it, nothing is desired."""
        return bool(self.plans) and self.status is not None


@frozen
class TimedValue:
    """The value of a field that was put by hand, and when (its stream record, epoch seconds)."""

    value: Any
    at: int


@frozen
class KeyRecords:
    """What is known of a customer's keys. `last_number` is that of the last deleted key, 0 for
    none. `due_at` is when a run is due, `waits_since` since when a key waits for room (epoch
    seconds). `storm` is what others did since the last look, `adopted` ids of keys now deleted."""

    keys: tuple[KeyRecord, ...] = ()
    last_number: int = 0
    notice_marks: frozenset[str] = frozenset()
    due_at: int | None = None
    waits_since: int | None = None
    outbox: Mapping[str, JSON] = field(default_factory=dict)
    dated: Mapping[str, TimedValue] = field(default_factory=dict)
    usage: tuple[KeyUsage, ...] = ()
    removal: Removal | None = None
    storm: Storm | None = None
    adopted: frozenset[str] = frozenset()

    def in_force(self, record: JSON | None) -> JSON | None:
        """The record that counts, which may have been removed from the table (removal.py)."""
        return self.removal.in_force(record) if self.removal else record


@frozen
class AppliedEvent:
    """The record after an event, and the fields of the event that a newer change overrules."""

    record: JSON
    ignored: tuple[str, ...] = ()


def customer_of(record: JSON) -> Customer:
    """Parse a customer's record. Raises InvalidRecordError, which names the attribute."""
    bookkeeping.check(record, _PUT_BY_HAND)
    customer_id = record.get("customer_id")
    if not isinstance(customer_id, str) or not CUSTOMER_ID.fullmatch(customer_id):
        problem = f"must match {CUSTOMER_ID.pattern}"
        raise InvalidRecordError("customer_id", problem, "Put the record under such an id")
    for name, value in (("plan", one_field(record).get("plan")), ("status", record.get("status"))):
        if value is None and not record.get("recorded"):
            raise InvalidRecordError(name, "must be given", "Put customer_id, plan and status")
    return Customer(
        customer_id=customer_id,
        plans=plans_of(record),
        status=status_of(record),
        name=text_of(record, "name"),
        description=text_of(record, "description"),
        tags=tags_of(record),
        secrets=secrets_of(record),
        status_reason=text_of(record, "status_reason"),
        expires_at=expires_of(record),
        expires_said_at=_recorded_at(record, "expires_at"),
        billing=billing_of(record.get("billing")),
        plan_key=text_of(record, "plan_key"),
        plan_at=_recorded_at(one_field(record), "plan"),
        labels_at=max((_recorded_at(record, name) or 0 for name in LABELS), default=None),
        status_at=_recorded_at(record, "status"),
        rotation=rotation_of(record.get("rotation")),
        keys=keys_of(record),
        key_id=key_id_of(record),
        extensions=extensions_of(record),
        heard_at=heard_at_of(record),
    )


def apply_event(
    record: JSON | None, event: CustomerEvent, dated: Mapping[str, TimedValue]
) -> AppliedEvent:
    """Apply an event to a record: newer wins, field by field; a tie goes to the later arrival.
    Idempotent. `dated` tells when fields that were put by hand got their value. Raises
    RecordUndatedError when such a date is not known yet, InvalidEventError for an undo that finds
    nothing, InvalidRecordError for a record that cannot be read."""
    bookkeeping.check(record or {}, _PUT_BY_HAND)
    before = one_field(record or {"customer_id": event.customer_id})
    times = {name: _time(before, name, dated) for name in DATED_FIELDS}
    after, ignored, status_at = before | requested(before, event), [], times["status"]
    changes = _known_changes(before, times)
    for name, (at, values) in updates_from(event, before).items():
        if name in FIELDS:
            changes = changes.changed(name, at, values)
        # Facts about payments add up in any order (billing.py): none comes too late.
        elif name != "billing" and at < times[name]:
            ignored.append(name)
        else:
            times[name] = max(at, times[name])
            _overwrite(after, name, values)
    if event.detail_type == "UndoRequested":
        changes = undone_by(changes, event)
    check_plans(event, before, changes.in_force())
    for name, in_force in changes.in_force().items():
        if (in_force.at, {**in_force.values}) != (times[name], _standing(before, name)):
            times[name] = in_force.at
            _overwrite(after, name, in_force.values)
    is_resumed = event.detail_type == "CustomerResumed" and times["status"] > status_at
    after |= _requesters(before, after, event, is_resumed)
    ignored += _overruled(event, before, changes)
    after["recorded"] = _recorded(after, times) | {"changes": changes.as_json()}
    return AppliedEvent(as_record(after), tuple(ignored))


def manual_fields(record: JSON) -> dict[str, Any]:
    """The fields of a record that were put by hand, with their values. Raises
    InvalidRecordError."""
    bookkeeping.check(record, _PUT_BY_HAND)
    record = one_field(record)
    recorded = record.get("recorded") or {}
    return {
        name: record[name]
        for name in DATED_FIELDS
        if name in record and recorded.get(name, {}).get("value", _ABSENT) != record[name]
    }


_ABSENT = object()
_COMPANIONS = {"plan": ("plan_key",), "status": ("status_reason",)}


def _known_changes(before: JSON, times: Mapping[str, int]) -> Changes:
    """The changes in the record, with those that were put by hand."""
    changes = Changes.of((before.get("recorded") or {}).get("changes", ()))
    in_force = changes.in_force()
    for name in FIELDS:
        standing = name in in_force and in_force[name].values[name] == before.get(name)
        if name in before and not (standing and in_force[name].at == times[name]):
            changes = changes.changed(name, times[name], _standing(before, name))
    return changes


def _overruled(event: CustomerEvent, before: JSON, changes: Changes) -> list[str]:
    """The fields of the event that a newer change or an undo overrules."""
    in_force = changes.in_force()
    return [
        name
        for name, (at, values) in updates_from(event, before).items()
        if name in FIELDS and (at > NEVER + 1) and not holds(in_force.get(name), values)
    ]


def _recorded(after: JSON, times: Mapping[str, int]) -> JSON:
    return {
        name: {"value": after.get(name), "at": times[name]}
        for name in DATED_FIELDS
        if name in after or times[name] > NEVER
    }


def _requesters(before: JSON, after: JSON, event: CustomerEvent, is_resumed: bool) -> JSON:
    """The attribute `asked`: the event that changed each field; before the sign-up also one that
    changed none, as it waits for an answer. A repeat keeps the first event. CustomerResumed of an
    active customer counts anew: it lets keys work that somebody disabled."""
    is_waiting, kept = not is_complete(after), before.get("asked") or {}
    requesters = {name: kept[name] for name in kept if name in after or is_waiting}
    fields = dict.fromkeys((*DATED_FIELDS, *ANSWERED))
    changed = [n for n in fields if before.get(n) != after.get(n)] + ["status"] * is_resumed
    unheard = [] if changed or requesters or not is_waiting else updates_from(event, before)
    requesters |= dict.fromkeys([*changed, *unheard], requester_in(event))
    return {"asked": requesters} if requesters else {}


def _standing(record: JSON, name: str) -> JSON:
    """A field of the record, with the attributes that go with it."""
    parts = (name, *_COMPANIONS.get(name, ()))
    return {part: record[part] for part in parts if part in record}


def _overwrite(after: JSON, name: str, values: Mapping[str, Any]) -> None:
    for companion in _COMPANIONS.get(name, ()):
        after.pop(companion, None)
    after.update(values)


def _recorded_at(record: JSON, name: str) -> int | None:
    """When an event set the field's value; None for a value that was put by hand."""
    recorded = (record.get("recorded") or {}).get(name)
    return int(recorded["at"]) if recorded and recorded["value"] == record.get(name) else None


def _time(record: JSON, name: str, dated: Mapping[str, TimedValue]) -> int:
    """When the field got its value, or lost it by a record put without it; NEVER for neither."""
    recorded = (record.get("recorded") or {}).get(name)
    if name not in record:
        if recorded and recorded["value"] is None:
            return int(recorded["at"])
        return _put_at(record, dated)
    if recorded and recorded["value"] == record[name]:
        return int(recorded["at"])
    timed = dated.get(name)
    if timed is None and name in _UNDATED:
        return NEVER
    if timed is None or timed.value != record[name]:
        raise RecordUndatedError(f"{name}: was put by hand, and its stream record has not come yet")
    return timed.at


def _put_at(record: JSON, dated: Mapping[str, TimedValue]) -> int:
    """When a record that no event has changed was put; NEVER for any other record."""
    by_hand = "plan" in record and not record.get("recorded")
    return _time(record, "plan", dated) if by_hand else NEVER
