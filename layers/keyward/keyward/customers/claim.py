"""A one-time claim: a link by which a customer takes the value of one key, once. Pure, but for
chance.

The link ends in `#` and a token of 256 random bits. A browser sends what follows `#` to no server,
so the token is in no log, Referer or preview of a link. Only its SHA-256 is stored: a hash without
salt is enough, because nobody can guess 256 bits.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from typing import Any

from keyward.customers.key import CREATED, KeyRecord
from keyward.errors import CustomerNotFoundError, InvalidInputError
from keyward.events.remedy import DEFAULT_STACK, command
from keyward.values import DAY, HOUR, frozen

TOKEN_BYTES = 32
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
# How long whoever came first has for reading the value, before somebody else may.
RESERVED_SECONDS = 30
DEFAULT_HOURS, MAX_HOURS = 24, 168
# So long an old link is told from a wrong one.
REMEMBERED_SECONDS = 30 * DAY


@frozen
class Claim:
    """Which key a link stands for. Times are epoch seconds; `used_at` is 0 for a link that nobody
    used."""

    digest: str
    customer_id: str
    key_id: str
    expires_at: int
    used_at: int = 0

    @property
    def forget_at(self) -> int:
        """When the table may forget the claim."""
        return self.expires_at + REMEMBERED_SECONDS


def new_token() -> str:
    """Make the secret part of a link: 256 random bits, 43 characters."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest_of(token: object) -> str | None:
    """Hash a token for the table; None for what cannot be a token."""
    if not isinstance(token, str) or not TOKEN.fullmatch(token):
        return None
    return hashlib.sha256(token.encode()).hexdigest()


def seconds_of(hours: Any) -> int:
    """Convert `expires_in_hours` to seconds, with the default for None. Raises
    InvalidInputError."""
    if hours is None:
        return DEFAULT_HOURS * HOUR
    is_number = isinstance(hours, int | float) and not isinstance(hours, bool)
    if not is_number or not 0 < hours <= MAX_HOURS:
        problem = f"must be a number of hours above 0, up to {MAX_HOURS}"
        raise InvalidInputError("expires_in_hours", problem, "Leave it out for 24 hours")
    return max(1, int(hours * HOUR))


def key_to_claim(
    keys: Sequence[KeyRecord], customer_id: str, wanted: object, stack: str = DEFAULT_STACK
) -> str:
    """Find the id of the key that a new link is for: the `wanted` key, or the customer's only key
    without an end. Raises CustomerNotFoundError, and InvalidInputError where the customer has
    several keys or the key is disabled."""
    key_id = _named(keys, customer_id, wanted)
    key = next(one for one in keys if one.key_id == key_id)
    if not key.enabled:
        why = f" ({key.reason})" if key.reason else ""
        problem = f"must be a key that works: {key_id} of customer {customer_id} is disabled{why}"
        resume = command("send", about=("CustomerResumed",), customer=customer_id, stack=stack)
        raise InvalidInputError("key_id", problem, f"Enable it first: {resume}")
    return key_id


def _named(keys: Sequence[KeyRecord], customer_id: str, wanted: object) -> str:
    made = {key.key_id: key for key in keys if key.key_id and key.state == CREATED}
    if wanted is not None:
        if isinstance(wanted, str) and wanted in made:
            return wanted
        # What was typed is not quoted: it may be a value.
        raise CustomerNotFoundError(
            f"customer_id: customer {customer_id} has no key of this key_id"
        )
    staying = [key_id for key_id, key in made.items() if key.end.retire_at is None]
    if not staying:
        raise CustomerNotFoundError(f"customer_id: customer {customer_id} has no key")
    if len(staying) > 1:
        names = ", ".join(staying)
        problem = f"is missing: customer {customer_id} has several keys"
        raise InvalidInputError("key_id", problem, f"Name one of {names}")
    return staying[0]
