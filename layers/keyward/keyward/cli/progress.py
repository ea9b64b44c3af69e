"""What a command is busy with, on a terminal, as soon as that takes longer than a second."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TypeVar

# Nobody wonders before.
PATIENCE_SECONDS = 1.0
TICK_SECONDS = 0.5
BAR = 30
T = TypeVar("T")


class Progress:
    """One line on the standard error, which is erased before anything else is printed and at the
    end: a bar for what was counted beforehand, else the seconds that have passed."""

    def __init__(self, label: str, is_shown: bool) -> None:
        self._label, self._is_shown = label, is_shown
        self._done, self._of, self._width = 0, 0, 0
        self._began = time.monotonic()
        self._lock, self._over = threading.Lock(), threading.Event()

    def __enter__(self) -> Progress:
        self.draw()
        if self._is_shown:
            threading.Thread(target=self._tick, daemon=True).start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.end()

    def each(self, label: str, items: Iterable[T]) -> Iterator[T]:
        """Give the items one by one, and count them."""
        found = [*items]
        self._label, self._of = label, len(found)
        for self._done, item in enumerate(found):
            self.draw()
            yield item
        self._of = 0

    def draw(self) -> None:
        """Show how far it is, unless it is too early, over or for nobody."""
        with self._lock:
            seconds = time.monotonic() - self._began
            if self._is_shown and not self._over.is_set() and seconds >= PATIENCE_SECONDS:
                self._write(f"{self._label}{self._bar()}  {seconds:.0f} s")

    def hide(self) -> None:
        """Erase the line, until it is drawn again."""
        with self._lock:
            if self._width:
                self._write("")
                self._write("\r")

    def end(self) -> None:
        """Erase the line for good: the command is over, or asks something."""
        self._over.set()
        self.hide()

    def _tick(self) -> None:
        while not self._over.wait(TICK_SECONDS):
            self.draw()

    def _bar(self) -> str:
        if not self._of:
            return ""
        filled = BAR * self._done // self._of
        return f"  [{'#' * filled}{'-' * (BAR - filled)}]  {self._done} of {self._of}"

    def _write(self, text: str) -> None:
        sys.stderr.write(f"\r{text.ljust(self._width)}")
        sys.stderr.flush()
        self._width = len(text.rstrip())
