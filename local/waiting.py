"""Waiting for what happens elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


@contextmanager
def said_while(words: str, say: Callable[[str], object], every: float = 5.0) -> Iterator[None]:
    """Say every few seconds that something still lasts, as long as the block does."""
    over = threading.Event()

    def tell() -> None:
        seconds = every
        while not over.wait(every):
            say(f"{words}: {seconds:g} s")
            seconds += every

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
