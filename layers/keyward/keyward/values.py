"""Values as they come and go: JSON text, times, DynamoDB's numbers, the names of runs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from threading import RLock
from typing import Any, TypeVar, cast, dataclass_transform, get_origin, get_type_hints

# An object as `json.loads` gives it, and as boto3 and the tables take it.
JSON = dict[str, Any]

# (RestApi id, stage name).
StageRef = tuple[str, str]

T = TypeVar("T")
_making = RLock()


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """Make a frozen dataclass of the class as soon as its first object is made.

    Python compiles six methods for a dataclass, 0.6 ms of CPU. A function imports 75 of them and
    makes objects of half: the others cost its cold start nothing. `dataclasses.fields` takes such a
    class only after its first object. Threads may make that one at once: Python looks `__init__` up
    after `__new__`, which waits until the class is whole.
    """

    def __new__(kind: type[T], /, *_: Any, **__: Any) -> T:
        with _making:
            for each in reversed(kind.__mro__):
                if getattr(each.__dict__.get("__new__"), "makes_dataclass", False):
                    dataclass(frozen=True)(each)
                    each.__new__ = _new  # type: ignore[method-assign]
        return object.__new__(kind)

    __new__.makes_dataclass = True  # type: ignore[attr-defined]
    cls.__new__ = __new__  # type: ignore[method-assign, assignment]
    return cls


def _new(kind: type[T], /, *_: Any, **__: Any) -> T:
    # `object.__new__` in its place would refuse the arguments of `__init__`.
    return object.__new__(kind)


# No event is nested so deep; whoever walks through one may call itself as often.
MAX_DEPTH = 100

HOUR = 3600
DAY = 24 * HOUR
# Spans of time as people read them, largest first.
UNITS = (("d", DAY), ("h", HOUR), ("min", 60), ("s", 1))

# Time-outs of a call of API Gateway.
CONNECT_SECONDS = 2
READ_SECONDS = 5
DEPLOY_READ_SECONDS = 15
IMPORT_READ_SECONDS = 30


def in_flight_seconds(read_seconds: int = READ_SECONDS) -> int:
    """How long a call of API Gateway that nobody answered may still take effect.

    The client gives up after its time-outs; a second more covers the journal's whole seconds. The
    SDK does not repeat such a call. `read_seconds` is the read time-out of the call.
    """
    return CONNECT_SECONDS + read_seconds + 1


def span(seconds: int) -> str:
    """A span of time in its two largest units: `2 d 3 h`, `5 min`, `0 s`."""
    parts = []
    for unit, length in UNITS:
        count, seconds = divmod(seconds, length)
        parts += [f"{count} {unit}"] if count else []
    return " ".join(parts[:2]) or "0 s"


def parse_json(text: object) -> object:
    """Parse a JSON text. None for anything that is no JSON, or nested deeper than MAX_DEPTH."""
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    level = [found]
    for _ in range(MAX_DEPTH):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return found
    return None


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def iso(epoch: float) -> str:
    """Epoch seconds as ISO 8601 in UTC, whole seconds, the year in four digits."""
    return datetime.fromtimestamp(int(epoch), UTC).isoformat().replace("+00:00", "Z")


def counted(number: int, noun: str, many: str | None = None) -> str:
    """`1 key`, `1,000 keys`; `many` is the plural of a noun that does not just take an s, and of
    words that follow."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"


def some_of(names: Sequence[str], most: int = 20, between: str = ", ") -> str:
    """`a, b and 3 more`: as many names as a person still reads."""
    more = len(names) - most
    shown = between.join(names[:most])
    return f"{shown} and {more:,} more" if more > 0 else shown


def stated(members: Mapping[str, Any]) -> JSON:
    """Leave out the members that are None."""
    return {name: value for name, value in members.items() if value is not None}


def exact(members: JSON) -> JSON:
    """Return JSON with Decimals in place of fractions, as DynamoDB holds them, without the members
    that are None."""
    found: JSON = json.loads(json.dumps(stated(members)), parse_float=Decimal)
    return found


def plain(value: Any) -> Any:
    """Return the value with numbers of JSON in place of DynamoDB's Decimals."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    hints = get_type_hints(kind)
    kinds = {name: get_origin(hint) for name, hint in hints.items()}
    return {n: kinds[n] if kinds[n] in (tuple, dict) else hint for n, hint in hints.items()}


def checked(record: T) -> T:
    """Return a dataclass made of stored members, and those in it. Raises TypeError, which names a
    member whose type is not the declared one: an item that somebody edited by hand is refused where
    it is read."""
    for name, hint in _hints(cast("Hashable", type(record))).items():
        value = getattr(record, name)
        if not isinstance(value, hint):
            raise TypeError(f"{name}: must be {hint}, got {type(value).__name__}")
        if is_dataclass(value):
            checked(value)
    return record


def visible(text: str) -> str:
    """The text with each control or invisible character as its escape: a terminal shows it, and
    obeys nothing."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


def run_name(subject: str, cause: str, prefix: str = "") -> str:
    """Name an execution after its customer or API and what caused it.

    The same cause gives the same name, so that Step Functions starts a repeat no second time, for
    90 days. A name has at most 80 characters and no special ones (StartExecution, API reference).
    """
    digest = hashlib.sha256(f"{subject} {cause}".encode()).hexdigest()[:20]
    return f"{prefix}{re.sub(r'[^A-Za-z0-9_.-]', '-', subject)[:40]}-{digest}"
