"""Runs a state machine of ours in one process: the real definition, with functions in place of
Lambda's and a virtual clock in place of time."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from keyward.values import JSON, iso
from local import template
from local.lifetime.scheduler import Died
from local.lifetime.states import Clock, Execution, Level, StateFailed, Steps, Task, Wait

ROOT = Path(__file__).resolve().parents[2]
EXECUTIONS = "arn:aws:states:us-east-1:123456789012:execution:keyward"


@dataclass
class Machine:
    """Runs a definition alone, to its end. `functions` by their id; `announce` takes the entries of
    PutEvents, `send` a queue's URL and a message. With `jitter` the name of a run seeds its
    retries; without, each waits as long as it may."""

    name: str
    functions: dict[str, Callable[[JSON, object], Any]]
    announce: Callable[[list[JSON]], None]
    clock: Clock
    runs: int = 0
    send: Callable[[str, str], None] = lambda _, body: None
    jitter: bool = False

    def run(self, given: Any, name: str | None = None) -> Execution:
        """Run it to its end; time passes where it waits."""
        self.runs += 1
        execution = execution_of(self.name, given, name or f"run-{self.runs}", self.clock.now())
        chance = random.Random(execution.arn) if self.jitter else None
        steps = start(execution, self.clock, chance=chance)
        try:
            self._drive(steps, execution)
        except StateFailed as failure:
            execution.end("FAILED", self.clock.now(), failure.error, failure.cause)
        return execution

    def _drive(self, steps: Steps, execution: Execution) -> None:
        answer: Any = None
        failure: StateFailed | None = None
        while True:
            try:
                step = steps.throw(failure) if failure else steps.send(answer)
            except StopIteration as end:
                execution.output = end.value
                execution.end("SUCCEEDED", self.clock.now())
                return
            answer, failure = None, None
            if isinstance(step, Wait):
                self.clock.advance(step.seconds)
                continue
            try:
                answer = self._answer(step)
            except Died:
                failure = StateFailed("Runtime.ExitError", "the process died")
            except Exception as error:  # noqa: BLE001 - Lambda hands any error to the machine
                failure = failed(error)

    def _answer(self, task: Task) -> Any:
        if task.target == "events:putEvents":
            self.announce(task.arguments["Entries"])
            return {"FailedEntryCount": 0}
        if task.target == "sqs:sendMessage":
            self.send(task.arguments["QueueUrl"], task.arguments["MessageBody"])
            return {"MessageId": "a-message"}
        return {"Payload": self.functions[task.target](task.arguments, None)}


def execution_of(machine: str, given: Any, name: str, now: float) -> Execution:
    """An execution that begins now."""
    arn = f"{EXECUTIONS}-{machine.replace('_', '-')}:{name}"
    return Execution(arn, machine, given, started=now)


def start(
    execution: Execution,
    clock: Clock,
    values: JSON | None = None,
    chance: random.Random | None = None,
) -> Steps:
    """The steps of an execution. `values` are the definition's substitutions; without `chance` a
    retry waits as long as it may."""
    about = {"Id": execution.arn, "Input": execution.input, "Name": execution.name}
    about["StartTime"] = iso(clock.now())
    level = Level(execution, clock, {"Execution": about}, {}, values or {}, chance)
    return level.run(definition(execution.machine), execution.input)


def failed(error: Exception) -> StateFailed:
    """The failure of a task whose function raised."""
    if isinstance(error, StateFailed):
        return error
    name = type(error).__name__
    return StateFailed(name, json.dumps({"errorMessage": str(error), "errorType": name}))


@cache
def definition(name: str) -> JSON:
    """A definition of statemachines/, by its file's name without endings."""
    return template.load(ROOT / "statemachines" / f"{name}.asl.yaml")
