"""Pages of 25 to 500 and their opaque positions (botocore model: limit; aws-recorded.md 1)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from itertools import islice
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
    ordered = sorted(things, key=lambda thing: values(mark(thing)))
    after = start(params)
    return first((thing for thing in ordered if values(mark(thing)) > after), params, mark, show)


def first(
    ordered: Iterable[Thing],
    params: JSON,
    mark: Callable[[Thing], Mark],
    show: Callable[[Thing], JSON],
) -> JSON:
    """The page that begins with the first of `ordered`; no more is read than is shown."""
    rest = iter(ordered)
    limit = min(params.get("limit", DEFAULT_LIMIT), MAX_LIMIT)
    shown = list(islice(rest, max(limit, 0)))
    answer: JSON = {"items": [show(thing) for thing in shown]}
    if shown and next(rest, None) is not None:
        answer["position"] = encode(mark(shown[-1]))
    return answer


def start(params: JSON) -> tuple[str, ...]:
    """The values of the mark that the request's position names; before all others without one."""
    return values(decode(params["position"])) if params.get("position") else ()


def values(mark: Mark) -> tuple[str, ...]:
    """The values of a mark's components."""
    return tuple(value for _, value in mark)


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
