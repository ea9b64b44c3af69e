"""Pages of 25 to 500 and their opaque positions (botocore model: limit; aws-recorded.md 1)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import TypeVar
from urllib.parse import parse_qsl, quote, unquote

from emulator.errors import bad_request
from emulator.model import JSON

DEFAULT_LIMIT, MAX_LIMIT = 25, 500
BAD_POSITION = "Invalid position parameter"
Thing = TypeVar("Thing")
Mark = tuple[tuple[str, str], ...]


def page(
    things: Iterable[Thing],
    params: JSON,
    mark: Callable[[Thing], Mark],
    show: Callable[[Thing], JSON],
) -> JSON:
    """One page of `things`, ordered by the values of `mark`, which are also the position.

    A position names the last thing shown, so that a list that changes meanwhile neither repeats
    nor skips what stayed. A negative limit gives nothing (aws-recorded.md 1).
    """
    ordered = sorted(things, key=lambda thing: _order(mark(thing)))
    if params.get("position"):
        after = _order(decode(params["position"]))
        ordered = [thing for thing in ordered if _order(mark(thing)) > after]
    limit = min(params.get("limit", DEFAULT_LIMIT), MAX_LIMIT)
    shown = ordered[: max(limit, 0)]
    answer: JSON = {"items": [show(thing) for thing in shown]}
    if shown and len(ordered) > len(shown):
        answer["position"] = encode(mark(shown[-1]))
    return answer


def _order(mark: Mark) -> list[str]:
    """By the last component, then by the others read backwards: keys of one name came in an order
    that was stable, and neither that of their values nor of their ages (aws-recorded.md 1)."""
    *others, (_, last) = mark
    return [last, *(value[::-1] for _, value in others)]


def encode(mark: Mark) -> str:
    """`apiKey=S…&name=S…` in base64, percent-encoded, as recorded (S means string)."""
    text = "&".join(f"{name}=S{quote(value, safe='')}" for name, value in mark)
    return quote(base64.b64encode(text.encode()).decode(), safe="")


def decode(position: str) -> Mark:
    """The mark of a position."""
    try:
        text = base64.b64decode(unquote(position), validate=True).decode()
    except (binascii.Error, ValueError):
        raise bad_request(BAD_POSITION) from None
    mark = tuple((name, value[1:]) for name, value in parse_qsl(text, keep_blank_values=True))
    if not mark:
        raise bad_request(BAD_POSITION)
    return mark


def by(name: str, value: Callable[[Thing], str]) -> Callable[[Thing], Mark]:
    """A mark of one component."""
    return lambda thing: ((name, value(thing)),)


def by_member(name: str) -> Callable[[JSON], Mark]:
    """A mark of one member of things that are plain settings."""
    return lambda thing: ((name, str(thing[name])),)
