"""Verify stage: read what the stage serves now, and compare it with what was to be deployed."""

from __future__ import annotations

from typing import Any

from keyward.aws.gateway import Gateway
from keyward.aws.tables import Lease, Registry
from keyward.errors import GatewayUnavailableError, InvalidInputError, NotFoundError
from keyward.events import contracts
from keyward.runs import runtime

# How many mismatches are told; one is enough for a rollback.
MOST_TOLD = 20


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{rest_api_id, lease, stage, deployment_id}`; output: see `verify`."""
    return verify(event, runtime.gateway(), runtime.registry(), runtime.now())


def verify(
    task: dict[str, Any], gateway: Gateway, registry: Registry, now: float
) -> dict[str, Any]:
    """`{stage, deployment_id, verified, mismatch}`: whether the deployment serves exactly the
    methods, authorizations and keys that were planned, and in words what it does not.

    A false `verified` is a proof: it was read. Raises what the gateway raises when it could not be
    read, GatewayUnavailableError when the deployment is not to be seen (yet).
    """
    registry.leases.renew(Lease.of(task), now)
    rest_api_id, deployment_id = contracts.rest_api_id_of(task), str(task["deployment_id"])
    ours = registry.apis.deployment(rest_api_id, deployment_id)
    if ours is None:
        raise InvalidInputError("deployment_id", "is not one of ours", "Plan the API anew")
    try:
        served = {method.line for method in gateway.deployed(rest_api_id, deployment_id)}
    except NotFoundError:
        raise GatewayUnavailableError(f"deployment {deployment_id} is not to be seen") from None
    wanted = set(ours.methods)
    mismatch = [
        *(f"missing: {line}" for line in sorted(wanted - served)),
        *(f"not planned: {line}" for line in sorted(served - wanted)),
    ]
    return {
        "stage": ours.stage,
        "deployment_id": deployment_id,
        "verified": not mismatch,
        "mismatch": mismatch[:MOST_TOLD],
    }
