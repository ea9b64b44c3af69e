"""Print a story with times, and count the checks that failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.aws import TEMPLATE, LocalAws
from local.waiting import said_while


class Story:
    """Prints each line with the seconds since the start, and remembers the checks that failed."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._scene = 0
        self._checks = 0
        self._unexpected: list[str] = []

    def headline(self, text: str) -> None:
        """The title, underlined."""
        print(f"{text}\n{'=' * len(text)}\n")

    def scene(self, text: str) -> None:
        """Begin the next scene, with its number."""
        self._scene += 1
        print(f"\n{self._scene}. {text}")

    def say(self, text: str) -> None:
        """A line with the time."""
        print(f"{time.monotonic() - self._begun:7.1f} s  {text}", flush=True)

    def check(self, what: str, found: object, expected: object) -> None:
        """Say what was found; the check fails when it is not `expected`."""
        self._checks += 1
        if found == expected:
            self.say(f"ok   {what}: {found}")
        else:
            self._unexpected.append(what)
            self.say(f"UNEXPECTED   {what}: got {found}, expected {expected}")

    def fail(self, what: str) -> None:
        """Say what the story waited for in vain."""
        self._unexpected.append(what)
        self.say(f"UNEXPECTED   {what}")

    def table(self, title: str, rows: list[tuple[str, ...]]) -> None:
        """Rows in columns, the first one being the head; all columns but the first to the right."""
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        print(f"\n{title}\n")
        for number, row in enumerate(rows):
            cells = [row[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            print("  " + "   ".join(cells).rstrip())
            if number == 0:
                print("  " + "   ".join("-" * width for width in widths))

    def end(self) -> int:
        """The last line; 0 when every check passed, else 1."""
        seconds = time.monotonic() - self._begun
        if self._unexpected:
            print(f"\nUnexpected: {'; '.join(self._unexpected)}.")
            return 1
        print(f"\nAll {self._checks} checks passed, in {seconds:.0f} s.")
        return 0


@contextmanager
def account(story: Story, template: Path | None, policy: dict[str, Any]) -> Iterator[LocalAws]:
    """A local AWS of the story's own; the story says so when it takes long to stop."""
    aws = LocalAws.start(template or TEMPLATE, policy=policy)
    try:
        yield aws
    finally:
        with said_while("stopping the local AWS", story.say):
            aws.stop()


class DatedStory(Story):
    """A story whose lines have the date of a virtual clock."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self._now = now

    def say(self, text: str) -> None:
        """A line with date and time."""
        now = datetime.fromtimestamp(self._now(), UTC)
        print(f"  {now:%d %b %H:%M:%S}  {text}", flush=True)
