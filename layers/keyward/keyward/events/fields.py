"""Members of an event's `detail`: each check stands beside the JSON Schema that says the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from keyward.errors import InvalidEventError
from keyward.events.key_value import blotted
from keyward.values import JSON, counted, frozen, visible

# What businesses have: an Auth0 id, a Cognito identity, an e-mail address, `42`.
CUSTOMER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+@|:=,-]{0,127}")
# An id has 10 characters (aws-recorded.md 1); a value, which has 20 at least, is never an id.
KEY_ID = re.compile(r"[a-z0-9]{5,19}")
REST_API_ID = re.compile(r"[a-z0-9]{5,32}")
STAGE = re.compile(r"[A-Za-z0-9_-]{1,128}")
FINGERPRINT = re.compile(r"[0-9a-f]{16}")

# States of a subscription: it counts as paid, it waits for money, it is over.
LIVE = ("trialing", "active", "past_due")
HALTED = ("unpaid", "paused")
STATES = (*LIVE, *HALTED, "ended")
# What can be undone, and the field of the record that it changed.
WHAT = {"plan_change": "plan", "suspension": "status", "rotation": "rotation"}

# What a customer's `expires_at` is where null was sent: a known wish, unlike no word of it.
NEVER_EXPIRES = "never"
# What `key_id` is where null was sent: no key is to be taken over. No id has four letters.
NO_KEY = "none"
# QuotaSettings.limit is an integer (botocore model), 32 bits wide.
MAX_CALLS = 2**31 - 1
MAX_OVERLAP_HOURS = 8760
MAX_TAGS, MAX_TAG = 40, 256
# A rotation doubles them for a while, and each change of a key is announced.
MAX_KEYS = 5
TAG = r"[A-Za-z0-9+\-=._:/ ]*"
# What `datetime.fromisoformat` takes begins so; whether the day exists it alone can say.
ISO_8601 = r"^[0-9]{4}-?([0-9]{2}-?[0-9]{2}|W[0-9]{2}(-?[0-9])?)([^0-9][\s\S]*)?$"
# 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, where datetime begins and ends.
MIN_EPOCH, MAX_EPOCH = -62135596800, 253402300799


@frozen
class Field:
    """One member of `detail`.

    `must` completes "must be", for the refusal. `parse` gives what Keyward records, and raises
    ValueError; null is as good as absent, unless `null` gives what it stands for.
    """

    schema: JSON
    must: str
    parse: Callable[[Any], Any]
    required: bool = False
    null: Any = None

    def read(self, name: str, body: JSON, where: str = "detail.") -> JSON:
        """Read a member of `body`, which stands at `where`: `{name: value}`, or `{}` if it is
        absent. Raises InvalidEventError, which never quotes the value."""
        value = body.get(name)
        if value is None:
            return self._absent(name, where, name in body)
        try:
            return {name: self.parse(value)}
        except (ValueError, OverflowError, OSError, ArithmeticError):
            problem = f"must be {self.must}, got {redacted(value)}"
        raise InvalidEventError(where + name, problem, "Correct it and send it again")

    def _absent(self, name: str, where: str, is_null: bool) -> JSON:
        if is_null and self.null is not None:
            return {name: self.null}
        if self.required:
            raise InvalidEventError(where + name, "is missing", f"Send {self.must}")
        return {}

    def json_schema(self) -> JSON:
        """Give the JSON Schema of the value, null included where it is allowed."""
        if self.required and self.null is None:
            return self.schema
        return {"anyOf": [self.schema, {"type": "null"}]}


# The longest texts that an event or a record may hold, in characters, as states and events have
# little room.
MAX_PLAN, MAX_NAME, MAX_TEXT = 255, 256, 1024


def text(longest: int, *, required: bool = False) -> Field:
    """A text that is not blank."""

    def parse(value: Any) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > longest:
            raise ValueError
        value.encode()  # Half a character (a lone surrogate) is what no table can store.
        return value

    schema: JSON = {"type": "string", "minLength": 1, "maxLength": longest, "pattern": r"\S"}
    return Field(schema, f"a text of 1 to {longest} characters", parse, required)


def matching(pattern: re.Pattern[str], *, required: bool = True, null: Any = None) -> Field:
    """A text that a pattern describes."""

    def parse(value: Any) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError
        return value

    schema = {"type": "string", "pattern": f"^{pattern.pattern}$"}
    return Field(schema, f"a text that matches {pattern.pattern}", parse, required, null)


def choice(*choices: str, required: bool = False) -> Field:
    """One of some texts."""

    def parse(value: Any) -> str:
        if value not in choices:
            raise ValueError
        return str(value)

    return Field({"enum": list(choices)}, f"one of {', '.join(choices)}", parse, required)


def flag() -> Field:
    """True or false."""

    def parse(value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError
        return value

    return Field({"type": "boolean"}, "true or false", parse)


def number(least: int, most: int, *, whole: bool = False) -> Field:
    """A number from `least` to `most`."""

    def parse(value: Any) -> int | Decimal:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError
        if not least <= value <= most or (whole and value != int(value)):
            raise ValueError
        return int(value) if whole else Decimal(str(round(value, 4)))

    kind = "integer" if whole else "number"
    must = f"a {'whole ' if whole else ''}number from {least} to {most}"
    return Field({"type": kind, "minimum": least, "maximum": most}, must, parse)


_TIME_TEXT: JSON = {"type": "string", "pattern": ISO_8601}
_MUST_BE_A_TIME = "an ISO 8601 time like 2026-12-31T00:00:00Z, or a day"


def texts(most: int, longest: int) -> Field:
    """A list of different texts that are not blank."""
    one = text(longest)

    def parse(value: Any) -> list[str]:
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise ValueError
        found = [one.parse(item) for item in value]
        if len({*found}) < len(found):
            raise ValueError
        return found

    schema = {"type": "array", "items": one.schema, "minItems": 1, "maxItems": most}
    return Field(schema | {"uniqueItems": True}, f"a list of 1 to {most} different texts", parse)


def time_text(*, required: bool = False) -> Field:
    """A time as a text; its epoch seconds are recorded."""

    def parse(value: Any) -> int:
        if not isinstance(value, str):
            raise ValueError
        return moment(value)

    return Field(_TIME_TEXT, _MUST_BE_A_TIME, parse, required)


def time(store: Callable[[int], Any], *, required: bool = False, null: Any = None) -> Field:
    """A time as text or in epoch seconds; `store` turns it into what Keyward records."""
    epochs: JSON = {"type": "integer", "minimum": MIN_EPOCH, "maximum": MAX_EPOCH}
    schema: JSON = {"anyOf": [_TIME_TEXT, epochs]}
    return Field(schema, _MUST_BE_A_TIME, lambda value: store(moment(value)), required, null)


def tags() -> Field:
    """Tags by name. A tag that API Gateway would refuse costs no sign-up: it is recorded, cut
    short, and left out of the key's tags (customers/key.py)."""

    def parse(value: Any) -> JSON:
        if not isinstance(value, dict):
            raise ValueError
        return {_cut(name, 128) or "?": _cut(of_name, MAX_TAG) for name, of_name in value.items()}

    return Field({"type": "object"}, "an object of texts by name", parse)


