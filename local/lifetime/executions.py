"""Step Functions in this process: any number of executions on one virtual clock."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from keyward.values import JSON
from local.lifetime.machine import definition, execution_of, failed, start
from local.lifetime.queues import Answered
from local.lifetime.scheduler import Died, Scheduler
from local.lifetime.services import refusal
from local.lifetime.stack import Stack
from local.lifetime.states import MAX_BYTES, Execution, StateFailed, Steps, Task, Wait


class Executions:
    """Starts, drives and ends executions. `perform` does a task; `on_end` hears of each end. The
    methods with camel-case parameters are those of the client."""

    def __init__(
        self,
        stack: Stack,
        scheduler: Scheduler,
        perform: Callable[[Task, Answered], None],
        on_end: Callable[[JSON], None],
    ) -> None:
        self._scheduler, self._perform, self._on_end = scheduler, perform, on_end
        self._machines, self._values = stack.machines(), stack.substitutions()
        self.by_arn: dict[str, Execution] = {}
        self._arns = {name: arn for arn, name in self._machines.items()}
        self._steps: dict[str, Steps] = {}

    def begin(self, machine: str, name: str, given: Any) -> Execution:
        """Start an execution of a definition by its file's name."""
        now = self._scheduler.clock.now()
        execution = execution_of(machine, given, name, now)
        self.by_arn[execution.arn] = execution
        chance = random.Random(execution.arn)
        self._steps[execution.arn] = start(execution, self._clock, self._values, chance)
        limit = definition(machine).get("TimeoutSeconds")
        if limit:
            self._scheduler.after(limit, lambda: self.end(execution, "TIMED_OUT"), background=True)
        self._scheduler.after(0, lambda: self._go(execution))
        return execution

    @property
    def _clock(self) -> Any:
        return self._scheduler.clock

    def _go(
        self, execution: Execution, answer: Any = None, failure: StateFailed | None = None
    ) -> None:
        if execution.status != "RUNNING":
            return
        steps = self._steps[execution.arn]
        try:
            step = steps.throw(failure) if failure else steps.send(answer)
        except StopIteration as end:
            execution.output = end.value
            self.end(execution, "SUCCEEDED")
        except StateFailed as error:
            self.end(execution, "FAILED", error.error, error.cause)
        else:
            self._do(execution, step)

    def _do(self, execution: Execution, step: Wait | Task) -> None:
        if isinstance(step, Wait):
            self._scheduler.after(step.seconds, lambda: self._go(execution))
            return
        done = [False]

        def answered(answer: Any, error: StateFailed | None) -> None:
            if not done[0]:
                done[0] = True
                self._scheduler.after(0, lambda: self._go(execution, answer, error))

        if step.timeout:
            late = StateFailed("States.Timeout", f"{step.target} took {step.timeout} s")
            self._scheduler.after(step.timeout, lambda: answered(None, late), background=True)
        try:
            self._perform(step, answered)
        except Died:
            answered(None, StateFailed("States.TaskFailed", step.target))
        except Exception as error:  # noqa: BLE001 - Step Functions takes any error of a service
            answered(None, failed(error))

    def end(self, execution: Execution, status: str, error: str = "", cause: str = "") -> None:
        """End an execution that runs; a function that is at work goes on."""
        if execution.status != "RUNNING":
            return
        execution.end(status, self._clock.now(), error, cause)
        self._steps.pop(execution.arn)
        self._on_end(
            {
                "executionArn": execution.arn,
                "stateMachineArn": self._arns[execution.machine],
                "name": execution.name,
                "status": status,
                "startDate": int(execution.started * 1000),
                "stopDate": int(self._clock.now() * 1000),
                "input": json.dumps(execution.input),
                "error": error or None,
                "cause": cause or None,
            }
        )

    def start_execution(self, stateMachineArn: str, name: str, input: str = "{}") -> JSON:
        """StartExecution: a name starts one execution, whatever becomes of it."""
        if len(input.encode()) > MAX_BYTES:
            raise refusal("StartExecution", "InvalidExecutionInput")
        machine, given = self._machines[stateMachineArn], json.loads(input)
        arn = execution_of(machine, given, name, 0).arn
        found = self.by_arn.get(arn)
        if found is None:
            self.begin(machine, name, given)
        elif found.status != "RUNNING" or found.input != given:
            raise refusal("StartExecution", "ExecutionAlreadyExists")
        return {"executionArn": arn}

    def describe_execution(self, executionArn: str) -> JSON:
        """DescribeExecution."""
        found = self._found(executionArn, "DescribeExecution")
        return {"executionArn": found.arn, "name": found.name, "status": found.status}

    def stop_execution(self, executionArn: str, error: str = "", cause: str = "") -> JSON:
        """StopExecution."""
        self.end(self._found(executionArn, "StopExecution"), "ABORTED", error, cause)
        return {}

    def _found(self, arn: str, operation: str) -> Execution:
        if arn not in self.by_arn:
            raise refusal(operation, "ExecutionDoesNotExist")
        return self.by_arn[arn]
