"""Require key: make methods of the working copy ask for a key, as many as the quota lets
through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keyward.apis.progress import RETRY_SECONDS, Progress
from keyward.aws.gateway import Gateway
from keyward.aws.tables import Lease, Registry
from keyward.errors import (
    GatewayRefusedError,
    NotFoundError,
    PassingError,
    ThrottledError,
    WorkingCopyChangedError,
)
from keyward.runs import runtime
from keyward.values import JSON

# A call ends well before its function's time-out, even when API Gateway is slow to answer.
MAX_SECONDS = 30


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input and output: a run's progress (apis/progress.py); see `require_key`."""
    run = runtime.context()
    return require_key(Progress.of(event), run.gateway, run.registry, run.clock).as_json()


def require_key(
    progress: Progress, gateway: Gateway, registry: Registry, clock: Callable[[], float]
) -> Progress:
    """The run without the methods that ask for a key now. What the account's quota, or the time,
    leaves over is for the next call.

    Idempotent. Raises what passes, but for a 429, only when not one method was done, so that what
    was done is not done again; WorkingCopyChangedError when a method is gone.
    """
    began = clock()
    registry.leases.renew(Lease.of({"lease": progress.lease}), began)
    for done, method in enumerate(progress.require):
        left = progress.require[done:]
        if clock() - began > MAX_SECONDS:
            return progress.advanced(clock(), require=left)
        try:
            _require(progress.rest_api_id, method, gateway)
        except PassingError as error:
            if not done and not isinstance(error, ThrottledError):
                raise
            # Tries count from the last method that was done.
            before = progress if not done else progress.advanced(clock())
            return before.later(RETRY_SECONDS, error, require=left)
    return progress.advanced(clock(), require=())


def _require(rest_api_id: str, method: JSON, gateway: Gateway) -> None:
    place = f"{method['method']} {method['path']}"
    try:
        asks = gateway.require_key(rest_api_id, method["resource_id"], method["method"])
    except NotFoundError:
        raise WorkingCopyChangedError(f"{place} is gone from the working copy") from None
    if not asks:
        raise GatewayRefusedError(f"UpdateMethod: {place} still asks for no key")
