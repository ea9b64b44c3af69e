"""The planner of protect-api, on whatever APIs, policies and memories there may be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from keyward.apis.model import (
    ApiRecords,
    ApiSnapshot,
    Attachment,
    Canary,
    DeployedMethod,
    Difference,
    Hold,
    Membership,
    StageSnapshot,
    WorkingMethod,
)
from keyward.apis.observed import exposures
from keyward.apis.plan import ApiPlan, plan_api
from keyward.apis.rule import KeyRule
from keyward.policy.model import Policy
from keyward.policy.parts import Exemption, PlanPolicy

NOW = 1_795_000_000.0
NAMES = ("dev", "prod", "test")

places = st.tuples(
    st.sampled_from(("/", "/health", "/pets", "/pets/{id}", "/{proxy+}")),
    st.sampled_from(("ANY", "DELETE", "GET", "OPTIONS", "POST")),
)
authorizations = st.sampled_from(("NONE", "AWS_IAM", "CUSTOM"))
exemptions = st.builds(
    Exemption,
    api=st.sampled_from(("*", "api-1", "nobody")),
    method=st.sampled_from(("ANY", "GET", "OPTIONS")),
    path=st.sampled_from(("*", "/health", "/pets*")),
    reason=st.just("test"),
    expires=st.sampled_from((None, "2026-01-01", "2030-01-01")),
)
plans = st.sampled_from(("free", "gold", "pro")).flatmap(
    lambda name: st.builds(
        PlanPolicy,
        name=st.just(name),
        throttle=st.none(),
        quota=st.none(),
        stages=st.sampled_from((("*",), ("prod",))),
    )
)
policies = st.builds(
    Policy,
    usage_plans=st.lists(plans, min_size=1, max_size=3).map(lambda all_: {p.name: p for p in all_}),
    exemptions=st.lists(exemptions, max_size=3).map(tuple),
    require_key=st.sampled_from(("all", "unauthorized")),
    propagation_seconds=st.integers(0, 300),
)


@st.composite
def methods(draw: st.DrawFn) -> tuple[DeployedMethod, ...]:
    found = draw(st.lists(places, unique=True, min_size=1, max_size=6))
    return tuple(
        DeployedMethod(path, verb, draw(authorizations), draw(st.booleans()))
        for path, verb in sorted(found)
    )


def as_working(deployed: tuple[DeployedMethod, ...]) -> tuple[WorkingMethod, ...]:
    return tuple(
        WorkingMethod(
            f"r{m.path}",
            m.path,
            m.verb,
            {"authorizationType": m.authorization, "apiKeyRequired": m.key_required},
        )
        for m in deployed
    )


@st.composite
def stages(draw: st.DrawFn) -> tuple[StageSnapshot, ...]:
    return tuple(
        StageSnapshot(
            name,
            f"d-{name}",
            draw(st.sampled_from((None, None, None, Canary("d-canary", 10.0)))),
            draw(methods()),
        )
        for name in sorted(draw(st.sets(st.sampled_from(NAMES), min_size=1)))
    )


@st.composite
def apis(draw: st.DrawFn) -> ApiSnapshot:
    seen_stages = draw(stages())
    names = [stage.name for stage in seen_stages]
    members = [
        Membership(
            plan,
            f"id-{plan}",
            frozenset(draw(st.sets(st.sampled_from(names)))),
        )
        for plan in sorted(draw(st.sets(st.sampled_from(("free", "gold", "pro")))))
    ]
    edited = draw(st.sets(st.sampled_from(names), max_size=1))
    return ApiSnapshot(
        "api-1",
        "pet shop",
        seen_stages,
        tuple(members),
        as_working(draw(methods())),
        {name: (Difference("is new", "GET", "/new"),) for name in edited},
    )


@st.composite
def memories(draw: st.DrawFn) -> ApiRecords:
    attachments = [
        Attachment(
            stage, plan, f"id-{plan}", int(NOW) - draw(st.integers(0, 600)), draw(st.booleans())
        )
        for stage in NAMES
        for plan in draw(st.sets(st.sampled_from(("free", "gold", "pro"))))
    ]
    return ApiRecords(attachments=tuple(attachments))


def rule_of(policy: Policy) -> KeyRule:
    return KeyRule(policy, "api-1", "pet shop", NOW)


def applied(seen: ApiSnapshot, plan: ApiPlan, rule: KeyRule) -> ApiSnapshot:
    """The API after everything that was planned was done."""
    required = {(item.path, item.verb) for item in plan.require}
    working = tuple(
        replace(m, body={**m.body, "apiKeyRequired": True}) if m.place in required else m
        for m in seen.working or ()
    )
    deployed = {item.stage for item in plan.deploy}
    served = tuple(method.deployed() for method in working)
    after = tuple(
        replace(stage, deployment_id=f"{stage.deployment_id}-new", methods=served)
        if stage.name in deployed
        else stage
        for stage in seen.stages
    )
    members = {member.plan: member for member in seen.plans}
    for item in plan.attach:
        before = members.get(item.plan, Membership(item.plan, f"id-{item.plan}", frozenset()))
        joined = before.stages | set(item.stages)
        members[item.plan] = replace(before, stages=joined)
    held = {item.stage for item in plan.held}
    differences = {name: found for name, found in seen.differences.items() if name in held}
    return replace(
        seen,
        stages=after,
        working=working,
        plans=tuple(members[name] for name in sorted(members)),
        differences=differences,
    )


def remembered(known: ApiRecords, plan: ApiPlan) -> ApiRecords:
    holds = tuple(Hold(item.stage, item.fingerprint) for item in plan.held)
    made = tuple(
        Attachment(stage, item.plan, f"id-{item.plan}", int(NOW), confirmed=True)
        for item in plan.attach
        for stage in item.stages
    )
    return replace(known, holds=holds, attachments=known.attachments + plan.first_seen + made)


@given(apis(), memories(), policies)
def test_planning_the_result_of_a_plan_is_empty(
    seen: ApiSnapshot, known: ApiRecords, policy: Policy
) -> None:
    rule = rule_of(policy)
    plan = plan_api(seen, known, rule)
    again = plan_api(applied(seen, plan, rule), remembered(known, plan), rule)
    assert (again.attach, again.require, again.deploy) == ((), (), ())
    assert all(item.before for item in again.held)
    assert not again.first_seen


@given(apis(), memories(), policies)
def test_actions_are_in_a_safe_order(seen: ApiSnapshot, known: ApiRecords, policy: Policy) -> None:
    order = ["attach_stage", "require_key", "deploy_api", "hold_stage"]
    plan = plan_api(seen, known, rule_of(policy))
    for actions in [plan.actions(), *(plan.actions_of(stage.name) for stage in seen.stages)]:
        found = [order.index(action["action"]) for action in actions]
        assert found == sorted(found)


@given(apis(), memories(), policies)
def test_after_the_plan_nothing_is_exposed_but_what_is_held(
    seen: ApiSnapshot, known: ApiRecords, policy: Policy
) -> None:
    rule = rule_of(policy)
    plan = plan_api(seen, known, rule)
    held = {item.stage for item in plan.held}
    exposed = {stage.name for stage in applied(seen, plan, rule).stages if rule.exposed(stage)}
    assert exposed == held


@given(apis(), memories(), policies)
def test_what_is_held_is_left_alone(seen: ApiSnapshot, known: ApiRecords, policy: Policy) -> None:
    plan = plan_api(seen, known, rule_of(policy))
    for item in plan.held:
        assert plan.actions_of(item.stage) == []
        assert item.stage not in plan.settled


@given(apis(), memories(), policies)
def test_a_stage_is_never_closed_before_its_plans_hold_it_long_enough(
    seen: ApiSnapshot, known: ApiRecords, policy: Policy
) -> None:
    plan = plan_api(seen, known, rule_of(policy))
    closing = {item.stage for item in plan.deploy}
    for member in seen.plans:
        for stage in closing & member.stages:
            if member.plan not in policy.usage_plans:
                continue
            found = remembered(known, plan).attachment(stage, member.plan)
            assert found is not None
            assert max(plan.effective_at, NOW) >= found.attached_at + policy.propagation_seconds


@given(apis(), memories(), policies)
def test_an_exempt_method_is_never_touched(
    seen: ApiSnapshot, known: ApiRecords, policy: Policy
) -> None:
    for item in plan_api(seen, known, rule_of(policy)).require:
        assert policy.exemption("api-1", "pet shop", item.verb, item.path, NOW) is None


@given(apis(), memories(), policies)
def test_an_approval_of_what_is_held_publishes_it(
    seen: ApiSnapshot, known: ApiRecords, policy: Policy
) -> None:
    rule = rule_of(policy)
    without_canary = {stage.name for stage in seen.stages if stage.canary is None}
    for item in plan_api(seen, known, rule).held:
        if item.stage in without_canary:
            approved = plan_api(seen, known, rule, approve=item.fingerprint)
            decided = Hold(item.stage, item.fingerprint, "approved")
            later = plan_api(seen, replace(known, holds=(decided,)), rule)
            assert item.stage in {deploy.stage for deploy in approved.deploy}
            assert item.stage in {deploy.stage for deploy in later.deploy}


@given(apis(), policies)
def test_an_exposure_has_one_fingerprint(seen: ApiSnapshot, policy: Policy) -> None:
    rule = rule_of(policy)
    first: Any = exposures(seen, rule)
    assert first == exposures(seen, rule)
    assert {item.stage for item in first} == {s.name for s in seen.stages if rule.exposed(s)}
