"""Find the stages that a person wants back, as far as Keyward can take them back."""

from __future__ import annotations

from collections.abc import Iterable

from keyward.apis.model import ROLLBACK, ApiRecords
from keyward.apis.progress import ROLL_BACK, stage_to_verify
from keyward.errors import InvalidInputError, NotFoundError
from keyward.runs.context import Context
from keyward.values import JSON


def requested_rollbacks(context: Context, rest_api_id: str, records: ApiRecords) -> list[JSON]:
    """The stages that persons want back. What is done, or cannot be done, is forgotten. Raises
    InvalidInputError for a stage that serves no deployment of Keyward's."""
    stages = records.rollbacks
    try:
        found = rollbacks(context, rest_api_id, stages, records)
    except InvalidInputError:
        context.registry.apis.forget(rest_api_id, [f"rollback#{stage}" for stage in stages])
        raise
    done = {*stages} - {item["stage"] for item in found}
    context.registry.apis.forget(rest_api_id, [f"rollback#{stage}" for stage in sorted(done)])
    return found


def rollbacks(
    context: Context,
    rest_api_id: str,
    stages: Iterable[str],
    records: ApiRecords,
) -> list[JSON]:
    """Those of the stages that serve a deployment of Keyward's, as items of `verify`. A stage that
    was rolled back already is left out. Raises InvalidInputError for any other."""
    found = []
    for stage in stages:
        live = _live(context, rest_api_id, stage)
        begun = context.registry.apis.deployment(rest_api_id, records.rollbacks.get(stage) or "")
        if begun and begun.former_deployment_id == live:
            # An earlier run did it and ended before it was announced.
            found.append(_item(stage, begun.deployment_id))
            continue
        hold = records.hold(stage)
        if hold and (hold.kind, hold.deployment_id) == (ROLLBACK, live):
            continue
        ours = context.registry.apis.deployment(rest_api_id, live)
        if ours is None or ours.stage != stage:
            problem = f"{stage} serves {live}, which is no deployment of Keyward's for it"
            remedy = "Point it elsewhere yourself: Keyward takes back only what it did"
            raise InvalidInputError("stage", problem, remedy)
        found.append(_item(stage, live))
    return found


def _item(stage: str, deployment_id: str) -> JSON:
    return stage_to_verify(stage, deployment_id, {}, ROLL_BACK) | {"rollback": True}


def _live(context: Context, rest_api_id: str, stage: str) -> str:
    try:
        return context.gateway.stage(rest_api_id, stage).deployment_id
    except NotFoundError:
        raise InvalidInputError("stage", f"there is no stage {stage}", "Name one") from None
