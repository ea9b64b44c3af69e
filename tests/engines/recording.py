"""Every JSONata expression that the bench evaluates while the stories are played, with its inputs.

One expression meets the same shapes again and again: of each, so many different inputs are kept."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from keyward.values import JSON
from local.lifetime.states import Level, StateFailed

MOST_OF_ONE = 150
NOTHING = "States.QueryEvaluationError"


@dataclass(frozen=True)
class Evaluation:
    """An expression of a machine, its variables as JSON, and what our engine made of it: a value as
    JSON, or None for nothing."""

    machine: str
    template: str
    values: str
    answer: str | None

    @property
    def asked(self) -> JSON:
        """What the reference implementation is asked; the virtual clock is a variable."""
        text = self.template.strip()[2:-2].replace("$millis()", "$virtual_millis")
        return {"text": text, "values": json.loads(self.values)}


@dataclass
class Recording:
    """Evaluations by expression, the different ones."""

    found: dict[tuple[str, str], dict[str, Evaluation]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def note(self, level: Level, template: str, states: JSON, answer: Any) -> None:
        """Keep an evaluation, unless there are enough of its kind."""
        machine = level.execution.machine
        kept = self.found[machine, template]
        if len(kept) >= MOST_OF_ONE:
            return
        millis = int(level.clock.now() * 1000)
        values = json.dumps(level.variables | {"states": states, "virtual_millis": millis})
        text = None if answer is None else json.dumps(answer)
        kept.setdefault(values, Evaluation(machine, template, values, text))

    def all(self) -> Iterator[Evaluation]:
        """Every evaluation."""
        for kept in self.found.values():
            yield from kept.values()


@contextmanager
def recording() -> Iterator[Recording]:
    """The evaluations of all executions in the block."""
    kept = Recording()
    original = Level._value

    def value(self: Level, template: Any, given: Any, states: JSON | None = None) -> Any:
        if not isinstance(template, str) or not template.startswith("{%"):
            return original(self, template, given, states)
        seen = states or {"input": given, "context": self.context}
        try:
            answer = original(self, template, given, states)
        except StateFailed as failure:
            if failure.error == NOTHING:
                kept.note(self, template, seen, None)
            raise
        kept.note(self, template, seen, answer)
        return answer

    with mock.patch.object(Level, "_value", value):
        yield kept
