"""Verify stage: read what the stage serves now, and compare it with what was to be deployed. Roll
back stage: point it to its former deployment, on proof that the new one is wrong, or because a
person wants it."""

from __future__ import annotations

from typing import Any

from keyward.apis.model import Deployment
from keyward.apis.progress import PROBE, RETRY_SECONDS, ROLL_BACK, Progress
from keyward.apis.words import AS_REQUESTED, OVERTAKEN
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
from keyward.runs.apis.journal import ApiJournal
from keyward.runs.context import Context
from keyward.values import JSON

PATIENCE_SECONDS = 15
# How many mismatches are announced; one is enough for a rollback.
MAX_LISTED = 20
MOVED = "left alone, as somebody moved it meanwhile"


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input and output: a run's progress (apis/progress.py), whose `next` says which of the
    two it is; see `verify` and `roll_back`."""
    progress, run = Progress.of(event), runtime.context()
    if progress.next == ROLL_BACK:
        return roll_back(progress, run).as_json()
    gateway = run.gateway.patiently(Patience(PATIENCE_SECONDS, runtime.pause))
    return verify(progress, gateway, run.registry, run.now).as_json()


def verify(progress: Progress, gateway: Gateway, registry: Registry, now: float) -> Progress:
    """Verify the first stage: its deployment serves exactly the methods, authorizations and keys
    that were planned, or it is to be rolled back.

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


def roll_back(progress: Progress, context: Context) -> Progress:
    """The run after its first stage to verify. A stage that somebody moved meanwhile is left alone,
    and one whose former deployment is gone stays as it is.

    A stage that a person wanted back, or that failed its probe, is held: it would be closed again
    at once. ApiRolledBack or ApiFailed goes into the outbox, unless the team that was overtaken has
    moved the stage itself; what was requested is forgotten either way. Raises what passes, but for
    a 429.
    """
    registry, item = context.registry, progress.verify[0]
    journal = ApiJournal(context, progress.rest_api_id, progress.execution_arn, context.now)
    registry.leases.renew(Lease.of({"lease": progress.lease}), journal.now)
    ours = registry.apis.deployment(progress.rest_api_id, item["deployment_id"])
    if ours is None:
        raise InvalidInputError("deployment_id", "is not one of ours", "Plan the API anew")
    is_requested = bool(item.get("rollback"))
    is_held = is_requested or bool(item.get("failed_probe"))
    if is_requested:
        registry.apis.begin_rollback(progress.rest_api_id, ours.stage, ours.deployment_id)
    # Before the call: a run that starts right after it would close the stage again.
    if is_held:
        journal.hold_back(ours)
    try:
        back_to = str(item.get("to") or ours.former_deployment_id)
        ending = _point_back(context.gateway, progress.rest_api_id, ours, back_to)
    except ThrottledError as error:
        return progress.later(RETRY_SECONDS, error)
    done = ending is None
    if not done:
        journal.give_up(ours.stage, is_held)
    is_wanted = is_requested or "to" in item
    # Whoever was overtaken has deployed again: nothing is lost, and the next plan looks at it.
    is_over = "to" in item and ending == MOVED
    if is_wanted and done:
        journal.rolled_back(ours.stage, back_to, AS_REQUESTED if is_requested else OVERTAKEN)
    elif not is_over:
        journal.failed(ours.stage, _reason(item, ending or f"rolled back to {back_to}"))
    requested = {"requested": True} if is_over or (is_wanted and done) else {}
    return progress.with_outcome(journal.now, verified=False, rolled_back=done, **requested)


def _reason(item: JSON, ending: str) -> str:
    if "to" in item:
        return f"the team's deployment {item['to']} was overtaken, the stage is {ending}"
    if item.get("rollback"):
        return f"a rollback was requested, the stage is {ending}"
    mismatch = "; ".join(item["mismatch"])
    return f"the deployment is not as planned, the stage is {ending}: {mismatch}"


def _point_back(gateway: Gateway, rest_api_id: str, ours: Deployment, back_to: str) -> str | None:
    """None when the stage serves `back_to` again; else why it does not, in words."""
    try:
        live = gateway.stage(rest_api_id, ours.stage).deployment_id
    except NotFoundError:
        return MOVED
    if live == ours.deployment_id:
        try:
            live = gateway.point_stage(rest_api_id, ours.stage, back_to)
        except GatewayRefusedError as error:
            return f"left as it is, as {back_to} cannot be served any more: {error}"
        if live != back_to:
            raise GatewayUnavailableError(f"UpdateStage: stage {ours.stage} serves {live}")
    return None if live == back_to else MOVED
