"""A customer's record in the Customers table: the desired state, and how an event changes it.

customer_id plan status        the contract: a plain PutItem of these is a complete new truth
name tags                      optional
key_value_secret               optional: the Secrets Manager secret that holds an own value
plan_key status_reason         how, and why, the last event wanted its change
rotation                       {requested_at, overlap_hours?, reason?, undone?}
expires_at                     when the customer is suspended by itself: ISO 8601, a day, or never
quota_extension                requests for more quota (extension.py); they add up, so none is dated
billing                        what is known of its payments (billing.py)
keys                           optional: how many keys the customer has (1)
recorded {field: {value, at}}  what the last event said and when; a field that differs from it
                               was changed by hand and is dated by its stream record;
                               `changes`: the last ones, so that one can be undone (changes.py)
asked {field: {event_id, …}}   which event brought the field its value, for the ledger
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from keyward.customers.billing import Billing, billing_of
from keyward.customers.changes import FIELDS, Changes
from keyward.customers.key import KeyRecord
from keyward.customers.quota import Extension, extensions_of, requested
from keyward.customers.rotation import RotationRequest, rotation_of
from keyward.customers.updates import NEVER, undone_by, updates_from
from keyward.customers.usage import KeyUsage
from keyward.errors import InvalidRecordError, RecordUndatedError
from keyward.events.contracts import CustomerEvent
from keyward.events.fields import CUSTOMER_ID, NEVER_EXPIRES, moment

JSON = dict[str, Any]

# A rotation doubles them for a while, and outcomes are announced ten at a time.
MOST_KEYS = 5
STATUSES = ("active", "suspended", "closed")
DATED_FIELDS = ("plan", "status", "rotation", "name", "tags", "expires_at", "billing")


@dataclass(frozen=True)
class Customer:
    """The desired state of one customer, checked. `plan` and `status` are None while only later
    events of its life have arrived, and the sign-up has not."""

    customer_id: str
    plan: str | None
    status: str | None
    name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    key_value_secret: str | None = None
    status_reason: str | None = None
    expires_at: int | None = None
    billing: Billing = field(default_factory=Billing)
    plan_key: str | None = None
    plan_at: int | None = None
    rotation: RotationRequest | None = None
    keys: int = 1
    extensions: tuple[Extension, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the sign-up is known, so that something can be desired at all."""
        return self.plan is not None and self.status is not None


@dataclass(frozen=True)
class TimedValue:
    """What is known of a field that was put by hand: its value and the time of its stream record
    (epoch seconds)."""

    value: Any
    at: int


@dataclass(frozen=True)
class KeyRecords:
    """All that is known of a customer's keys; `outbox` maps a record's name to an announcement.
    `last_number` is that of the last key that was deleted, 0 for none: numbers never come again.
    `told` are the marks of the notices that the customer was given, `due_at` is when something
    becomes of the customer by itself (epoch seconds), as was noted."""

    keys: tuple[KeyRecord, ...] = ()
    last_number: int = 0
    told: frozenset[str] = frozenset()
    due_at: int | None = None
    outbox: Mapping[str, JSON] = field(default_factory=dict)
    dated: Mapping[str, TimedValue] = field(default_factory=dict)
    usage: tuple[KeyUsage, ...] = ()


@dataclass(frozen=True)
class AppliedEvent:
    """An event applied: the new record, and the fields for which a newer change was known
    already."""

    record: JSON
    ignored: tuple[str, ...] = ()


def customer_of(record: JSON) -> Customer:
    """The customer that a record states. Raises InvalidRecordError, which names the attribute."""
    customer_id = record.get("customer_id")
    if not isinstance(customer_id, str) or not CUSTOMER_ID.fullmatch(customer_id):
        raise InvalidRecordError(
            "customer_id", "is malformed", f"Give a text that matches {CUSTOMER_ID.pattern}"
        )
    for name in ("plan", "status"):
        if record.get(name) is None and not record.get("recorded"):
            raise InvalidRecordError(
                name, "is missing", "A record needs customer_id, plan and status"
            )
    return Customer(
        customer_id=customer_id,
        plan=_text(record, "plan"),
        status=_status(record),
        name=_text(record, "name"),
        tags=_tags(record),
        key_value_secret=_text(record, "key_value_secret"),
        status_reason=_text(record, "status_reason"),
        expires_at=_expires_at(record),
        billing=billing_of(record.get("billing")),
        plan_key=_text(record, "plan_key"),
        plan_at=_told_at(record, "plan"),
        rotation=rotation_of(record.get("rotation")),
        keys=_keys(record),
        extensions=extensions_of(record),
    )


