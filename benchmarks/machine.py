"""The state machines on virtual time: the real definitions, with Step Functions' jitter."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from benchmarks.world import World
from tests.machines.machine import Execution, Level, Machine, StateFailed, definition, names

JSON = dict[str, Any]


@dataclass
class TimedMachine(Machine):
    """Runs a definition on a world's clock, any number of executions at the same time."""

    clock: World  # type: ignore[assignment]

    def run(self, given: Any, name: str | None = None) -> Execution:
        """Run it to its end; the name seeds the jitter."""
        self.runs += 1
        arn = f"arn:aws:states:us-east-1:123456789012:execution:{self.name}:{name or self.runs}"
        execution = Execution(arn)
        context = {"Execution": {"Id": arn, "Input": given, "Name": name}}
        level = TimedLevel(self, execution, context, {}, random.Random(arn))
        try:
            execution.output = level.run(definition(self.name), given)
            execution.status = "SUCCEEDED"
        except StateFailed as failure:
            execution.status = "FAILED"
            execution.error, execution.cause = failure.error, failure.cause
        return execution


@dataclass
class TimedLevel(Level):
    """States whose retriers wait as their JitterStrategy says, drawn from `chance`."""

    chance: random.Random

    def _retry(self, state: JSON, failure: StateFailed, counts: dict[int, int]) -> bool:
        for place, rule in enumerate(state.get("Retry", [])):
            if names(rule, failure.error):
                tried = counts.get(place, 0)
                counts[place] = tried + 1
                if tried >= rule["MaxAttempts"]:
                    return False
                self.machine.clock.advance(delay(rule, tried, self.chance))
                self.execution.retries += 1
                return True
        return False

    def _map(self, state: JSON, given: Any) -> Any:
        results = []
        for index, item in enumerate(self._value(state["Items"], given)):
            context = self.context | {"Map": {"Item": {"Index": index, "Value": item}}}
            variables = dict(self.variables)
            inner = TimedLevel(self.machine, self.execution, context, variables, self.chance)
            selected = inner._value(state["ItemSelector"], given)
            results.append(inner.run(state["ItemProcessor"], selected))
        return results


def delay(rule: JSON, tried: int, chance: random.Random) -> float:
    """Seconds until the next try, after `tried` retries. FULL jitter is uniform between 0 and the
    delay (Step Functions developer guide, "Error handling", JitterStrategy)."""
    seconds = rule["IntervalSeconds"] * rule.get("BackoffRate", 2) ** tried
    seconds = min(seconds, rule.get("MaxDelaySeconds", seconds))
    return chance.uniform(0, seconds) if rule.get("JitterStrategy") == "FULL" else seconds
