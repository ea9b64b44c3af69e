"""A function's exception keeps its class, as on Lambda, so that Retry and Catch match it.

ministack answers `errorType` `Runtime.HandlerError` whatever was raised, and kills the worker.
Here the worker tells class, message and trace and lives on, as Lambda's execution environment does
after a handled exception; the log gets the lines that Lambda's Python runtime writes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from keyward.values import JSON
from local.shims import seam

_HANDLER_RAISED = (
    "        except Exception as e:\n"
    '            _real_stdout.write(json.dumps({"status": "error", "error": str(e), '
    '"trace": traceback.format_exc()}) + "\\n")\n'
)
_TELL_WHAT_WAS_RAISED = (
    "        except Exception as e:\n"
    "            _lines = traceback.format_tb(e.__traceback__)[1:]\n"
    "            _head = type(e).__name__ + ': ' + str(e)\n"
    "            sys.stderr.write('[ERROR] ' + _head + '\\nTraceback (most recent call last):\\n'\n"
    "                             + ''.join(_lines) + '\\n')\n"
    "            sys.stderr.flush()\n"
    "            _raised = {'errorMessage': str(e), 'errorType': type(e).__name__,\n"
    "                       'requestId': context.aws_request_id, 'stackTrace': _lines}\n"
    "            _real_stdout.write(json.dumps({'status': 'ok', 'raised': _raised}) + '\\n')\n"
)


class Raised(dict[str, Any]):
    """The error payload of a handler that raised, on its way out of the worker."""


def _tell_raised(invoke: Callable[..., JSON]) -> Callable[..., JSON]:
    def telling(*args: Any, **kwargs: Any) -> JSON:
        response = invoke(*args, **kwargs)
        raised = response.pop("raised", None)
        return response if raised is None else {**response, "result": Raised(raised)}

    return telling


def _restore_error(execute: Callable[..., JSON]) -> Callable[..., JSON]:
    def restoring(func: JSON, event: Any, request_id: str) -> JSON:
        result = execute(func, event, request_id)
        if not isinstance(result.get("body"), Raised):
            return result
        return {
            **result,
            "body": dict(result["body"]),
            "error": True,
            "function_error": "Unhandled",
        }

    return restoring


def install() -> None:
    """Mend the worker's script, its `invoke` and the execution on a warm worker."""
    seam.edit(lambda_runtime, "_PYTHON_WORKER_SCRIPT", _HANDLER_RAISED, _TELL_WHAT_WAS_RAISED)
    seam.replace(lambda_runtime.Worker, "invoke", "96751a75471021ec", _tell_raised)
    seam.replace(lambda_svc, "_execute_function_warm", "62b9218bef5b948a", _restore_error)
