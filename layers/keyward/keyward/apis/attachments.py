"""Find the stages of an API that its usage plans lack. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from keyward.apis.actions import Attach
from keyward.apis.model import ApiRecords, ApiSnapshot, Attachment, StageSnapshot
from keyward.apis.rule import KeyRule
from keyward.policy.parts import PlanPolicy
from keyward.values import JSON

# Whether a plan of the policy is to hold the stage of an API: (its id, its name, the stage).
Covers = Callable[[PlanPolicy, str, str, str], bool]


def lacking(
    snapshot: ApiSnapshot,
    rule: KeyRule,
    stages: Iterable[StageSnapshot],
    covers: Covers = PlanPolicy.covers,
) -> tuple[Attach, ...]:
    """List what the plans of these stages lack, one item a plan: UpdateUsagePlan is allowed once in
    20 s."""
    holding = {plan.plan: plan for plan in snapshot.plans}
    items = []
    for plan in rule.policy.usage_plans.values():
        covered = [
            s.name for s in stages if covers(plan, snapshot.rest_api_id, snapshot.name, s.name)
        ]
        there = holding.get(plan.name)
        if there is not None and there.kept:
            continue
        missing = tuple(name for name in covered if there is None or name not in there.stages)
        if missing:
            items.append(Attach(plan.name, missing))
    return tuple(items)


def first_seen(snapshot: ApiSnapshot, records: ApiRecords, rule: KeyRule) -> tuple[Attachment, ...]:
    """List attachments that somebody else made. Their age is unknown, so it counts from now."""
    return tuple(
        Attachment(stage.name, plan.plan, plan.plan_id, int(rule.now), confirmed=True, by_hand=True)
        for plan in snapshot.plans
        for stage in snapshot.stages
        if stage.name in plan.stages and records.attachment(stage.name, plan.plan) is None
    )


def attach_actions(attach: Iterable[Attach], only: str | None = None) -> list[JSON]:
    """List the attachments as actions: of all stages, or of one."""
    return [
        {"action": "attach_stage", "stage": stage, "plan": item.plan}
        for item in attach
        for stage in item.stages
        if only in (None, stage)
    ]
