"""Require key: make methods of the working copy ask for a key, as many as the quota lets through.
Methods that an exemption waives ask for none again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keyward.apis.progress import RETRY_SECONDS, Progress
from keyward.aws.gateway import Gateway
from keyward.errors import (
    GatewayRefusedError,
    NotFoundError,
    PassingError,
    ThrottledError,
    WorkingCopyChangedError,
)
from keyward.runs import runtime
from keyward.runs.apis.turn import ApiTurn
from keyward.runs.context import Context
from keyward.runs.schedule import calls_of
from keyward.values import JSON

# A call ends well before its function's time-out, even when API Gateway is slow to answer.
MAX_SECONDS = 30
# One turn is for so many methods, so that a large API leaves room between its calls.
METHODS_A_TURN = 10


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input and output: a run's progress (apis/progress.py); see `require_key`."""
    return require_key(Progress.of(event), runtime.context()).as_json()


def require_key(progress: Progress, context: Context) -> Progress:
    """Close methods, a turn's worth at a time; returns the run without them. What the account's
    share or the time leaves over is for the next call.

    Idempotent. Raises what passes, but for a 429, only when not one method was done, so that what
    was done is not done again. Raises WorkingCopyChangedError when a method is gone.
    """
    began, all_of_them = context.now, len(progress.require)
    while progress.require and context.now - began <= MAX_SECONDS:
        asked = progress.require[:METHODS_A_TURN]
        calls = calls_of(["UpdateMethod"] * len(asked))
        progress, is_there = ApiTurn(context, progress).enter(calls)
        if not is_there:
            return progress
        progress, error = _require_all(progress, asked, context)
        if error:
            if len(progress.require) == all_of_them and not isinstance(error, ThrottledError):
                raise error
            return progress.later(RETRY_SECONDS, error)
    return progress.advanced(context.now)


def _require_all(
    progress: Progress, methods: tuple[JSON, ...], context: Context
) -> tuple[Progress, PassingError | None]:
    """Close these methods. Returns the run without those that were done, and what stopped it."""
    for done, method in enumerate(methods):
        try:
            _require(progress.rest_api_id, method, context.gateway)
        except PassingError as error:
            # Tries count from the last method that was done.
            tries = 0 if done else progress.tries
            return replace(progress, require=progress.require[done:], tries=tries), error
    return replace(progress, require=progress.require[len(methods) :], tries=0), None


def _require(rest_api_id: str, method: JSON, gateway: Gateway) -> None:
    place = f"{method['method']} {method['path']}"
    wanted = not method.get("is_waived")
    try:
        asks = gateway.require_key(rest_api_id, method["resource_id"], method["method"], wanted)
    except NotFoundError:
        raise WorkingCopyChangedError(f"{place} is gone from the working copy") from None
    if asks != wanted:
        how = "no key" if wanted else "a key"
        raise GatewayRefusedError(f"UpdateMethod: {place} still asks for {how}")
