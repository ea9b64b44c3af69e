"""Make key values, and find them in what people send. Pure, but for chance.

A value is prefix + 43 characters (256 random bits, base62) + 6 characters (CRC-32 of all before it,
base62), alphanumeric only: so a secret scanner tells a leaked value from noise with certainty.
`python -m keyward.key check VALUE` says whether a text is one.
"""

from __future__ import annotations

import re
import secrets
import string
import zlib
from collections.abc import Iterator
from typing import Any

from keyward.errors import InvalidEventError, InvalidInputError

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_BITS = 256
RANDOM_LENGTH = 43
CHECKSUM_LENGTH = 6
PREFIX = re.compile(r"[A-Za-z0-9]{1,20}")
SHORTEST = 1 + RANDOM_LENGTH + CHECKSUM_LENGTH
LONGEST = 20 + RANDOM_LENGTH + CHECKSUM_LENGTH
# Letters and digits in which a value can stand, perhaps between others: `kwvalue=%20…`.
RUN = re.compile(rf"[A-Za-z0-9]{{{SHORTEST},}}")
# The first digit of a checksum: 62 ** 6 is 13 times 2 ** 32.
FIRST_DIGITS = frozenset(b"01234")
# The worth of each digit, by its byte.
DIGITS = {byte: worth for worth, byte in enumerate(ALPHABET.encode())}
# What holds several: DynamoDB has sets too.
COLLECTIONS = (list, tuple, set, frozenset)
BLOT = "[key value removed]"


def new_value(prefix: str) -> str:
    """A new random value. Raises ValueError for a prefix that is not 1–20 alphanumeric
    characters."""
    if not PREFIX.fullmatch(prefix):
        raise ValueError("the prefix has to be 1 to 20 letters and digits")
    body = prefix + _base62(secrets.randbits(RANDOM_BITS), RANDOM_LENGTH)
    return body + _checksum(body)


def is_value(text: str) -> bool:
    """Whether `text` has the form and the checksum of a value that Keyward made."""
    return next(_places(text), None) == (0, len(text))


def holds_value(text: str) -> bool:
    """Whether a value of ours stands anywhere in the text."""
    return len(text) >= SHORTEST and next(_places(text), None) is not None


def values_in(text: str) -> Iterator[str]:
    """List our values in the text."""
    return (text[begin:end] for begin, end in _places(text))


def blotted(text: str) -> str:
    """Blot out each of our values in the text."""
    done, parts = 0, []
    for begin, end in _places(text):
        if begin >= done:
            parts += [text[done:begin], BLOT]
            done = end
    return "".join([*parts, text[done:]])


def without_values(body: Any) -> Any:
    """Blot out each key value in the texts and member names of a JSON value."""
    if isinstance(body, str):
        return blotted(body)
    if isinstance(body, COLLECTIONS):
        return [without_values(item) for item in body]
    if isinstance(body, dict):
        return {without_values(name): without_values(item) for name, item in body.items()}
    return body


def refuse_values(body: Any, where: str, kind: type[InvalidInputError] = InvalidEventError) -> None:
    """Raise InvalidInputError of this `kind` if a key value stands anywhere in a JSON value, which
    stands at `where`. The message names the place, and never the value."""
    if _holds_any(body):
        remedy = "Remove it, and rotate the key: a value that was sent is known to others"
        raise kind(_first_place(body, where), "must hold no value of an API key", remedy)


def _holds_any(body: Any) -> bool:
    """Whether a value of ours stands in a JSON value. Every read of a record asks: no names of
    places are made for it."""
    if isinstance(body, str):
        return holds_value(body)
    if isinstance(body, dict):
        return any(_holds_any(name) or _holds_any(item) for name, item in body.items())
    return isinstance(body, COLLECTIONS) and any(map(_holds_any, body))


def _first_place(body: Any, where: str) -> str:
    """The name of the place in `body` where the first value stands."""
    if isinstance(body, dict):
        for name, item in body.items():
            if holds_value(name):
                return where or "event"
            if _holds_any(item):
                return _first_place(item, f"{where}.{name}".lstrip("."))
    if isinstance(body, COLLECTIONS):
        return next(_first_place(item, where) for item in body if _holds_any(item))
    return where


def _places(text: str) -> Iterator[tuple[int, int]]:
    """Find where values stand in the text. A checksum is right by chance once in 2 ** 32 places."""
    for run in RUN.finditer(text):
        data = run[0].encode()
        for end in range(SHORTEST, len(data) + 1):
            body_end = end - CHECKSUM_LENGTH
            if data[body_end] in FIRST_DIGITS:
                # Read once for all beginnings: a long text without spaces has twenty a place.
                wanted = _number(data[body_end:end])
                for begin in range(max(0, end - LONGEST), end - SHORTEST + 1):
                    if zlib.crc32(data[begin:body_end]) == wanted:
                        yield run.start() + begin, run.start() + end


def _number(digits: bytes) -> int:
    """What a checksum says."""
    number = 0
    for digit in digits:
        number = number * len(ALPHABET) + DIGITS[digit]
    return number


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))
