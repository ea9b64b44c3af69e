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
WRONG = (ArithmeticError, AttributeError, KeyError, TypeError, ValueError)


def check(record: JSON, dated: Iterable[str]) -> None:
    """Check what only Keyward writes. Raise InvalidRecordError for a `recorded` or `asked` of
    another shape, for a key value anywhere, and for binary data in an attribute that is `dated`:
    the stream writes binary data otherwise than the table, so no date would ever fit."""
    refuse_values(record, "", InvalidRecordError)
    for name in dated:
        if not _is_plain(record.get(name)):
            raise InvalidRecordError(name, "must hold no binary data", "Correct or remove it")
    for name in OURS:
        if name not in sound_part(record):
            raise InvalidRecordError(name, "must be as Keyward wrote it", "Remove it")


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
