"""Every place in a JSON value, and the value with something else there."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

Place = tuple[str | int, ...]


def places(node: Any, above: Place = ()) -> Iterator[Place]:
    """The places of all nodes below this one, in lists too."""
    inner = node.items() if isinstance(node, dict) else enumerate(node)
    for name, item in inner:
        yield (*above, name)
        if isinstance(item, dict | list):
            yield from places(item, (*above, name))


def replaced(whole: Any, place: Place, other: Any) -> Any:
    """A copy of the value with another node at the place."""
    made = copy.deepcopy(whole)
    node = made
    for step in place[:-1]:
        node = node[step]
    node[place[-1]] = other
    return made
