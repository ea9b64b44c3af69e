"""Telling: what is printed, when it happened, and whether it was as told."""

from __future__ import annotations

import time


class Story:
    """Prints each line with the seconds since the start, and remembers what was not as told."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._scene = 0
        self._checks = 0
        self._not_as_told: list[str] = []

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

    def check(self, what: str, found: object, told: object) -> None:
        """Say what was found; it is as told only when it equals `told`."""
        self._checks += 1
        if found == told:
            self.say(f"ok   {what}: {found}")
        else:
            self._not_as_told.append(what)
            self.say(f"NOT AS TOLD   {what}: {found}, and should be {told}")

    def fail(self, what: str) -> None:
        """Say what the story waited for in vain."""
        self._not_as_told.append(what)
        self.say(f"NOT AS TOLD   {what}")

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
        """The last line; 0 when everything was as told, else 1."""
        seconds = time.monotonic() - self._begun
        if self._not_as_told:
            print(f"\nNot as told: {'; '.join(self._not_as_told)}.")
            return 1
        print(f"\nAll {self._checks} checks were as told, in {seconds:.0f} s.")
        return 0
