"""Copies of what the emulator keeps, so that nobody shares it."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

Copied = TypeVar("Copied")

_SIMPLE = frozenset({str, int, float, bool, bytes, type(None)})


def copy_of(value: Copied) -> Copied:
    """A deep copy, several times as fast as copy.deepcopy where JSON is copied: a member that is
    there twice is copied twice. A quarter of the time of a large simulation went into copies."""
    found: Copied = _copied(value)
    return found


def _copied(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {n: v if type(v) in _SIMPLE else _copied(v) for n, v in value.items()}
    if kind is list:
        return [v if type(v) in _SIMPLE else _copied(v) for v in value]
    return value if kind in _SIMPLE else copy.deepcopy(value)
