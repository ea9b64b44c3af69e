"""Roll back stage: point it to its former deployment, on proof that the new one is wrong, or
because a person wants it."""

from __future__ import annotations

from typing import Any

from keyward.apis.model import Deployment
from keyward.aws.gateway import Gateway
from keyward.aws.tables import Lease
from keyward.errors import GatewayUnavailableError, InvalidInputError, NotFoundError
from keyward.events import contracts
from keyward.runs import runtime
from keyward.runs.api_journal import ApiJournal


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{rest_api_id, lease, stage, deployment_id, mismatch?, result?, rollback?,
    execution_arn}`; output: see `roll_back`."""
    notes = ApiJournal(
        runtime.registry(),
        contracts.rest_api_id_of(event),
        str(event["execution_arn"]),
        runtime.now(),
        runtime.policy().propagation_seconds,
        runtime.setting("EVENT_BUS"),
    )
    return roll_back(event, runtime.gateway(), notes)


def roll_back(task: dict[str, Any], gateway: Gateway, notes: ApiJournal) -> dict[str, Any]:
    """`{stage, deployment_id, verified: false, rolled_back, requested?}`. A stage that somebody
    moved meanwhile is left alone.

    One that a person wanted back, or that failed its probe, is held: it would be closed again at
    once. ApiRolledBack or ApiFailed goes into the outbox. Raises what the gateway raises.
    """
    registry = notes.registry
    registry.leases.renew(Lease.of(task), notes.now)
    rest_api_id, deployment_id = notes.rest_api_id, str(task["deployment_id"])
    ours = registry.apis.deployment(rest_api_id, deployment_id)
    if ours is None:
        raise InvalidInputError("deployment_id", "is not one of ours", "Plan the API anew")
    wanted = bool(task.get("rollback"))
    if wanted or task.get("result"):
        notes.hold_back(ours)
    done = _point_back(gateway, rest_api_id, ours.stage, deployment_id, ours.former_deployment_id)
    if not done and (wanted or task.get("result")):
        notes.clear_hold(ours.stage)
    if wanted and done:
        notes.rolled_back(ours.stage, ours.former_deployment_id)
    else:
        notes.failed(ours.stage, _reason(task, ours, done))
    outcome = {"stage": ours.stage, "deployment_id": deployment_id, "verified": False}
    return outcome | {"rolled_back": done} | ({"requested": True} if wanted and done else {})


def _reason(task: dict[str, Any], ours: Deployment, done: bool) -> str:
    former = ours.former_deployment_id
    ending = f"rolled back to {former}" if done else "left alone, as somebody moved it meanwhile"
    if task.get("rollback"):
        return f"a rollback was requested, the stage is {ending}"
    mismatch = "; ".join(task.get("mismatch") or [])
    return f"the deployment is not as planned, the stage is {ending}: {mismatch}"


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
