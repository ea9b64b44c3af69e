"""Histories of the bench, and ministack's interpreter to run them a second time.

A history is what an execution asked of the world, in order, and what it was answered: each task
with its arguments and its answer or error, each wait, and the time at which it went on. The second
engine is given the same answers at the same times; whatever it asks otherwise is a difference.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from keyward.values import JSON, iso
from local.bench import Bench
from local.lifetime import executions, machine
from local.lifetime.states import Execution, StateFailed, Steps, Task, Wait


@dataclass
class Moment:
    """A step, when the execution went on, and the answer or the error with which it did."""

    step: Wait | Task
    at: float
    answer: Any = None
    failure: StateFailed | None = None


@dataclass
class History:
    """An execution of the bench with its moments; `values` are the definition's substitutions."""

    execution: Execution
    values: JSON
    moments: list[Moment] = field(default_factory=list)


@contextmanager
def recorded(bench: Bench) -> Iterator[list[History]]:
    """The histories of all executions that begin in the block."""
    histories: list[History] = []
    start = machine.start

    def starting(execution: Execution, clock: Any, values: JSON, chance: Any) -> Steps:
        history = History(execution, values)
        histories.append(history)
        return _recording(start(execution, clock, values, chance), history, bench)

    with mock.patch.object(executions, "start", starting):
        yield histories


def _recording(steps: Steps, history: History, bench: Bench) -> Steps:
    answer: Any = None
    failure: StateFailed | None = None
    while True:
        try:
            step = steps.throw(failure) if failure else steps.send(answer)
        except StopIteration as end:
            return end.value
        answer = failure = None
        try:
            answer = yield step
        except StateFailed as error:
            failure = error
        history.moments.append(Moment(step, bench.clock.now(), answer, failure))


@dataclass
class Replay:
    """What the second engine made of a history."""

    status: str
    output: Any
    error: str | None
    states: list[str]
    differences: list[str]


class Script:
    """Answers the second engine as the first was answered, and notes what it asks otherwise."""

    def __init__(self, history: History) -> None:
        self.rest = list(history.moments)
        self.now = history.execution.started
        self.differences: list[str] = []

    def _next(self, asked: Wait | Task) -> Moment:
        if not self.rest:
            self.differences.append(f"{asked}, and the first engine was at its end")
            return Moment(asked, self.now, failure=StateFailed("Different", "no such step"))
        moment = self.rest.pop(0)
        self.now = moment.at
        return moment

    def task(self, resource: str, arguments: Any) -> Any:
        """`_invoke_resource` of ministack."""
        from ministack.services import stepfunctions

        target = resource.partition(":states:::")[2]
        if target.startswith("lambda:"):
            target, arguments = arguments["FunctionName"][2:-4], arguments["Payload"]
        moment = self._next(Task(target, arguments))
        first = moment.step
        if not isinstance(first, Task) or (first.target, first.arguments) != (target, arguments):
            self.differences.append(f"{first} became {target} with {arguments}")
        if moment.failure:
            raise stepfunctions._ExecutionError(moment.failure.error, moment.failure.cause)
        return moment.answer

    def wait(self, seconds: float) -> None:
        """`_scaled_sleep` of ministack. Its retries know no jitter, so these may take longer."""
        first = self._next(Wait(seconds)).step
        if not isinstance(first, Wait) or first.seconds > seconds:
            self.differences.append(f"{first} became a wait of {seconds} s")


def replay(history: History) -> Replay:
    """Run the history's definition with its input on ministack's interpreter."""
    from ministack.services import stepfunctions

    execution, script = history.execution, Script(history)
    evaluate = stepfunctions._evaluate_jsonata

    def at_the_time(expression: str, *rest: Any, **more: Any) -> Any:
        millis = str(int(script.now * 1000))
        return evaluate(expression.replace("$millis()", millis), *rest, **more)

    begun = iso(execution.started)
    entry = {"executionArn": execution.arn, "stateMachineArn": "machine", "name": execution.name}
    entry |= {"status": "RUNNING", "startDate": begun, "input": json.dumps(execution.input)}
    entry |= {"events": [], "testCase": "", "output": None, "error": None}
    definition = json.dumps(_substituted(machine.definition(execution.machine), history.values))
    stepfunctions._state_machines["machine"] = {"name": "machine", "definition": definition}
    stepfunctions._executions[execution.arn] = entry
    patches = {
        "_invoke_resource": script.task,
        "_scaled_sleep": script.wait,
        "_evaluate_jsonata": at_the_time,
        "_emit_execution_status_event": lambda _: None,
        "now_iso": lambda: iso(script.now),
        # one item of a Map after the other, as the first engine does it
        "ThreadPoolExecutor": lambda max_workers: ThreadPoolExecutor(1),
    }
    with mock.patch.multiple(stepfunctions, **patches):
        stepfunctions._run_execution(execution.arn)
    entered = [event.get("stateEnteredEventDetails") for event in entry["events"]]
    output = json.loads(entry["output"]) if entry["status"] == "SUCCEEDED" else None
    states = [str(details["name"]) for details in entered if details]
    left = [f"not done: {moment.step}" for moment in script.rest]
    return Replay(entry["status"], output, entry["error"], states, script.differences + left)


def _substituted(node: Any, values: JSON) -> Any:
    """The definition with its substitutions, but for the functions: those are known by their id."""
    if isinstance(node, list):
        return [_substituted(item, values) for item in node]
    if isinstance(node, dict):
        return {
            name: item if name == "FunctionName" else _substituted(item, values)
            for name, item in node.items()
        }
    return values.get(node, node) if isinstance(node, str) else node
