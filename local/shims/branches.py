"""Step Functions: a Parallel state in JSONata, and what ends an execution.

- Arguments, Output and Assign of a Parallel state hold ("Parallel workflow state", JSONata fields);
  ministack knows only their JSONPath forms.
- States.ALL matches neither States.DataLimitExceeded nor States.Runtime ("Handling errors in Step
  Functions workflows"). ministack names these two where AWS does.
- A stopped execution stays ABORTED, whatever becomes of the task that was under way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import stepfunctions

from keyward.values import JSON
from local.shims import seam

ENDING = frozenset({"States.DataLimitExceeded", "States.Runtime"})
BRANCHES = ("Branches", "Next", "End")


def _with_jsonata(run: Callable[..., Any]) -> Callable[..., Any]:
    def running(state: JSON, data: Any, execution: JSON, ctx: JSON) -> tuple[Any, str | None]:
        if stepfunctions._state_query_language(state, ctx) != "JSONata":
            result: tuple[Any, str | None] = run(state, data, execution, ctx)
            return result
        given = stepfunctions._apply_jsonata_arguments(state, data, ctx)
        bare = {name: state[name] for name in BRANCHES if name in state}
        results, following = run(bare, given, execution, ctx)
        output = stepfunctions._apply_jsonata_output(
            state, data, ctx, result=results, default=results
        )
        stepfunctions._apply_state_assign(state, data, ctx, result=results)
        return output, following

    return running


def _past_wildcards(matches: Callable[[list[str], str], bool]) -> Callable[[list[str], str], bool]:
    def matching(error_equals: list[str], error: str) -> bool:
        return error in error_equals if error in ENDING else matches(error_equals, error)

    return matching


def _only_running(fail: Callable[..., None]) -> Callable[..., None]:
    def failing(execution: JSON, error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    return failing


def install() -> None:
    """Mend Parallel, wildcards and stopped executions."""
    service = stepfunctions
    seam.replace(service, "_run_parallel_branches", "b8c7f69152976e05", _with_jsonata)
    seam.replace(service, "_error_matches", "519b9dc729c56a3c", _past_wildcards)
    seam.replace(service, "_fail_execution", "e6da895fa0b74cdd", _only_running)
