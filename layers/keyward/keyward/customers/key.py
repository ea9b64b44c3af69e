"""A customer's key: its record, its name, and the values that Keyward makes.

A value is prefix + 43 characters (256 random bits, base62) + 6 characters (CRC-32 of all before it,
base62), alphanumeric only, so a secret scanner tells a leaked one from noise with certainty.
`python -m keyward.key check VALUE` says whether a text is one.
"""

from __future__ import annotations

import re
import secrets
import string
import zlib
from dataclasses import dataclass, fields
from decimal import Decimal
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
DELETING = "DELETING"
# For the ledger only: the record is gone by then.
DELETED = "DELETED"


@dataclass(frozen=True)
class KeyRecord:
    """What Keyward knows of a key. Times are epoch seconds.

    `state` is CREATING before CreateApiKey is called, CREATED when `key_id` is known, DELETING
    before DeleteApiKey is called. `tried_at` is when the last call began that may have had an
    effect, `attached_at` when the attachment was asked for.

    `plan` is the plan that the key is in; `moving_to` is the journal of a move: from before the key
    leaves its plan until it is in this one. `refused` is the plan that would not take the key.
    `switching` is the journal of enabling (True) or disabling (False), `enabled` what was last
    confirmed, `reason` why. `called` is the name of a key that Keyward did not make.

    `rotation` is the time of the last request for a rotation that the key satisfies. A successor
    `replaces` a key by its number, until that one's work is handed over to it: then `replaces` is
    None again, and the other is `replaced_by` it (0: by none, it is one too many), is disabled at
    `retire_at` and deleted at `delete_at`, and `stays` in its plan when the successor is in
    another. `overlap`, `grace` (seconds) and `cause` are those of the rotation under way.
    `extended` numbers the last quota extension that was granted, `granted` is what its period had
    in all then (calls); `extending` calls, up to number `extending_to`, is the journal of one, for
    the plan and period `extending_for`.
    `told_days` is the last notice of the key's end, `told_expiry` the end that it told.
    """

    customer_id: str
    number: int
    state: str
    tried_at: int = 0
    key_id: str | None = None
    plan: str | None = None
    attached_at: int | None = None
    created_at: int | None = None
    enabled: bool = True
    moving_to: str | None = None
    refused: str | None = None
    switching: bool | None = None
    reason: str | None = None
    called: str | None = None
    rotation: int = 0
    replaces: int | None = None
    overlap: int = 0
    grace: int = 0
    cause: str | None = None
    replaced_by: int | None = None
    retire_at: int | None = None
    delete_at: int | None = None
    stays: bool = False
    told_days: int | None = None
    told_expiry: int | None = None
    extended: int = 0
    granted: int | None = None
    extending: int | None = None
    extending_to: int | None = None
    extending_for: str | None = None

    @property
    def name(self) -> str:
        """The key's name on the gateway; for one that Keyward made unique by construction, though
        API Gateway would not ask for it."""
        return self.called or name_of(self.customer_id, self.number)

    @property
    def settled(self) -> bool:
        """Whether the key is there and no call that changes it may be under way."""
        return self.state == CREATED and self.moving_to is None and self.switching is None

    @property
    def issued(self) -> bool:
        """Whether the customer was told of it: it is in a plan, and no rotation is under way that
        ends with it."""
        return self.state == CREATED and self.plan is not None and self.replaces is None

    @property
    def age_counts_from(self) -> int:
        """When it was made, as far as that is known; 0 when it is not."""
        return self.created_at or self.tried_at


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


def parse_custom_value(text: str) -> str:
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
    known = {field.name for field in fields(KeyRecord)} - {"number"}
    kept = {name: _plain(value) for name, value in item.items() if name in known}
    return KeyRecord(number=int(item["record"].removeprefix("key#")), **kept)


def _plain(value: Any) -> Any:
    """DynamoDB's numbers are decimals; all of ours are whole."""
    return int(value) if isinstance(value, Decimal) else value
