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
from collections.abc import Callable, Iterator
from typing import Any

from keyward.errors import InvalidEventError, InvalidInputError
from keyward.values import visible

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
# A checksum is tried at so many places of what somebody sent, which takes a tenth of a second of a
# function. An event of nothing but digits has fifty times as many.
MAX_PLACES = 5_000
# A name of a place is for people.
MAX_PLACE = 200


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
    """Blot out each key value in the texts and member names of a JSON value. Where that would take
    long, blot out all that is long enough to hold one."""
    return _changed(body, (lambda text: RUN.sub(BLOT, text)) if _is_costly(body) else blotted)


def refuse_values(body: Any, where: str, kind: type[InvalidInputError] = InvalidEventError) -> None:
    """Raise InvalidInputError of this `kind` if a key value stands anywhere in a JSON value, which
    stands at `where`, or if that cannot be told soon. The message names the place, and never the
    value."""
    if _is_costly(body):
        most = max(map(_cost, _texts(body)))
        place = _place(body, where, lambda text: _cost(text) == most)
        raise kind(place, "must have fewer letters and digits without a break", "Shorten it")
    if any(map(holds_value, _texts(body))):
        remedy = "Remove it, and rotate the key: a value that was sent is known to others"
        raise kind(_place(body, where, holds_value), "must hold no value of an API key", remedy)


def _place(body: Any, where: str, test: Callable[[str], bool]) -> str:
    """Name the place of the first text that passes the test, as people may read it."""
    return str(visible(without_values(_first_place(body, where, test))))[:MAX_PLACE]


def _texts(body: Any) -> Iterator[str]:
    """List the texts and member names of a JSON value. Every read of a record asks: no names of
    places are made for it."""
    if isinstance(body, str):
        yield body
    elif isinstance(body, dict):
        for name, item in body.items():
            yield from (*_texts(name), *_texts(item))
    elif isinstance(body, COLLECTIONS):
        for item in body:
            yield from _texts(item)


def _changed(body: Any, change: Callable[[str], str]) -> Any:
    """Change the texts and member names of a JSON value."""
    if isinstance(body, str):
        return change(body)
    if isinstance(body, COLLECTIONS):
        return [_changed(item, change) for item in body]
    if isinstance(body, dict):
        return {_changed(name, change): _changed(item, change) for name, item in body.items()}
    return body


def _first_place(body: Any, where: str, test: Callable[[str], bool]) -> str:
    """Name the place of the first text that passes the test."""
    if isinstance(body, dict):
        for name, item in body.items():
            if any(map(test, _texts(name))):
                return where or "event"
            if any(map(test, _texts(item))):
                return _first_place(item, f"{where}.{name}".lstrip("."), test)
    if isinstance(body, COLLECTIONS):
        return next(
            _first_place(item, where, test) for item in body if any(map(test, _texts(item)))
        )
    return where


def _is_costly(body: Any) -> bool:
    return sum(map(_cost, _texts(body))) > MAX_PLACES


def _cost(text: str) -> int:
    """At how many places of the text a checksum has to be tried."""
    return sum(sum(map(run.count, "01234")) for run in RUN.findall(text))


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
