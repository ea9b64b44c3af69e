"""The states of a machine of ours, run step by step: Amazon States Language as far as it is used.

A level is a generator: it yields each `Wait` and each `Task` to whoever drives it. So one driver
runs many executions at once (executions.py)."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

from jsonata import Jsonata

from keyward.values import JSON, iso

# Step Functions quotas: the most bytes of an input or output, of a task, a state or an execution.
MAX_BYTES = 262_144
# States.ALL does not match these (Step Functions developer guide, "Handling errors").
UNCATCHABLE = ("States.DataLimitExceeded", "States.Runtime")


class Clock(Protocol):
    """Where a machine gets its time from, and lets it pass."""

    def now(self) -> float:
        """Epoch seconds."""

    def advance(self, seconds: float) -> None:
        """Let time pass."""


class StateFailed(Exception):
    """A state failed: an error's name and cause."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


@dataclass(frozen=True)
class Wait:
    """The execution goes on after so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Task:
    """The execution goes on with the answer of a function, or of a service: `target` is the
    function's id, or the service's operation (`events:putEvents`)."""

    target: str
    arguments: Any
    timeout: float | None = None


Steps = Generator[Wait | Task, Any, Any]
Way = tuple[str | None, Any]


@dataclass
class Execution:
    """How a run went: `status`, `output` or `error` and `cause`, the names of its states. Times are
    epoch seconds."""

    arn: str
    machine: str = ""
    input: Any = None
    status: str = "RUNNING"
    output: Any = None
    error: str = ""
    cause: str = ""
    states: list[str] = field(default_factory=list)
    retries: int = 0
    started: float = 0.0
    ended: float | None = None

    @property
    def name(self) -> str:
        """The last part of its ARN."""
        return self.arn.rpartition(":")[2]

    def end(self, status: str, at: float, error: str = "", cause: str = "") -> None:
        """Note how it ended."""
        self.status, self.ended, self.error, self.cause = status, at, error, cause


@dataclass
class Level:
    """The states of a machine, or those within a Map or a branch of a Parallel, which see the
    `variables` of the level above."""

    execution: Execution
    clock: Clock
    context: JSON
    variables: JSON
    values: JSON
    chance: random.Random | None = None

    def run(self, definition: JSON, given: Any) -> Steps:
        """From StartAt to an end: the output."""
        name: str | None = definition["StartAt"]
        while name:
            self.execution.states.append(name)
            entered = iso(self.clock.now())
            self.context = self.context | {"State": {"Name": name, "EnteredTime": entered}}
            name, given = yield from self._step(definition["States"][name], given)
        return given

    def _step(self, state: JSON, given: Any) -> Generator[Wait | Task, Any, Way]:
        kind = state["Type"]
        if kind in WORK:
            return (yield from self._work(state, given))
        if kind == "Choice":
            return self._choose(state, given)
        if kind == "Fail":
            error_and_cause = [self._value(state[part], given) for part in ("Error", "Cause")]
            raise StateFailed(error_and_cause[0], error_and_cause[1])
        if kind == "Wait":
            seconds = self._value(state["Seconds"], given)
            assert int(seconds) == seconds >= 0
            yield Wait(seconds)
        return self._leave(state, given, state.get("Next"))

    def _choose(self, state: JSON, given: Any) -> Way:
        for choice in state["Choices"]:
            answer = self._value(choice["Condition"], given)
            assert isinstance(answer, bool), choice
            if answer:
                return self._leave(choice, given, choice["Next"])
        return self._leave(state, given, state["Default"])

    def _work(self, state: JSON, given: Any) -> Generator[Wait | Task, Any, Way]:
        counts: dict[int, int] = {}
        while True:
            before = dict(self.variables)
            try:
                result = yield from WORK[state["Type"]](self, state, given)
                return self._leave(state, given, state.get("Next"), result=result)
            except StateFailed as failure:
                self.variables = before
                seconds = self._retry(state, failure, counts)
                if seconds is None:
                    return self._catch(state, given, failure)
                yield Wait(seconds)

    def _retry(self, state: JSON, failure: StateFailed, counts: dict[int, int]) -> float | None:
        """How long to wait before another try; None when there is none."""
        for place, rule in enumerate(state.get("Retry", [])):
            if names(rule, failure.error):
                tried = counts.get(place, 0)
                counts[place] = tried + 1
                if tried >= rule.get("MaxAttempts", 3):
                    return None
                self.execution.retries += 1
                wait = rule.get("IntervalSeconds", 1) * rule.get("BackoffRate", 2) ** tried
                wait = float(min(wait, rule.get("MaxDelaySeconds", wait)))
                jitter = self.chance and rule.get("JitterStrategy") == "FULL"
                return self.chance.uniform(0, wait) if jitter and self.chance else wait
        return None

    def _catch(self, state: JSON, given: Any, failure: StateFailed) -> Way:
        output = {"Error": failure.error, "Cause": failure.cause}
        for rule in state.get("Catch", []):
            if names(rule, failure.error):
                return self._leave(rule, given, rule["Next"], caught=output)
        raise failure

    def _task(self, state: JSON, given: Any) -> Steps:
        arguments = self._value(state["Arguments"], given)
        target = state["Resource"].partition(":states:::")[2]
        if target.startswith("lambda:"):
            target, arguments = state["Arguments"]["FunctionName"][2:-4], arguments["Payload"]
        return plain((yield Task(target, plain(arguments), state.get("TimeoutSeconds"))))

    def _map(self, state: JSON, given: Any) -> Steps:
        results = []
        for index, item in enumerate(self._value(state["Items"], given)):
            inner = self._inner({"Map": {"Item": {"Index": index, "Value": item}}})
            selected = given
            if "ItemSelector" in state:
                selected = inner._value(state["ItemSelector"], given)
            results.append((yield from inner.run(state["ItemProcessor"], selected)))
        return plain(results)

    def _parallel(self, state: JSON, given: Any) -> Steps:
        """The branches one after the other: ours have one."""
        results = []
        for branch in state["Branches"]:
            results.append((yield from self._inner({}).run(branch, given)))
        return plain(results)

    def _inner(self, more: JSON) -> Level:
        context, variables = self.context | more, dict(self.variables)
        return Level(self.execution, self.clock, context, variables, self.values, self.chance)

    def _leave(
        self, way: JSON, given: Any, following: str | None, result: Any = None, caught: Any = None
    ) -> Way:
        """Assign and Output see the same variables: those from before."""
        states = {"input": given, "context": self.context}
        states |= {"result": result} if caught is None else {"errorOutput": caught}
        assigned = self._value(way.get("Assign", {}), given, states)
        output = given if result is None else result
        output = caught if caught is not None else output
        if "Output" in way:
            output = self._value(way["Output"], given, states)
        self.variables.update(assigned)
        return following, output

    def _value(self, template: Any, given: Any, states: JSON | None = None) -> Any:
        if isinstance(template, dict):
            return {key: self._value(item, given, states) for key, item in template.items()}
        if isinstance(template, list):
            return [self._value(item, given, states) for item in template]
        if not isinstance(template, str):
            return template
        if not template.startswith("{%"):
            return self.values.get(template, template)
        reserved: JSON = {"states": states or {"input": given, "context": self.context}}
        reserved["virtual_millis"] = int(self.clock.now() * 1000)
        values = self.variables | reserved
        found = _read(template, values)
        if found is None:
            found = expression(template).evaluate(None, values)
        if found is None:
            raise StateFailed("States.QueryEvaluationError", f"{template} gives nothing")
        return plain(found)


# Most expressions name a field, or compare one with a word, and do no more; JSONata takes half a
# millisecond for that.
SIMPLE = re.compile(r"\{%\s*\$([a-z_]+(?:\.\w+)*)(?: = '(\w+)')?\s*%\}")


def _read(template: str, values: JSON) -> Any:
    """The field, or whether it is the word. None where JSONata has to say what is meant."""
    simple = _simple(template)
    if simple is None:
        return None
    names, word = simple
    value: Any = values
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    if word is None:
        return value
    return value == word if isinstance(value, str) else None


@lru_cache(maxsize=1000)
def _simple(template: str) -> tuple[list[str], str | None] | None:
    """The names of a field and the word that it is compared with, None for other expressions."""
    found = SIMPLE.fullmatch(template)
    return (found[1].split("."), found[2]) if found else None


WORK: dict[str, Callable[[Level, JSON, Any], Steps]] = {
    "Task": Level._task,
    "Map": Level._map,
    "Parallel": Level._parallel,
}


@lru_cache(maxsize=1000)
def expression(template: str) -> Jsonata:
    """An expression, parsed once a process; `$millis()` is the virtual clock's."""
    return Jsonata(template.strip()[2:-2].replace("$millis()", "$virtual_millis"))


def names(rule: JSON, error: str) -> bool:
    """Whether a retrier or catcher names the error."""
    listed = rule["ErrorEquals"]
    return error in listed or ("States.ALL" in listed and error not in UNCATCHABLE)


def plain(value: Any, most: int = MAX_BYTES) -> Any:
    """As it crosses the wire: JSON, and nothing that JSON cannot say. Raises StateFailed where Step
    Functions, or another service that carries `most` bytes, would not carry it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) < MAX_BYTES // 6:
        return value
    text = json.dumps(value)
    if len(text) > most and len(json.dumps(value, ensure_ascii=False).encode()) > most:
        raise StateFailed("States.DataLimitExceeded", f"more than {most} bytes")
    return json.loads(text)
