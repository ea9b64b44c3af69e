"""Plan modes observe and warn: what to announce as exposed, and which stages join plans. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from keyward.apis.actions import Attach, Held
from keyward.apis.attachments import attach_actions, first_seen, lacking
from keyward.apis.compare import digest
from keyward.apis.kept_plans import kept_actions
from keyward.apis.model import APPROVED, PLAN, ApiRecords, ApiSnapshot, Difference, StageSnapshot
from keyward.apis.plan import ApiPlan, methods_to_close
from keyward.apis.rule import KeyRule
from keyward.policy.parts import PlanPolicy
from keyward.values import JSON, frozen


@frozen
class Exposure:
    """What a stage exposes in mode observe, and what enforce would do about it."""

    stage: str
    fingerprint: str
    actions: tuple[JSON, ...]


def exposures(snapshot: ApiSnapshot, rule: KeyRule) -> tuple[Exposure, ...]:
    """List what mode observe announces. It reads the stages alone, not the working copy."""
    return tuple(
        _exposure(stage, snapshot, rule) for stage in snapshot.stages if rule.exposed(stage)
    )


def _exposure(stage: StageSnapshot, snapshot: ApiSnapshot, rule: KeyRule) -> Exposure:
    live = rule.exposed(stage)
    actions = (
        *attach_actions(lacking(snapshot, rule, [stage], _by_glob)),
        *kept_actions(snapshot, rule, [stage]),
        *(item.as_action() for item in methods_to_close(live, rule, stage.methods)),
        {"action": "deploy_api", "stage": stage.name},
    )
    return Exposure(stage.name, digest(actions), actions)


def plan_attachments(
    snapshot: ApiSnapshot, records: ApiRecords, rule: KeyRule, approve: str | None = None
) -> ApiPlan:
    """Plan the stages that join plans which name their API literally. A stage in a plan that
    Keyward does not own is held: the keys of two plans would open it."""
    wanted = lacking(snapshot, rule, snapshot.stages, PlanPolicy.names)
    found = (_held_by_others(s.name, wanted, snapshot, records, approve) for s in snapshot.stages)
    held = tuple(item for item in found if item)
    left = {item.stage for item in held}
    stages = [stage for stage in snapshot.stages if stage.name not in left]
    attach = lacking(snapshot, rule, stages, PlanPolicy.names)
    return ApiPlan(
        attach=tuple(Attach(item.plan, item.stages) for item in attach if item.stages),
        held=held,
        first_seen=first_seen(snapshot, records, rule),
    )


def _held_by_others(
    stage: str,
    wanted: Iterable[Attach],
    snapshot: ApiSnapshot,
    records: ApiRecords,
    approve: str | None,
) -> Held | None:
    """The hold of a stage that is to join plans; None when nothing stands against it."""
    joins = sorted(item.plan for item in wanted if stage in item.stages)
    others = sorted(f"{p.plan} ({p.plan_id})" for p in snapshot.others if stage in p.stages)
    if not joins or not others:
        return None
    mark = digest([PLAN, snapshot.rest_api_id, stage, joins, others])
    before = records.hold(stage)
    same = before if before is not None and before.fingerprint == mark else None
    if approve == mark or (same is not None and same.decision == APPROVED):
        return None
    words = f"the policy wants it in usage plan {', '.join(joins)} too"
    difference = Difference(f"is in usage plan {', '.join(others)}, not Keyward's: {words}")
    return Held(stage, mark, (difference,), same, kind=PLAN)


def _by_glob(plan: PlanPolicy, api_id: str, api_name: str, stage: str) -> bool:
    """Whether only mode enforce puts the stage into the plan, as the plan does not name its API
    literally."""
    place = (api_id, api_name, stage)
    return plan.covers(*place) and not plan.names(*place)
