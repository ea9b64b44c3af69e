"""Check what only Keyward writes into a record, and what nobody may. Pure.

A person may put a record of any shape. Whoever reads one calls `check` first, so the worst outcome
is an InvalidRecordError for that customer, and no reader has to expect any shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from keyward.customers.changes import Changes
from keyward.errors import InvalidRecordError
from keyward.events.key_value import refuse_values
from keyward.values import JSON, plain

# The range of DynamoDB's numbers is wider than that of times (epoch seconds).
MAX_AT = 10**12
# What is Keyward's own stands in the item under one attribute, by these names.
KEYWARD = "keyward"
MEMBERS = (
    *("status_reason", "plan_key", "rotation", "quota_extension", "billing", "recorded", "asked"),
)
WRONG = (ArithmeticError, AttributeError, KeyError, TypeError, ValueError)


def check(record: JSON, dated: Iterable[str]) -> None:
    """Check what only Keyward writes. Raise InvalidRecordError for a `recorded` or `asked` of
    another shape, for a key value anywhere, and for binary data in an attribute that is `dated`:
    the stream writes binary data otherwise than the table, so no date would ever fit."""
    refuse_values(record, "", InvalidRecordError)
    for name in dated:
        if not _is_plain(record.get(name)):
            raise InvalidRecordError(name, "must hold no binary data", "Correct or remove it")
    if not isinstance(record.get(KEYWARD) or {}, Mapping):
        raise InvalidRecordError(KEYWARD, "must be as Keyward wrote it", "Remove it")
    for name in OURS:
        if name not in sound_part(record):
            raise InvalidRecordError(name, "must be as Keyward wrote it", "Remove it")


def unpacked(item: JSON) -> JSON:
    """The record in an item of the Customers table: Keyward's own members beside the others. One
    that stands in the item itself wins: an earlier release wrote it, or a person put it."""
    ours = item.get(KEYWARD)
    if not isinstance(ours, Mapping):
        return item
    return {name: ours[name] for name in MEMBERS if name in ours} | item


def packed(record: JSON) -> JSON:
    """The item for a record."""
    ours = {name: record[name] for name in MEMBERS if name in record}
    item = {n: value for n, value in record.items() if n not in (*MEMBERS, KEYWARD)}
    return item | ({KEYWARD: ours} if ours else {})


def as_stored(record: JSON) -> JSON:
    """The attributes of the item that a record was unpacked from."""
    ours = record.get(KEYWARD)
    ours = ours if isinstance(ours, Mapping) else {}
    return {n: value for n, value in record.items() if n not in ours or value != ours[n]}


def sound_part(record: JSON) -> JSON:
    """Those of `recorded` and `asked` that are as Keyward wrote them, if empty."""
    return {name: record.get(name) or {} for name in OURS if OURS[name](record.get(name) or {})}


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, list | tuple | set):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | float | Decimal)


def _is_recorded(recorded: Any) -> bool:
    try:
        Changes.of(recorded.get("changes", ())).in_force()
        dates = [field for name, field in recorded.items() if name != "changes"]
        return all("value" in field and abs(int(field["at"])) <= MAX_AT for field in dates)
    except WRONG:
        return False


def _is_asked(asked: Any) -> bool:
    if not isinstance(asked, Mapping) or not all(isinstance(a, Mapping) for a in asked.values()):
        return False
    members = [member for who in asked.values() for member in plain(dict(who)).items()]
    return all(
        isinstance(value, int | float if name == "recorded_at" else str) for name, value in members
    )


OURS: Mapping[str, Callable[[Any], bool]] = {"recorded": _is_recorded, "asked": _is_asked}
