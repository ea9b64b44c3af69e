"""Require key: make methods of the working copy ask for a key, as many as the quota lets
through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keyward.aws.gateway import Gateway
from keyward.aws.tables import Lease, Registry
from keyward.errors import (
    GatewayRefusedError,
    NotFoundError,
    PassingError,
    WorkingCopyChangedError,
)
from keyward.events import contracts
from keyward.runs import runtime

JSON = dict[str, Any]
# A turn ends well before its function's time-out, even when API Gateway is slow to answer.
TURN_SECONDS = 30


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{rest_api_id, lease, methods: [{resource_id, method, path}]}`; output
    `{remaining}`."""
    return require_key(event, runtime.gateway(), runtime.registry(), runtime.now)


def require_key(
    task: JSON, gateway: Gateway, registry: Registry, clock: Callable[[], float]
) -> JSON:
    """`{remaining}`: the methods that the account's quota, or the time, left for the next turn.

    Idempotent. Raises what can pass (ThrottledError …) only when not one method was done, so that
    what was done is not done again; WorkingCopyChangedError when a method is gone.
    """
    began = clock()
    registry.leases.renew(Lease.of(task), began)
    rest_api_id, methods = contracts.rest_api_id_of(task), list(task["methods"])
    for done, method in enumerate(methods):
        if clock() - began > TURN_SECONDS:
            return {"remaining": methods[done:]}
        try:
            _require(rest_api_id, method, gateway)
        except PassingError:
            if not done:
                raise
            return {"remaining": methods[done:]}
    return {"remaining": []}


def _require(rest_api_id: str, method: JSON, gateway: Gateway) -> None:
    place = f"{method['method']} {method['path']}"
    try:
        asks = gateway.require_key(rest_api_id, method["resource_id"], method["method"])
    except NotFoundError:
        raise WorkingCopyChangedError(f"{place} is gone from the working copy") from None
    if not asks:
        raise GatewayRefusedError(f"UpdateMethod: {place} still asks for no key")
