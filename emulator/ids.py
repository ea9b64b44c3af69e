"""Ids and key values as API Gateway makes them."""

from __future__ import annotations

import random
import string
from collections.abc import Container

LOWER = string.ascii_lowercase + string.digits
ALPHANUMERIC = string.ascii_letters + string.digits
# aws-recorded.md 1, 3 and 7: APIs and keys have ids of 10 characters, plans and deployments of 6
LONG, SHORT = 10, 6
VALUE_LENGTH = 40


class Ids:
    """A source of ids; with a `seed` the same ids come in the same order."""

    def __init__(self, seed: int | None = None) -> None:
        self._random: random.Random = random.SystemRandom() if seed is None else random.Random(seed)

    def new(self, length: int, taken: Container[str] = ()) -> str:
        """An id of `length` characters `[a-z0-9]` that is not among `taken`."""
        while True:
            made = "".join(self._random.choices(LOWER, k=length))
            if made not in taken:
                return made

    def value(self) -> str:
        """A generated key value: 40 characters `[A-Za-z0-9]` (aws-recorded.md 1)."""
        return "".join(self._random.choices(ALPHANUMERIC, k=VALUE_LENGTH))
