"""Verify stage: read what the stage serves now, and compare it with what was to be deployed."""

from __future__ import annotations

from typing import Any

from keyward.apis.progress import PROBE, RETRY_SECONDS, ROLL_BACK, Progress
from keyward.aws.gateway import Gateway, Patience
from keyward.aws.tables import Registry
from keyward.aws.tables.leases import Lease
from keyward.errors import (
    GatewayRefusedError,
    GatewayUnavailableError,
    InvalidInputError,
    NotFoundError,
    ThrottledError,
)
from keyward.runs import runtime

PATIENCE_SECONDS = 15
# How many mismatches are announced; one is enough for a rollback.
MAX_LISTED = 20


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input and output: a run's progress (apis/progress.py); see `verify`."""
    run = runtime.context()
    gateway = run.gateway.patiently(Patience(PATIENCE_SECONDS, runtime.pause))
    return verify(Progress.of(event), gateway, run.registry, run.now).as_json()


def verify(progress: Progress, gateway: Gateway, registry: Registry, now: float) -> Progress:
    """The run after its first stage to verify: the deployment serves exactly the methods,
    authorizations and keys that were planned, or it is to be rolled back.

    A mismatch was read, so it is a proof. What API Gateway refuses to tell is none: the stage stays
    and is announced as unverified. Raises what passes.
    """
    registry.leases.renew(Lease.of({"lease": progress.lease}), now)
    item = progress.verify[0]
    try:
        mismatch = _mismatch(progress.rest_api_id, item["deployment_id"], gateway, registry)
    except ThrottledError as error:
        return progress.later(RETRY_SECONDS, error)
    except GatewayRefusedError:
        return progress.with_outcome(now, verified=None)
    if mismatch:
        return progress.with_stage(now, ROLL_BACK, mismatch=mismatch[:MAX_LISTED])
    if item["probe"]:
        return progress.with_stage(now, PROBE)
    return progress.with_outcome(now, verified=True)


def _mismatch(
    rest_api_id: str, deployment_id: str, gateway: Gateway, registry: Registry
) -> list[str]:
    ours = registry.apis.deployment(rest_api_id, deployment_id)
    if ours is None:
        raise InvalidInputError("deployment_id", "is not one of ours", "Plan the API anew")
    try:
        served = {method.line for method in gateway.deployed(rest_api_id, deployment_id)}
    except NotFoundError:
        raise GatewayUnavailableError(
            f"deployment {deployment_id} cannot be read yet. The run tries again"
        ) from None
    wanted = set(ours.methods)
    return [
        *(f"missing: {line}" for line in sorted(wanted - served)),
        *(f"not in the plan: {line}" for line in sorted(served - wanted)),
    ]
