"""Waiting for what happens elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

LOOK_EVERY_SECONDS = 0.05


def until(look: Callable[[], Found | None], seconds: float = 300.0, what: str = "it") -> Found:
    """What `look` finds, as soon as it finds something true.

    Raises:
        TimeoutError: it found nothing within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {seconds:g} s")
        time.sleep(LOOK_EVERY_SECONDS)
    return found
