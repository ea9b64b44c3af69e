"""Read attributes of a customer's record, whatever shape a person gave them. Pure.

Each reader raises InvalidRecordError, which names the attribute, for a value that makes no sense.
"""

from __future__ import annotations

import re
from decimal import Decimal

from keyward.errors import InvalidRecordError
from keyward.events.fields import KEY_ID, MAX_KEYS, MAX_TEXT, NEVER_EXPIRES, NO_KEY, moment
from keyward.values import JSON

STATUSES = ("active", "suspended", "closed")
# The name or ARN of a secret that CreateKey's role may read (Secrets Manager API, CreateSecret:
# Name). A key value, which people put there, never looks so.
SECRET = re.compile(
    r"(arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:)?keyward/[A-Za-z0-9/_+=.@-]{1,504}"
)


def text_of(record: JSON, name: str) -> str | None:
    """A text that is not blank, None without one."""
    value = record.get(name)
    if value is not None and not is_text(value, MAX_TEXT):
        problem = f"must be a text of 1 to {MAX_TEXT} characters"
        raise InvalidRecordError(name, problem, "Correct or remove it")
    return value


def is_text(value: object, longest: int) -> bool:
    """Whether it is a text that is neither blank nor longer."""
    return isinstance(value, str) and bool(value.strip()) and len(value) <= longest


def status_of(record: JSON) -> str | None:
    """One of STATUSES, None before the sign-up."""
    status = record.get("status")
    if status is not None and status not in STATUSES:
        raise InvalidRecordError("status", f"must be one of {', '.join(STATUSES)}", "Correct it")
    return status


def expires_of(record: JSON) -> int | None:
    """When the keys stop (epoch seconds), None for never."""
    value = record.get("expires_at")
    if value in (None, NEVER_EXPIRES):
        return None
    try:
        return moment(value)
    except ValueError:
        raise InvalidRecordError(
            "expires_at", f'must be an ISO 8601 time, a day or "{NEVER_EXPIRES}"', "Correct it"
        ) from None


def keys_of(record: JSON) -> int:
    """How many keys the customer has."""
    number = record.get("keys", 1)
    if isinstance(number, bool) or number not in range(1, MAX_KEYS + 1):
        raise InvalidRecordError("keys", f"must be a number from 1 to {MAX_KEYS}", "Correct it")
    return int(number)


def key_id_of(record: JSON) -> str | None:
    """The id of an existing key that the customer is to have; None for none. The error quotes
    nothing: people put the value there."""
    key_id = record.get("key_id")
    if key_id == NO_KEY:
        return None
    if key_id is not None and (not isinstance(key_id, str) or not KEY_ID.fullmatch(key_id)):
        raise InvalidRecordError("key_id", "must be a key's id", "Never put its value there")
    return key_id


def secrets_of(record: JSON) -> tuple[str, ...]:
    """The secrets that hold own values: one for all keys, or one for each key by its number. The
    error quotes nothing: people put the value there."""
    value = record.get("key_value_secret")
    secrets = value if isinstance(value, list) else [value] if value is not None else []
    if value == [] or not all(isinstance(one, str) and SECRET.fullmatch(one) for one in secrets):
        problem = "must be the name of a secret that begins with keyward/, or a list of such names"
        raise InvalidRecordError("key_value_secret", problem, "Never put the value there")
    return tuple(secrets)


def tags_of(record: JSON) -> JSON:
    """The keys' tags; those that cannot be one are left out later (`labels_of`)."""
    tags = record.get("tags") or {}
    if not isinstance(tags, dict):
        raise InvalidRecordError("tags", "must be a map of texts", "Correct or remove it")
    return tags


def heard_at_of(record: JSON) -> int | None:
    """When the first event of the record arrived (epoch seconds); None for a record without events,
    or with a time that a person spoiled."""
    asked = record.get("asked")
    who = asked.values() if isinstance(asked, dict) else ()
    times = [one.get("recorded_at") for one in who if isinstance(one, dict)]
    return min((int(at) for at in times if isinstance(at, int | Decimal)), default=None)
