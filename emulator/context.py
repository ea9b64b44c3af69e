"""What a control-plane operation gets to work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator.clock import Clock
from emulator.ids import Ids
from emulator.model import JSON, State


@dataclass(frozen=True)
class Context:
    """The state to read and change, the clock and the source of ids."""

    state: State
    clock: Clock
    ids: Ids

    def now(self) -> int:
        """Whole epoch seconds, as API Gateway dates things (aws-recorded.md 0)."""
        return int(self.clock.now())


Handler = Callable[[Context, JSON], JSON]
