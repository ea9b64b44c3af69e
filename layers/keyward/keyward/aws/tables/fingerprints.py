"""Fingerprints of key values: HMAC-SHA-256 under one random salt of the stack. So a leaked value
finds its customer, and nothing that is kept tells the value.

The salt stands in a table of its own: who makes keys may make it, a person may read it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any

from keyward.aws.client import Table
from keyward.values import JSON

SALT_BYTES = 32
KEY = {"name": "fingerprints"}


class Fingerprints:
    """The Salt table. The salt never changes, so it is read once by each process."""

    def __init__(self, table: Any) -> None:
        self._table = Table(table)
        self._salt: bytes | None = None

    def of(self, value: str) -> str:
        """The fingerprint of a value that Keyward makes; the first one makes the salt."""
        # No cached_property: before Python 3.12 that holds a lock while AWS is asked.
        salt = self._salt or self._made()
        self._salt = salt
        return _fingerprint(salt, value)

    def known(self, value: str) -> str | None:
        """Fingerprint a value, without making a salt. None when the stack has no salt yet: then no
        record has a fingerprint."""
        salt = self._load()
        return None if salt is None else _fingerprint(salt, value)

    def _made(self) -> bytes:
        while (salt := self._load()) is None:
            made: JSON = KEY | {"salt": secrets.token_hex(SALT_BYTES)}
            # Another process may be quicker: all take what stands there.
            self._table.try_write(
                "put_item", Item=made, ConditionExpression="attribute_not_exists(salt)"
            )
        return salt

    def _load(self) -> bytes | None:
        item = self._table.get_item(Key=KEY, ConsistentRead=True).get("Item")
        return bytes.fromhex(str(item["salt"])) if item else None


def _fingerprint(salt: bytes, value: str) -> str:
    return hmac.new(salt, value.encode(), hashlib.sha256).hexdigest()