def _cut(value: Any, longest: int) -> str:
    text = value if isinstance(value, str) else f"<{type(value).__name__}>"
    return text.encode(errors="replace").decode()[: longest + 1]


def is_tag(key: str, value: object) -> bool:
    """Whether API Gateway takes the tag."""
    good_key = 0 < len(key) <= 128 and not key.startswith("aws:") and re.fullmatch(TAG, key)
    good_value = isinstance(value, str) and len(value) <= MAX_TAG and re.fullmatch(TAG, value)
    return bool(good_key and good_value)


# Values by what JSON and DynamoDB call them.
KINDS: dict[type, str] = dict.fromkeys((int, float, Decimal), "a number") | {
    bool: "true or false",
    dict: "an object",
    list: "a list",
}


def redacted(value: object) -> str:
    """Describe a value by kind and length only, because it must not be repeated."""
    if isinstance(value, str):
        return f"a text of {counted(len(value), 'character')}"
    if value is None:
        return "a missing value"
    return KINDS.get(type(value), "a value of another kind")


def shown(text: str) -> str:
    """Show a name from an event in a message: without a key value, control characters visible."""
    return visible(blotted(text))[:64]


def nearest_hint(name: str, known: Collection[str]) -> str:
    """Write `Do you mean plan? ` for a name like a known one, else nothing."""
    near = get_close_matches(name[:64].casefold(), sorted(known), 1, 0.5)
    return f"Do you mean {near[0]}? " if near else ""


def letters_of(name: str) -> str:
    """Reduce a name to its letters and digits: `Key ID`, `key-id` and `key_id` are the same."""
    return re.sub(r"[\s_-]", "", name).casefold()


def distance(one: str, other: str, most: int) -> int:
    """Count the letters to change, add or remove to get from one text to the other; above `most`
    return `most + 1`, without a look at a long text."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    row: list[int] = [*range(len(other) + 1)]
    for place, letter in enumerate(one, 1):
        last, row = row, [place]
        for column, of_other in enumerate(other, 1):
            changed = last[column - 1] + (letter != of_other)
            row.append(min(changed, last[column] + 1, row[-1] + 1))
    return min(row[-1], most + 1)


def choices_hint(choices: tuple[str, ...]) -> str:
    """List the allowed values, as a remedy."""
    return f"Use one of {', '.join(choices)}"


def moment(value: object) -> int:
    """Epoch seconds of an ISO 8601 time or a day (00:00 UTC), or of a number of them. Raises
    ValueError, also for a time that is beyond the calendar in UTC."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str):
        when = datetime.fromisoformat(value)
        value = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    elif not isinstance(value, int | Decimal) or isinstance(value, bool):
        raise ValueError(value)
    if not MIN_EPOCH <= value <= MAX_EPOCH:
        raise ValueError(value)
    return int(value)
