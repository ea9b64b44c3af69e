"""Step Functions: a repeated StartExecution answers as AWS does, and the history tells everything.

- StartExecution with the name and input of a running Standard execution returns that execution
  (API reference, StartExecution: "StartExecution is idempotent for STANDARD workflows").
- ministack's history lacks the states inside a Map or Parallel and what a task was given; without
  them a search for leaked values would find too little.
- A variable that a branch or a Map iteration assigns ends with it, so that a retried branch begins
  anew (developer guide, "Passing data between states with variables": inner scope).
- A stopped execution enters no further state, within a branch or an iteration either.
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable
from typing import Any

from ministack.services import stepfunctions

from keyward.values import JSON
from local.shims import limits, seam

Handler = Callable[..., tuple[Any, str | None]]


class _Thread(threading.local):
    """What the current thread works on: each Map item and each branch has a thread of its own."""

    inner: JSON | None = None
    arguments: Any = None


_thread = _Thread()
_history_lock = threading.Lock()


def _same_execution(start: Callable[[JSON], Any]) -> Callable[[JSON], Any]:
    def start_or_find(request: JSON) -> Any:
        answer = start(request)
        if answer[0] != 400 or json.loads(answer[2])["__type"] != "ExecutionAlreadyExists":
            return answer
        machine = stepfunctions._resolve_state_machine_arn(request["stateMachineArn"])
        for execution in list(stepfunctions._executions.values()):
            named_so = (execution["stateMachineArn"], execution["name"]) == (
                machine,
                request["name"],
            )
            running = execution["status"] == "RUNNING"
            if named_so and running and execution["input"] == request.get("input", "{}"):
                found = {key: execution[key] for key in ("executionArn", "startDate")}
                return stepfunctions.json_response(found)
        return answer

    return start_or_find


def _remember_arguments(apply: Callable[..., Any]) -> Callable[..., Any]:
    def applying(*args: Any, **kwargs: Any) -> Any:
        _thread.arguments = apply(*args, **kwargs)
        return _thread.arguments

    return applying


def _record_parameters(add: Callable[..., JSON]) -> Callable[..., JSON]:
    """TaskScheduledEventDetails has `parameters`, JSON as a string (botocore model)."""

    def adding(execution: JSON, event_type: str, details: JSON | None = None) -> JSON:
        if event_type == "TaskScheduled" and details is not None:
            details["taskScheduledEventDetails"]["parameters"] = json.dumps(_thread.arguments)
            _thread.arguments = None
        with _history_lock:
            return add(execution, event_type, details)

    return adding


class _Failures(list[Any]):
    """The failures of a Map's iterations so far, which all its copies of the context share: after
    one no further iteration starts (developer guide, "Map workflow state": the Map fails)."""

    def __deepcopy__(self, _memo: JSON) -> _Failures:
        return self


def _share_failures(run: Callable[..., Any]) -> Callable[..., Any]:
    def running(state: JSON, data: Any, execution: JSON, ctx: JSON) -> Any:
        return run(state, data, execution, {**ctx, "Failures": _Failures()})

    return running


def _mark_inner(run: Callable[..., Any]) -> Callable[..., Any]:
    def running(states: JSON, start_at: str, data: Any, execution: JSON, ctx: JSON) -> Any:
        outer, _thread.inner = _thread.inner, execution
        failures = ctx.get("Failures", _Failures())
        try:
            if failures and "Map" in ctx:
                raise failures[0]
            return run(
                states, start_at, data, execution, {**copy.deepcopy(ctx), "Failures": _Failures()}
            )
        except stepfunctions._ExecutionError as error:
            failures.append(error)
            raise
        finally:
            _thread.inner = outer

    return running


def _record_inner(kind: str) -> Callable[[Handler], Handler]:
    def build(handler: Handler) -> Handler:
        def handling(state: JSON, data: Any, *rest: Any) -> tuple[Any, str | None]:
            execution, ctx = _thread.inner, rest[-1]
            if execution is None:
                output, following = handler(state, data, *rest)
                limits.check_state(output, ctx["State"]["Name"])
                return output, following
            if execution["status"] != "RUNNING":
                raise stepfunctions._ExecutionError("States.Runtime", "the execution was stopped")
            name = ctx["State"]["Name"]
            entered = {"stateEnteredEventDetails": {"name": name, "input": json.dumps(data)}}
            stepfunctions._add_event(execution, f"{kind}StateEntered", entered)
            output, following = handler(state, data, *rest)
            limits.check_state(output, name)
            left = {"stateExitedEventDetails": {"name": name, "output": json.dumps(output)}}
            stepfunctions._add_event(execution, f"{kind}StateExited", left)
            return output, following

        return handling

    return build


def _record_failing(error_of: Callable[..., tuple[str, str]]) -> Callable[..., tuple[str, str]]:
    """A Fail state within a branch has no handler that could be wrapped."""

    def failing(state: JSON, data: Any, ctx: JSON) -> tuple[str, str]:
        if _thread.inner is not None:
            entered = {"name": ctx["State"]["Name"], "input": json.dumps(data)}
            details = {"stateEnteredEventDetails": entered}
            stepfunctions._add_event(_thread.inner, "FailStateEntered", details)
        return error_of(state, data, ctx)

    return failing


def _record_succeeding(select: Callable[..., Any]) -> Callable[..., Any]:
    """A Succeed state within a branch or an iteration has no handler either; its input is selected
    first of all."""

    def selecting(state: JSON, data: Any, ctx: JSON | None = None) -> Any:
        if _thread.inner is not None and ctx and state.get("Type") == "Succeed":
            entered = {"name": ctx["State"]["Name"], "input": json.dumps(data)}
            details = {"stateEnteredEventDetails": entered}
            stepfunctions._add_event(_thread.inner, "SucceedStateEntered", details)
        return select(state, data, ctx)

    return selecting


HANDLERS = {
    "Pass": ("_execute_pass", "b1dff47048bcf8e1"),
    "Task": ("_execute_task", "53c818d247dba62c"),
    "Choice": ("_execute_choice", "468955fcd4a438d2"),
    "Wait": ("_execute_wait", "a1012679c72d1b08"),
    "Map": ("_execute_map", "18ad3965291213ad"),
    "Parallel": ("_execute_parallel", "2166e1f53e5fd48d"),
}


def install() -> None:
    """Mend StartExecution and the history."""
    service = stepfunctions
    seam.replace(service, "_start_execution", "9923282fc76c57b9", _same_execution)
    seam.replace(service, "_add_event", "b1db143ccd21809d", _record_parameters)
    seam.replace(service, "_apply_jsonata_arguments", "c74f8b18dccd7677", _remember_arguments)
    seam.replace(service, "_run_map_items", "5df19a8074ce768c", _share_failures)
    seam.replace(service, "_run_sub_machine", "f8d844168b1459f8", _mark_inner)
    seam.replace(service, "_apply_input_path", "65be3f02951797de", _record_succeeding)
    seam.replace(service, "_fail_state_error", "98f66cfa4b717fe8", _record_failing)
    for kind, (name, source) in HANDLERS.items():
        seam.replace(service, name, source, _record_inner(kind))
