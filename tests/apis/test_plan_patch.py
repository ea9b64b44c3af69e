"""Usage plans are brought in line with the policy by one patch, and then need none."""

from __future__ import annotations

from functools import cache

import boto3
from hypothesis import given
from hypothesis import strategies as st

from emulator.emulator import Emulator
from emulator.inprocess import attach
from keyward.apis.usage_plan_patch import patch
from keyward.aws.gateway import Gateway, GatewayPlan
from keyward.policy.parts import PlanPolicy, Quota, Throttle

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


@given(wanted())
def test_a_plan_that_was_made_as_wanted_needs_no_patch(plan: PlanPolicy) -> None:
    seen, _, api_id = made(plan, "prod")
    assert patch(seen, plan, api_id) == []


@given(wanted(), wanted(), st.booleans())
def test_one_patch_is_enough(before: PlanPolicy, after: PlanPolicy, held: bool) -> None:
    seen, gateway, api_id = made(before, *(["dev"] if held else []))
    mended = gateway.update_plan(seen.plan_id, patch(seen, after, api_id, ["prod"]))
    assert patch(mended, after, api_id) == []
    assert (mended.throttle, mended.quota) == (after.throttle, after.quota)
    assert mended.stages[api_id, "prod"] == after.methods


@given(wanted())
def test_stages_of_other_apis_are_left_alone(plan: PlanPolicy) -> None:
    seen, _, _ = made(plan, "dev", "prod")
    other = PlanPolicy("free", plan.throttle, plan.quota)
    assert patch(seen, other, "another") == []
