"""A state machine of ours, run step by step in one process: the real definition, with functions in
place of Lambda's and a virtual clock in place of time. As far as Amazon States Language is used."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonata import Jsonata

from emulator.clock import VirtualClock
from keyward.events import contracts

ROOT = Path(__file__).resolve().parents[2]
JSON = dict[str, Any]
ARN = "arn:aws:states:us-east-1:123456789012:execution:test-protect-api"


class StateFailed(Exception):
    """A state failed: an error's name and cause."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


@dataclass
class Execution:
    """How a run went: `status`, `output` or `error` and `cause`, the names of its states."""

    arn: str
    status: str = "RUNNING"
    output: Any = None
    error: str = ""
    cause: str = ""
    states: list[str] = field(default_factory=list)
    retries: int = 0


@dataclass
class Machine:
    """Runs a definition. `functions` by their id; `announce` takes the entries of PutEvents."""

    name: str
    functions: dict[str, Callable[[JSON, object], Any]]
    announce: Callable[[list[JSON]], None]
    clock: VirtualClock
    runs: int = 0
    send: Callable[[str, str], None] = lambda _, body: None

    def run(self, given: Any, name: str | None = None) -> Execution:
        """Run it to its end."""
        self.runs += 1
        execution = Execution(f"{ARN}:{name or f'run-{self.runs}'}")
        begun = contracts.iso(self.clock.now())
        about = {"Id": execution.arn, "Input": given, "Name": name, "StartTime": begun}
        context = {"Execution": about}
        try:
            output = Level(self, execution, context, {}).run(definition(self.name), given)
        except StateFailed as failure:
            execution.status = "FAILED"
            execution.error, execution.cause = failure.error, failure.cause
        else:
            execution.status, execution.output = "SUCCEEDED", output
        return execution


@dataclass
class Level:
    """The states of a machine, or those within a Map; `variables` of the level above are seen."""

    machine: Machine
    execution: Execution
    context: JSON
    variables: JSON

    def run(self, definition: JSON, given: Any) -> Any:
        """From StartAt to an end: the output."""
        name: str | None = definition["StartAt"]
        while name:
            self.execution.states.append(name)
            entered = contracts.iso(self.machine.clock.now())
            self.context = self.context | {"State": {"Name": name, "EnteredTime": entered}}
            name, given = self._step(definition["States"][name], given)
        return given

    def _step(self, state: JSON, given: Any) -> tuple[str | None, Any]:
        kind = state["Type"]
        if kind in ("Task", "Map"):
            return self._work(state, given)
        if kind == "Choice":
            return self._choose(state, given)
        if kind == "Fail":
            told = [self._value(state[part], given) for part in ("Error", "Cause")]
            raise StateFailed(told[0], told[1])
        if kind == "Wait":
            seconds = self._value(state["Seconds"], given)
            assert int(seconds) == seconds >= 0
            self.machine.clock.advance(seconds)
        return self._leave(state, given, state.get("Next"))

    def _choose(self, state: JSON, given: Any) -> tuple[str | None, Any]:
        for choice in state["Choices"]:
            answer = self._value(choice["Condition"], given)
            assert isinstance(answer, bool), choice
            if answer:
                return self._leave(choice, given, choice["Next"])
        return self._leave(state, given, state["Default"])

    def _work(self, state: JSON, given: Any) -> tuple[str | None, Any]:
        counts: dict[int, int] = {}
        while True:
            try:
                result = (
                    self._map(state, given) if state["Type"] == "Map" else self._task(state, given)
                )
                return self._leave(state, given, state.get("Next"), result=result)
            except StateFailed as failure:
                if not self._retry(state, failure, counts):
                    return self._catch(state, given, failure)

    def _retry(self, state: JSON, failure: StateFailed, counts: dict[int, int]) -> bool:
        for place, rule in enumerate(state.get("Retry", [])):
            if names(rule, failure.error):
                tried = counts.get(place, 0)
                counts[place] = tried + 1
                if tried >= rule["MaxAttempts"]:
                    return False
                wait = rule["IntervalSeconds"] * rule["BackoffRate"] ** tried
                self.machine.clock.advance(min(wait, rule.get("MaxDelaySeconds", wait)))
                self.execution.retries += 1
                return True
        return False

    def _catch(self, state: JSON, given: Any, failure: StateFailed) -> tuple[str | None, Any]:
        output = {"Error": failure.error, "Cause": failure.cause}
        for rule in state.get("Catch", []):
            if names(rule, failure.error):
                return self._leave(rule, given, rule["Next"], caught=output)
        raise failure

    def _task(self, state: JSON, given: Any) -> Any:
        arguments = self._value(state["Arguments"], given)
        if state["Resource"].endswith("events:putEvents"):
            self.machine.announce(arguments["Entries"])
            return {"FailedEntryCount": 0}
        if state["Resource"].endswith("sqs:sendMessage"):
            self.machine.send(arguments["QueueUrl"], arguments["MessageBody"])
            return {"MessageId": "a-message"}
        function = self.machine.functions[state["Arguments"]["FunctionName"][2:-4]]
        try:
            return {"Payload": plain(function(arguments["Payload"], None))}
        except Exception as error:
            cause = {"errorMessage": str(error), "errorType": type(error).__name__}
            raise StateFailed(type(error).__name__, json.dumps(cause)) from error

    def _map(self, state: JSON, given: Any) -> Any:
        results = []
        for index, item in enumerate(self._value(state["Items"], given)):
            context = self.context | {"Map": {"Item": {"Index": index, "Value": item}}}
            inner = Level(self.machine, self.execution, context, dict(self.variables))
            selected = inner._value(state["ItemSelector"], given)
            results.append(inner.run(state["ItemProcessor"], selected))
        return results

    def _leave(
        self, way: JSON, given: Any, following: str | None, result: Any = None, caught: Any = None
    ) -> tuple[str | None, Any]:
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
        if not isinstance(template, str) or not template.startswith("{%"):
            return template
        millis = str(int(self.machine.clock.now() * 1000))
        expression = Jsonata(template.strip()[2:-2].replace("$millis()", millis))
        for name, value in self.variables.items():
            expression.assign(name, value)
        expression.assign("states", states or {"input": given, "context": self.context})
        found = expression.evaluate(None)
        if found is None:
            raise StateFailed("States.QueryEvaluationError", f"{template} gives nothing")
        return plain(found)


@cache
def definition(name: str) -> JSON:
    """A definition of statemachines/, by its file's name without endings."""
    text = (ROOT / "statemachines" / f"{name}.asl.yaml").read_text(encoding="utf-8")
    loaded: JSON = yaml.safe_load(text)
    return loaded


def names(rule: JSON, error: str) -> bool:
    """Whether a retrier or catcher names the error."""
    return bool({error, "States.ALL"} & {*rule["ErrorEquals"]})


def plain(value: Any) -> Any:
    """As it crosses the wire: JSON, and nothing that JSON cannot say."""
    return json.loads(json.dumps(value))
