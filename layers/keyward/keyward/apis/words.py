"""Write the announcements about an API. Pure; every member is text, a list or an object of
texts."""

from __future__ import annotations

from collections.abc import Sequence

from keyward.apis.compare import NOT_COMPARED
from keyward.apis.hold_words import HeldStage, answers, helps, message
from keyward.apis.loops import Closing
from keyward.apis.model import DEPLOYMENT, KEYS, PLAN, ROLLBACK, Place
from keyward.apis.remedies import MAX_METHODS, remedies
from keyward.events import remedy
from keyward.events.caller import CallerIdentity
from keyward.events.contracts import announcement
from keyward.values import JSON, StageRef, counted, iso, some_of

# Of the releases that opened a method again the last ones are told.
MAX_RELEASES = 20
PUBLISHES_MORE = "a deployment would publish more than the keys that Keyward requires"
KEYS_IN_TWO_PLANS = "keys of the usage plan are in another plan of this stage: a key may be in one"
ROLLED_BACK = "the stage was rolled back to the deployment before Keyward's"
AS_REQUESTED = f"{ROLLED_BACK}, as was requested; it is held until somebody approves it"
OVERTAKEN = (
    "the team deployed while Keyward pointed the stage to its own deployment: the stage serves the "
    "team's again, and is planned anew"
)
CODES = {
    DEPLOYMENT: "PublishesMore",
    KEYS: "KeysInTwoPlans",
    ROLLBACK: "RolledBack",
    PLAN: "PlanOfOthers",
}
PLAN_OF_OTHERS = "the stage is in a usage plan that is not Keyward's: keys of both would open it"
ATTACHED = "the plan names the API, so its stages join it in every mode but off"
REASONS = {
    DEPLOYMENT: PUBLISHES_MORE,
    KEYS: KEYS_IN_TWO_PLANS,
    ROLLBACK: ROLLED_BACK,
    PLAN: PLAN_OF_OTHERS,
}


def acted(
    detail_type: str,
    place: StageRef,
    actions: Sequence[JSON],
    effective_at: float,
    execution_arn: str,
    reason: str | None = None,
) -> JSON:
    """ApiProtected, PolicyApplied or ApiRolledBack: what was done for a stage, and the `reason`."""
    rest_api_id, stage = place
    return announcement(
        detail_type,
        rest_api_id=rest_api_id,
        stage=stage,
        actions=list(actions),
        reason=reason,
        effective_by=iso(effective_at),
        execution_arn=execution_arn,
    )


def exposed(
    rest_api_id: str,
    stage: str,
    actions: Sequence[JSON],
    execution_arn: str,
    enforce_on: str | None = None,
) -> JSON:
    """ApiExposed: what mode enforce would do; ApiWarned: what it will do on that day."""
    methods = sum(action["action"] == "require_key" for action in actions)
    return announcement(
        "ApiWarned" if enforce_on else "ApiExposed",
        rest_api_id=rest_api_id,
        stage=stage,
        enforce_on=enforce_on,
        actions=list(actions),
        reason=f"{counted(methods, 'method asks', 'methods ask')} for no key",
        execution_arn=execution_arn,
    )


def held(waiting: HeldStage, stack: str, execution_arn: str) -> JSON:
    """ApiHeld: a person has to decide, or, with `key_ids`, to take keys out of one of two plans."""
    words = REASONS[waiting.kind]
    editor = waiting.editor if waiting.kind == DEPLOYMENT else None
    return announcement(
        "ApiHeld",
        rest_api_id=waiting.rest_api_id,
        stage=waiting.stage,
        fingerprint=waiting.fingerprint,
        held_since=iso(waiting.since),
        reminder=waiting.reminder or None,
        last_editor=editor.as_json() if editor else None,
        differences=[difference.as_json() for difference in waiting.differences],
        not_compared=list(NOT_COMPARED) if waiting.kind == DEPLOYMENT else None,
        key_ids=list(waiting.key_ids) or None,
        answers=answers(waiting, stack) or None,
        message=message(waiting, words, stack),
        error=CODES[waiting.kind],
        reason=words,
        remedy=helps(waiting, stack),
        execution_arn=execution_arn,
    )


def source_open(
    rest_api_id: str,
    stage: str,
    methods: Sequence[str],
    closings: Sequence[Closing],
    mover: CallerIdentity,
    execution_arn: str,
) -> JSON:
    """SourceOpen: the stage was closed again, and its source opens it with each release. `cause`
    says who released it last, `lines` mend the source, `releases` say how long each was open."""
    places = [place_of(method) for method in methods]
    times = counted(len(closings), "time")
    words = (
        f"the source opens {some_of(methods, 3)} again with each release: closed {times} "
        f"since {iso(closings[0].at)}, last after {mover.words()}. The stage is closed; each "
        "release is open until Keyward closes it, so mend the source"
    )
    return announcement(
        "SourceOpen",
        rest_api_id=rest_api_id,
        stage=stage,
        reason=words,
        methods=[{"method": verb, "path": path} for path, verb in places[:MAX_METHODS]],
        releases=[_release(closing) for closing in closings[-MAX_RELEASES:]],
        lines=remedies(places),
        cause=mover.as_json(),
        error="SourceOpen",
        remedy=remedy.command("lint", about=("template.yaml",)),
        execution_arn=execution_arn,
    )


def place_of(method: str) -> Place:
    """(path, verb) of `GET /pets`; a path has no spaces."""
    verb, _, path = method.partition(" ")
    return path, verb


def _release(closing: Closing) -> JSON:
    if not closing.opened_at:
        return {"closed_at": iso(closing.at)}
    return {
        "opened_at": iso(closing.opened_at),
        "closed_at": iso(closing.at),
        "open_seconds": max(0, closing.at - closing.opened_at),
    }


def failed(rest_api_id: str, stage: str, reason: str, stack: str, execution_arn: str) -> JSON:
    """ApiFailed, for what ends a run without an error of its own."""
    return announcement(
        "ApiFailed",
        rest_api_id=rest_api_id,
        stage=stage,
        error="Unverified",
        reason=reason,
        remedy=remedy.command("start", api=rest_api_id, stack=stack),
        execution_arn=execution_arn,
    )
