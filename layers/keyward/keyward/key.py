"""A customer's key: its record, its name, and the values that Keyward makes.

A value is prefix + 43 characters (256 random bits, base62) + 6 characters (CRC-32 of all before it,
base62), alphanumeric only, so a secret scanner tells a leaked one from noise with certainty.
`python -m keyward.key check VALUE` says whether a text is one.
"""

from __future__ import annotations

import re
import secrets
import string
import sys
import zlib
from dataclasses import dataclass
from typing import Any

from keyward.errors import InvalidRecordError

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_BITS = 256
RANDOM_LENGTH = 43
CHECKSUM_LENGTH = 6
PREFIX = re.compile(r"[A-Za-z0-9]{1,20}")
# API Gateway takes 20 to 128 characters (aws-recorded.md 1); others than letters and digits
# were never recorded.
OWN_VALUE = re.compile(r"[A-Za-z0-9]{20,128}")

CREATING = "CREATING"
CREATED = "CREATED"


@dataclass(frozen=True)
class KeyRecord:
    """What Keyward knows of a key. `state` is CREATING before CreateApiKey is called and CREATED
    when `key_id` is known; `tried_at` is when the last try began, `attached_at` when the attachment
    was asked for (epoch seconds); `plan` is the plan that the key is in."""

    customer_id: str
    number: int
    state: str
    tried_at: int = 0
    key_id: str | None = None
    plan: str | None = None
    attached_at: int | None = None

    @property
    def name(self) -> str:
        """The key's name on the gateway; unique by construction, though API Gateway would not ask
        for it."""
        return name_of(self.customer_id, self.number)


def name_of(customer_id: str, number: int) -> str:
    """The name of a customer's n-th key."""
    return f"{customer_id}/{number}"


def new_value(prefix: str) -> str:
    """A new random value. Raises ValueError for a prefix that is not 1–20 alphanumeric
    characters."""
    if not PREFIX.fullmatch(prefix):
        raise ValueError("the prefix has to be 1 to 20 letters and digits")
    body = prefix + _base62(secrets.randbits(RANDOM_BITS), RANDOM_LENGTH)
    return body + _checksum(body)


def is_value(text: str) -> bool:
    """Whether `text` has the form and the checksum of a value that Keyward made."""
    body, checksum = text[:-CHECKSUM_LENGTH], text[-CHECKSUM_LENGTH:]
    return bool(
        PREFIX.fullmatch(body[:-RANDOM_LENGTH])
        and re.fullmatch(r"[A-Za-z0-9]+", text)
        and checksum == _checksum(body)
    )


def own_value(text: str) -> str:
    """A value that a customer brings, checked. Raises InvalidRecordError, which never quotes it."""
    value = text.strip()
    if not OWN_VALUE.fullmatch(value):
        raise InvalidRecordError(
            "key_value_secret",
            "the secret holds no usable value",
            "Store 20 to 128 letters and digits as the secret's text",
        )
    return value


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def record_of(item: dict[str, Any]) -> KeyRecord:
    """The key record in an item of the Keys table (`record` = `key#<number>`)."""
    return KeyRecord(
        customer_id=str(item["customer_id"]),
        number=int(item["record"].removeprefix("key#")),
        state=str(item["state"]),
        tried_at=int(item.get("tried_at", 0)),
        key_id=item.get("key_id"),
        plan=item.get("plan"),
        attached_at=int(item["attached_at"]) if item.get("attached_at") is not None else None,
    )


def main(arguments: list[str]) -> int:
    """`check VALUE`: exit code 0 for a value that Keyward made, 1 for anything else, 2 for a wrong
    call."""
    if len(arguments) != 2 or arguments[0] != "check":
        sys.stderr.write("usage: python -m keyward.key check VALUE\n")
        return 2
    good = is_value(arguments[1])
    sys.stdout.write("a Keyward key value\n" if good else "not a Keyward key value\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
