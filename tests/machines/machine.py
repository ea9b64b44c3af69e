"""One state machine of ours alone, in one process: the real definition, with functions in place of
Lambda's and a virtual clock in place of time. local/bench.py runs the whole stack."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from keyward.runs import runtime
from keyward.values import JSON
from local.lifetime.machine import execution_of, failed, start
from local.lifetime.scheduler import Died
from local.lifetime.states import Clock, Execution, StateFailed, Steps, Task, Wait
from tests.support import Bench, workbench

__all__ = ["Execution", "Machine", "MachineLab", "refusal", "with_runtime"]


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

    @contextmanager
    def recorded(self, function: str) -> Iterator[list[JSON]]:
        """The tasks that the machine sends to a function meanwhile."""
        tasks: list[JSON] = []
        whole = self.functions[function]

        def record(task: JSON, context: object) -> Any:
            tasks.append(task)
            return whole(task, context)

        self.functions = self.functions | {function: record}
        try:
            yield tasks
        finally:
            self.functions = self.functions | {function: whole}


@dataclass
class MachineLab:
    """A bench with one machine on it."""

    bench: Bench
    machine: Machine

    @property
    def client(self) -> Any:
        """boto3's client of API Gateway, for the team that owns the account."""
        return self.bench.client

    def events(self, detail_type: str | None = None) -> list[JSON]:
        """The details announced, of one type or of all."""
        return [
            entry["Detail"]
            for entry in self.bench.bus.entries
            if detail_type in (None, entry["DetailType"])
        ]

    def event_types(self) -> list[str]:
        """The types of what was announced."""
        return [entry["DetailType"] for entry in self.bench.bus.entries]

    def forget(self) -> None:
        """An empty ledger, no events so far."""
        self.bench.emulator.ledger.clear()
        self.bench.bus.entries.clear()

    def empty(self) -> None:
        """An empty account, empty tables, no faults and no events."""
        self.bench.emulator.reset()
        self.bench.emulator.set_propagation(0)
        self.bench.empty_tables()
        bus = self.bench.bus
        for heard in (bus.started, bus.asked, bus.sent, bus.stopped, bus.later):
            heard.clear()
        self.forget()


@contextmanager
def with_runtime(settings: Mapping[str, str]) -> Iterator[Bench]:
    """A fresh bench; the functions' runtime is that of the bench, with these settings."""
    with workbench() as bench, pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        patch.setattr(runtime, "now", bench.clock.now)
        patch.setattr(runtime, "pause", bench.clock.advance)
        patch.setattr(runtime, "_gateway", lambda: bench.gateway)
        patch.setattr(runtime, "_registry", lambda: bench.registry)
        patch.setattr(runtime, "_bus", lambda: bench.bus)
        yield bench


def refusal(run: Execution) -> JSON:
    """Why a person's run was refused; it is no failure."""
    assert run.status == "SUCCEEDED"
    assert list(run.output) == ["refused"]
    return dict(run.output["refused"])
