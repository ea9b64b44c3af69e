"""The messages of the due queue: each names a lot of customers whose due time has passed."""

from __future__ import annotations

import json
from collections.abc import Sequence

# How a message begins: those of the queue of ended runs are events, and begin otherwise.
START = '{"due"'


def lot_of(due: Sequence[tuple[str, int]]) -> str:
    """Write a message that names customers with their due times (epoch seconds)."""
    return json.dumps({"due": due})


def is_lot(text: str) -> bool:
    """Say whether a message is one of the due queue."""
    return text.startswith(START)


def customers_of(text: str) -> list[tuple[str, int]]:
    """Read the customers of a message, with their due times (epoch seconds)."""
    return [(customer_id, due_at) for customer_id, due_at in json.loads(text)["due"]]