def apply_event(
    record: JSON | None, event: CustomerEvent, dated: Mapping[str, TimedValue]
) -> AppliedEvent:
    """The record after the event: newer wins, field by field; a tie goes to the later arrival.

    `dated` tells when fields that were put by hand got their value. The same event twice gives the
    same record. Raises RecordUndatedError when a date is not known yet, InvalidEventError for an
    undo that finds nothing.
    """
    before = dict(record or {"customer_id": event.customer_id})
    times = {name: _time(before, name, dated) for name in DATED_FIELDS}
    after, ignored = before | requested(before, event), []
    changes = _known_changes(before, times)
    for name, (at, values) in updates_from(event, before).items():
        if name in FIELDS:
            changes = changes.changed(name, at, values)
        elif name != "billing" and at < times[name]:
            ignored.append(name)
        else:
            times[name] = max(at, times[name])
            _overwrite(after, name, values)
    if event.detail_type == "UndoRequested":
        changes = undone_by(changes, event)
    for name, in_force in changes.in_force().items():
        if (in_force.at, {**in_force.values}) != (times[name], _standing(before, name)):
            times[name] = in_force.at
            _overwrite(after, name, in_force.values)
    after |= _asked(before, after, event)
    ignored += _overruled(event, before, changes)
    after["recorded"] = _recorded(after, times) | {"changes": changes.as_json()}
    return AppliedEvent(after, tuple(ignored))


def manual_fields(record: JSON) -> dict[str, Any]:
    """The fields of a record that were put by hand, with their values."""
    recorded = record.get("recorded") or {}
    return {
        name: record[name]
        for name in DATED_FIELDS
        if name in record and recorded.get(name, {}).get("value", _ABSENT) != record[name]
    }


_ABSENT = object()
_COMPANIONS = {"plan": ("plan_key",), "status": ("status_reason",)}


def _known_changes(before: JSON, times: Mapping[str, int]) -> Changes:
    """The changes that the record tells of, and among them what was put by hand."""
    changes = Changes.of((before.get("recorded") or {}).get("changes", ()))
    told = changes.in_force()
    for name in FIELDS:
        standing = name in told and told[name].values[name] == before.get(name)
        if name in before and not (standing and told[name].at == times[name]):
            changes = changes.changed(name, times[name], _standing(before, name))
    return changes


def _overruled(event: CustomerEvent, before: JSON, changes: Changes) -> list[str]:
    """Which wishes of the event are not in force, as a newer change or an undo overrules them."""
    in_force = changes.in_force()
    return [
        name
        for name, (at, values) in updates_from(event, before).items()
        if name in FIELDS and (at > NEVER + 1) and in_force[name].values != values
    ]


def _recorded(after: JSON, times: Mapping[str, int]) -> JSON:
    return {
        name: {"value": after.get(name), "at": times[name]}
        for name in DATED_FIELDS
        if name in after
    }


def _asked(before: JSON, after: JSON, event: CustomerEvent) -> JSON:
    """Who asked for each field: the event that changed it, so that a repeat leaves the first."""
    told = {
        "by": "event",
        "event_id": event.event_id,
        "detail_type": event.detail_type,
        "source": event.source,
        "recorded_at": event.recorded_at,
    }
    by = {name: value for name, value in told.items() if value is not None}
    kept = {name: who for name, who in before.get("asked", {}).items() if name in after}
    new = {name: by for name in DATED_FIELDS if before.get(name) != after.get(name)}
    return {"asked": kept | new} if kept | new else {}


def _standing(record: JSON, name: str) -> JSON:
    """A field with what goes with it, as it stands in the record."""
    parts = (name, *_COMPANIONS.get(name, ()))
    return {part: record[part] for part in parts if part in record}


def _overwrite(after: JSON, name: str, values: Mapping[str, Any]) -> None:
    for companion in _COMPANIONS.get(name, ()):
        after.pop(companion, None)
    after.update(values)


def _told_at(record: JSON, name: str) -> int | None:
    """When an event said the field's value; None for one that was put by hand."""
    recorded = (record.get("recorded") or {}).get(name)
    return int(recorded["at"]) if recorded and recorded["value"] == record.get(name) else None


def _time(record: JSON, name: str, dated: Mapping[str, TimedValue]) -> int:
    """When the field got its value; NEVER when it has none."""
    if name not in record:
        return NEVER
    recorded = (record.get("recorded") or {}).get(name)
    if recorded and recorded["value"] == record[name]:
        return int(recorded["at"])
    known = dated.get(name)
    if known is None or known.value != record[name]:
        raise RecordUndatedError(f"{name}: was put by hand and its stream record was not seen yet")
    return known.at


def _text(record: JSON, name: str) -> str | None:
    value = record.get(name)
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise InvalidRecordError(name, "is not a text", f"Store {name} as a non-empty text")
    return value


def _status(record: JSON) -> str | None:
    status = record.get("status")
    if status is not None and status not in STATUSES:
        raise InvalidRecordError("status", "is not known", f"Use one of {', '.join(STATUSES)}")
    return status


def _expires_at(record: JSON) -> int | None:
    value = record.get("expires_at")
    if value in (None, NEVER_EXPIRES):
        return None
    try:
        return moment(value)
    except ValueError:
        raise InvalidRecordError(
            "expires_at", "is no time", f"Write ISO 8601, a day YYYY-MM-DD, or {NEVER_EXPIRES}"
        ) from None


def _keys(record: JSON) -> int:
    number = record.get("keys", 1)
    if isinstance(number, bool) or number not in range(1, MOST_KEYS + 1):
        raise InvalidRecordError("keys", "is no number of keys", f"Use 1 to {MOST_KEYS}")
    return int(number)


def _tags(record: JSON) -> dict[str, str]:
    tags = record.get("tags") or {}
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise InvalidRecordError("tags", "is not a map of texts", "Store tags as a map of texts")
    return tags
