"""Usage plans are brought in line with the policy by one patch, and then need none."""

from __future__ import annotations

from functools import cache

import boto3
from hypothesis import given
from hypothesis import strategies as st

from emulator.emulator import Emulator
from emulator.inprocess import attach
from keyward.apis.usage_plan_patch import Change, additions, changes
from keyward.aws.gateway import Gateway, GatewayPlan
from keyward.policy.parts import PlanPolicy, Quota, Throttle

NOTHING = [{"op": "replace", "path": "/description", "value": "none"}]
throttles = st.builds(
    Throttle,
    rate_limit=st.sampled_from((0.5, 1.0, 2.25, 1_234_567.5)),
    burst_limit=st.integers(1, 9),
)
quotas = st.builds(
    Quota,
    limit=st.integers(1, 999),
    period=st.sampled_from(("WEEK", "MONTH")),
    offset=st.integers(0, 6),
) | st.builds(Quota, limit=st.integers(1, 999), period=st.just("DAY"))
methods = st.dictionaries(
    st.sampled_from(("GET /", "GET /pets", "POST /pets/{id}", "ANY /{proxy+}")), throttles
)


@st.composite
def wanted(draw: st.DrawFn) -> PlanPolicy:
    """A plan without a throttle has none for single methods either (policy.py)."""
    throttle = draw(st.none() | throttles)
    return PlanPolicy(
        "free", throttle, draw(st.none() | quotas), methods=draw(methods) if throttle else {}
    )


@cache
def account() -> tuple[Emulator, Gateway, str]:
    """An account with one API on two stages, made at first need."""
    emulator, client = Emulator(), boto3.client("apigateway")
    attach(emulator, client)
    api = client.create_rest_api(name="pet shop")
    root = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    client.put_method(**root, authorizationType="NONE")
    client.put_integration(**root, type="MOCK")
    for stage in ("dev", "prod"):
        client.create_deployment(restApiId=api["id"], stageName=stage)
    return emulator, Gateway(client), str(api["id"])


def made(plan: PlanPolicy, *stages: str) -> tuple[GatewayPlan, Gateway, str]:
    """The plan on an account that has no other, its gateway and the API's id."""
    emulator, gateway, api_id = account()
    emulator.state.plans.clear()
    held = {(api_id, stage): plan.methods for stage in stages}
    return (
        gateway.create_plan(plan.name, plan.throttle, plan.quota, held, "keyward"),
        gateway,
        api_id,
    )


def lacking(plan: GatewayPlan, wanted: PlanPolicy) -> list[Change]:
    """What the plan lacks when it covers all of its stages."""
    return changes(plan, wanted, [*plan.stages], [])


def operations(changes: list[Change]) -> list[dict[str, object]]:
    return [operation for change in changes for operation in change.operations]


@given(wanted())
def test_a_plan_that_was_made_as_wanted_lacks_nothing(plan: PlanPolicy) -> None:
    seen, _, _ = made(plan, "prod")
    assert lacking(seen, plan) == []


@given(wanted(), wanted())
def test_one_patch_is_enough(before: PlanPolicy, after: PlanPolicy) -> None:
    seen, gateway, api_id = made(before, "dev", "prod")
    mended = gateway.update_plan(seen.plan_id, operations(lacking(seen, after)) or NOTHING)
    assert lacking(mended, after) == []
    assert (mended.throttle, mended.quota) == (after.throttle, after.quota)
    assert mended.stages == {(api_id, stage): after.methods for stage in ("dev", "prod")}


@given(wanted(), wanted())
def test_a_change_says_what_was_and_what_will_be(before: PlanPolicy, after: PlanPolicy) -> None:
    seen, _, _ = made(before, "prod")
    told = {change.part: (change.before, change.after) for change in lacking(seen, after)}
    for part in ("throttle", "quota"):
        was, now = getattr(before, part), getattr(after, part)
        expected = tuple(limits and limits.as_json() for limits in (was, now))
        assert told.get(part, (None, None)) == (expected if was != now else (None, None))


@given(wanted(), wanted())
def test_stages_that_join_change_nothing_else(before: PlanPolicy, after: PlanPolicy) -> None:
    if after.methods and before.throttle is None:
        return  # limits of methods need one of the plan (aws-recorded.md 3)
    seen, gateway, api_id = made(before, "dev")
    added = additions(seen, after, [(api_id, "dev"), (api_id, "prod")])
    joined = gateway.update_plan(seen.plan_id, added)
    assert (joined.throttle, joined.quota) == (before.throttle, before.quota)
    assert joined.stages == {(api_id, "dev"): before.methods, (api_id, "prod"): after.methods}


@given(wanted())
def test_stages_that_leave_take_their_limits_along(plan: PlanPolicy) -> None:
    seen, gateway, api_id = made(plan, "dev", "prod")
    left = changes(seen, plan, [(api_id, "dev")], [(api_id, "prod")])
    assert [*gateway.update_plan(seen.plan_id, operations(left)).stages] == [(api_id, "dev")]


@given(wanted())
def test_a_plan_that_the_policy_does_not_name_keeps_its_limits(plan: PlanPolicy) -> None:
    seen, _, api_id = made(plan, "dev")
    assert [c.part for c in changes(seen, None, [], [(api_id, "dev")])] == ["stages"]
