"""Roll back stage: point it to its former deployment, after a proof that the new one is wrong."""

from __future__ import annotations

from typing import Any

from keyward import contracts, runtime
from keyward.api_notes import Notes
from keyward.errors import GatewayUnavailableError, InvalidInputError, NotFoundError
from keyward.gateway import Gateway
from keyward.registry import Lease, Registry


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{rest_api_id, lease, stage, deployment_id, mismatch, execution_arn}`; output: see
    `roll_back`."""
    return roll_back(event, runtime.gateway(), runtime.registry(), runtime.now())


def roll_back(
    task: dict[str, Any], gateway: Gateway, registry: Registry, now: float
) -> dict[str, Any]:
    """`{stage, deployment_id, verified: false, rolled_back}`. A stage that somebody moved meanwhile
    is left alone. ApiFailed goes into the outbox either way. Raises what the gateway raises."""
    registry.leases.renew(Lease.of(task), now)
    rest_api_id, deployment_id = contracts.rest_api_id_of(task), str(task["deployment_id"])
    ours = registry.apis.deployment(rest_api_id, deployment_id)
    if ours is None:
        raise InvalidInputError("deployment_id", "is not one of ours", "Plan the API anew")
    former = ours.former_deployment_id
    done = _point_back(gateway, rest_api_id, ours.stage, deployment_id, former)
    ending = f"rolled back to {former}" if done else "left alone, as somebody moved it meanwhile"
    mismatch = "; ".join(task.get("mismatch") or [])
    notes = Notes(registry, rest_api_id, str(task["execution_arn"]), now)
    notes.failed(ours.stage, f"the deployment is not as planned, the stage is {ending}: {mismatch}")
    return {
        "stage": ours.stage,
        "deployment_id": deployment_id,
        "verified": False,
        "rolled_back": done,
    }


def _point_back(
    gateway: Gateway, rest_api_id: str, stage: str, deployment_id: str, former: str
) -> bool:
    try:
        live = gateway.stage(rest_api_id, stage).deployment_id
    except NotFoundError:
        return False
    if live == deployment_id:
        live = gateway.point_stage(rest_api_id, stage, former)
        if live != former:
            raise GatewayUnavailableError(f"UpdateStage: stage {stage} serves {live}")
    return live == former
