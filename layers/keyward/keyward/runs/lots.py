"""The messages of the due queue: each names a lot of customers whose due time has passed."""

from __future__ import annotations

import json
from collections.abc import Sequence

from keyward.values import parse_json


def lot_of(due: Sequence[tuple[str, int]]) -> str:
    """Write a message that names customers with their due times (epoch seconds)."""
    return json.dumps({"due": due})


def is_lot(text: str) -> bool:
    """Say whether a message is one of the due queue, as Keyward writes it. Those of the queue of
    ended runs are events; whatever else somebody sent is refused with them."""
    body = parse_json(text)
    due = body.get("due") if isinstance(body, dict) else None
    return isinstance(due, list) and all(map(_is_due, due))


def customers_of(text: str) -> list[tuple[str, int]]:
    """Read the customers of a message, with their due times (epoch seconds)."""
    return [(customer_id, due_at) for customer_id, due_at in json.loads(text)["due"]]


def _is_due(one: object) -> bool:
    return isinstance(one, list) and [*map(type, one)] == [str, int]
