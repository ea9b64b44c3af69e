"""Keep events, answers and batches small enough for AWS, by bytes. Pure.

Step Functions carries 256 KiB a state, and EventBridge 256 KiB a PutEvents request (quotas of both
services); a count of members says nothing about either.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from keyward.values import JSON

# A quarter below 256 KiB: room for the envelope, and for what a state holds beside an answer.
MAX_BYTES = 200_000
# PutEvents and SendMessageBatch take 10 entries at a time (botocore models).
MAX_ENTRIES = 10


def json_bytes(value: Any) -> int:
    """The size of a value as JSON in UTF-8, as services count it."""
    return len(json.dumps(value, default=str).encode())


def batches(
    items: Iterable[JSON], max_bytes: int = MAX_BYTES, max_items: int = MAX_ENTRIES
) -> Iterator[list[JSON]]:
    """Cut items into batches of at most `max_bytes`, each with at least one item."""
    batch: list[JSON] = []
    size = 0
    for item in items:
        added = json_bytes(item)
        if batch and (size + added > max_bytes or len(batch) == max_items):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += added
    if batch:
        yield batch


def shortened(value: JSON, max_bytes: int = MAX_BYTES) -> JSON:
    """Return the value, or a copy that fits: its longest lists are halved, then its longest texts.
    A copy says in `reason` how many members of which list it leaves out."""
    if json_bytes(value) <= max_bytes:
        return value
    copy: JSON = json.loads(json.dumps(value, default=str))
    left_out: Counter[str] = Counter()
    room = max_bytes - NOTE_BYTES
    while json_bytes(copy) > room:
        place, name = max(_parts(copy), key=lambda part: _weight(part[0][part[1]]))
        part = place[name]
        if isinstance(part, list) and len(part) > 1:
            left_out[_name(name)] += len(part) - len(part) // 2
        place[name] = part[: len(part) // 2]
    more = [f"{count} more {name} are not listed" for name, count in left_out.items()]
    words = [copy["reason"]] if copy.get("reason") else []
    return copy | ({"reason": "; ".join([*words, *more])} if more else {})


# What `reason` gains by the numbers of members that are left out.
NOTE_BYTES = 1000


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every list and text within a value, as the place that holds it and its name there."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, part in items:
        if isinstance(part, dict | list):
            yield from _parts(part)
        if isinstance(part, list | str) and part:
            yield value, name


def _weight(part: list[Any] | str) -> tuple[bool, int]:
    """Lists of more than one member go before texts, the longest first."""
    several = isinstance(part, list) and len(part) > 1
    return several, len(part) if several else json_bytes(part)


def _name(name: str | int) -> str:
    """A list's name in words; a list in a list has none."""
    return str(name).replace("_", " ") if isinstance(name, str) else "members"
