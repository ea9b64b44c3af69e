"""Find the stages that go back to another deployment: a person wants it, or Keyward overtook their
team."""

from __future__ import annotations

from keyward.apis.model import ROLLBACK, ApiRecords, ApiSnapshot, StageSnapshot
from keyward.apis.progress import ROLL_BACK, stage_to_verify
from keyward.errors import NotFoundError, WrongAnswerError
from keyward.runs.apis.journal import ApiJournal
from keyward.runs.apis.request import ApiRequest
from keyward.runs.context import Context
from keyward.values import JSON, iso

# Between the look at a stage and UpdateStage; deploy_api has no more time for both.
MOST_SECONDS = 60


def requested_rollbacks(
    context: Context, request: ApiRequest, records: ApiRecords, journal: ApiJournal
) -> list[JSON]:
    """The stages that persons want back, as items of `verify`. What is done, or cannot be done, is
    forgotten. Raises WrongAnswerError when that is what this run was asked for; what an earlier
    one was asked for is told instead, so that it stops no other work."""
    rest_api_id, found, refused = request.rest_api_id, [], {}
    for stage in records.rollbacks:
        try:
            found += rollback_of(context, rest_api_id, stage, records)
        except WrongAnswerError as error:
            refused[stage] = error
    done = {*records.rollbacks} - {item["stage"] for item in found}
    context.registry.apis.forget(rest_api_id, [f"rollback#{stage}" for stage in sorted(done)])
    own = refused.pop(request.stage or "", None) if request.rollback else None
    for stage, refusal in sorted(refused.items()):
        journal.failed(stage, str(refusal))
    if own:
        raise own
    return found


def rollback_of(context: Context, rest_api_id: str, stage: str, records: ApiRecords) -> list[JSON]:
    """The stage as an item of `verify`; none when it was rolled back already. Raises
    WrongAnswerError for a stage that serves no deployment of Keyward's."""
    live = _live(context, rest_api_id, stage)
    begun = context.registry.apis.deployment(rest_api_id, records.rollbacks.get(stage) or "")
    if begun and begun.former_deployment_id == live:
        # An earlier run did it and ended before it was announced.
        return [_item(stage, begun.deployment_id)]
    hold = records.hold(stage)
    if hold and (hold.kind, hold.deployment_id) == (ROLLBACK, live):
        return []
    ours = context.registry.apis.deployment(rest_api_id, live)
    if ours is None or ours.stage != stage:
        problem = f"{stage} serves {live}, which is not a deployment of Keyward's for it"
        remedy = "Point it elsewhere yourself: Keyward takes back only what it did"
        raise WrongAnswerError("stage", problem, remedy)
    return [_item(stage, live)]


def overtaken_stages(context: Context, snapshot: ApiSnapshot, records: ApiRecords) -> list[JSON]:
    """The stages that their team deployed between Keyward's last look and its UpdateStage, which
    took them away from the team's deployment: items of `verify` that give it back (`to`).

    UpdateStage takes no condition, so this is noticed afterwards, from CloudTrail's event.
    """
    found = ((stage, _overtaken(context, snapshot, stage, records)) for stage in snapshot.stages)
    return [
        stage_to_verify(stage.name, stage.deployment_id, {}, ROLL_BACK) | {"to": theirs}
        for stage, theirs in found
        if theirs
    ]


def _overtaken(
    context: Context, snapshot: ApiSnapshot, stage: StageSnapshot, records: ApiRecords
) -> str | None:
    moved = records.moves.get(stage.name)
    if moved is None or moved.deployment_id == stage.deployment_id:
        return None
    ours = context.registry.apis.deployment(snapshot.rest_api_id, stage.deployment_id)
    if ours is None or ours.stage != stage.name or moved.deployment_id == ours.former_deployment_id:
        return None
    looked_at = ours.created_at
    is_between = iso(looked_at) <= moved.at <= iso(looked_at + MOST_SECONDS)
    return moved.deployment_id if is_between else None


def _item(stage: str, deployment_id: str) -> JSON:
    return stage_to_verify(stage, deployment_id, {}, ROLL_BACK) | {"rollback": True}


def _live(context: Context, rest_api_id: str, stage: str) -> str:
    try:
        return context.gateway.stage(rest_api_id, stage).deployment_id
    except NotFoundError:
        raise WrongAnswerError("stage", f"there is no stage {stage}", "Name one") from None
