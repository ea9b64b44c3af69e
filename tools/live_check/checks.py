"""Checks: what is done, what AWS is expected to do, and the engine to mend where it differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from keyward.values import JSON
from tools.live_check.run import NotHereError, Run

# Who says what is expected, where no source does.
BELIEVED = "nobody: it was never recorded"


@dataclass(frozen=True)
class Answer:
    """What was seen. `agrees` is None where nothing was expected: the figure is the answer."""

    seen: str
    agrees: bool | None


@dataclass(frozen=True)
class Check:
    """A check; its id is the one of docs/live-checks.md. `source` says who says `expected`; a check
    of `alone` needs no stack, and its calls are recorded for the emulator's conformance cases.
    `here` is what the local engine is known to answer otherwise."""

    id: str
    expected: str
    source: str
    engine: str
    ask: Callable[[Run], str | Answer]
    alone: bool = False
    here: str | None = None

    def answer(self, run: Run) -> JSON:
        """Ask: the row of the table."""
        try:
            seen = self.ask(run)
        except NotHereError as reason:
            seen = Answer(f"not here: {reason}", None)
        except Exception as error:  # noqa: BLE001 - a refusal is what was seen; the run goes on
            seen = Answer(f"{type(error).__name__}: {error}"[:200], False)
        found = seen if isinstance(seen, Answer) else Answer(seen, seen == self.expected)
        agrees, to_mend = found.agrees, found.agrees is False
        if self.here is not None and run.world.is_local:
            agrees, to_mend = (None, False) if found.seen == self.here else (False, True)
        elif self.here is not None and agrees:
            to_mend = True
        row = {"expected": self.expected, "seen": found.seen, "agrees": agrees}
        return row | {"engine": self.engine if to_mend else ""}


CHECKS: list[Check] = []
Ask = Callable[[Run], "str | Answer"]


def check(
    id: str,
    expected: str,
    *,
    engine: str,
    source: str = BELIEVED,
    alone: bool = False,
    here: str | None = None,
) -> Callable[[Ask], Ask]:
    """Add a function to the checks, in the order in which they are asked."""

    def added(ask: Ask) -> Ask:
        CHECKS.append(Check(id, expected, source, engine, ask, alone, here))
        return ask

    return added
