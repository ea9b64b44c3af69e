"""For any two policies and any account: keys open what the policy in force says, and each operation
of UpdateUsagePlan is announced and in the ledger."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyward.policy.change_set import covers
from keyward.runs import runtime
from keyward.values import JSON
from local.bench import Bench
from tests.machines.policy_lab import CLOSED, policy, told

NAMES = ("free", "gold")
STAGES = ("prod", "dev")
LIMITS: tuple[JSON, ...] = (
    {},
    {"throttle": {"rateLimit": 5, "burstLimit": 10}},
    {"throttle": {"rateLimit": 50, "burstLimit": 100}, "quota": {"limit": 100, "period": "DAY"}},
    {
        "throttle": {"rateLimit": 50, "burstLimit": 100},
        "methods": {"GET /pets": {"rateLimit": 1, "burstLimit": 1}},
    },
)
plans = st.builds(
    lambda limits, apis, stages: limits | {"apis": [apis], "stages": [stages]},
    st.sampled_from(LIMITS),
    st.sampled_from(("*", "none")),
    st.sampled_from(("*", "prod")),
)
policies = st.builds(
    lambda plans, narrowing: policy(**plans) | {"narrowing": narrowing},
    st.dictionaries(st.sampled_from(NAMES), plans, min_size=1),
    st.sampled_from(("hold", "apply")),
)


@given(policies, policies, st.sampled_from(("approve", "reject", "none")), st.booleans())
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_keys_open_what_the_policy_in_force_says(
    first: JSON, second: JSON, answer: str, by_hand: bool
) -> None:
    with Bench(policy=first) as bench:
        api = bench.api(CLOSED, stages=[*STAGES])
        bench.advance(120)
        for name in first["usage_plans"]:
            bench.send("CustomerSignedUp", customer_id=f"of-{name}", plan=name)
        bench.advance(120)
        if by_hand:
            raise_limits(bench)
        bench.put_policy(second)
        bench.advance(300)
        for held in [e for e in told(bench.announced) if e["type"] == "PolicyHeld"]:
            if answer != "none":
                word = {"approve": "PolicyApproved", "reject": "PolicyRejected"}[answer]
                bench.send(word, fingerprint=held["fingerprint"])
        bench.advance(300)
        in_force = runtime.context().registry.policies.load().body
        assert opened(bench, api, first) == wanted(api, first, in_force)
        assert limits(bench) == limits_of(in_force, bench)
        assert unannounced(bench) == []
        assert [e for e in bench.announced if not e["detail"].get("caused_by")] == []


def raise_limits(bench: Bench) -> None:
    """Somebody raises the limits of all plans by hand."""
    raised = {"op": "replace", "path": "/throttle/rateLimit", "value": "500"}
    both = [raised, raised | {"path": "/throttle/burstLimit"}]
    for plan in bench.gateway.get_usage_plans()["items"]:
        bench.gateway.update_usage_plan(usagePlanId=plan["id"], patchOperations=both)


def opened(bench: Bench, api: str, first: JSON) -> set[tuple[str, str]]:
    """What each customer's key opens, by its plan and the stage."""
    return {
        (name, stage)
        for name in first["usage_plans"]
        for stage in STAGES
        if bench.call(api, stage, "GET", "/pets", key=bench.value(f"of-{name}")) == 200
    }


def wanted(api: str, first: JSON, in_force: JSON) -> set[tuple[str, str]]:
    plans = in_force["usage_plans"]
    return {
        (name, stage)
        for name in first["usage_plans"]
        for stage in STAGES
        if name in plans and covers(plans[name], api, "test", stage)
    }


def limits(bench: Bench) -> JSON:
    found = bench.gateway.get_usage_plans()["items"]
    return {
        plan["name"]: (
            plan.get("throttle"),
            {n: v for n, v in (plan.get("quota") or {}).items() if n != "offset"},
            [stage.get("throttle") for stage in plan["apiStages"]],
        )
        for plan in found
    }


def limits_of(in_force: JSON, bench: Bench) -> JSON:
    """The limits that the policy in force says; of a plan that it does not name those it has."""
    here = limits(bench)
    for name, plan in in_force["usage_plans"].items():
        if name in here:
            methods = {f"/pets/{m.split()[0]}": v for m, v in plan.get("methods", {}).items()}
            stages = [methods or None for _ in here[name][2]]
            here[name] = (plan.get("throttle"), plan.get("quota", {}), stages)
    return here


def unannounced(bench: Bench) -> list[str]:
    """The operations of Keyward's calls of UpdateUsagePlan that no event or no line tells of."""
    names = {plan["id"]: plan["name"] for plan in bench.gateway.get_usage_plans()["items"]}
    details = [event["detail"] for event in bench.announced]
    told = [one for d in details for one in (*d.get("changes", []), *d.get("actions", []))]
    lines = bench.tables["LedgerTable"].scan()["Items"]
    return [
        f"{names[call['params']['usagePlanId']]} {operation['path']}"
        for call in bench.calls
        if call["operation"] == "UpdateUsagePlan" and call["caller"] and not call["error"]
        for operation in call["params"]["patchOperations"]
        for tales in (told, lines)
        if not any(tells(tale, names[call["params"]["usagePlanId"]], operation) for tale in tales)
    ]


def tells(tale: JSON, plan: str, operation: JSON) -> bool:
    """Whether a change or an action of an event, or a line, tells of this part of the plan."""
    if tale.get("action") == "attach_stage":
        return operation["path"].startswith("/apiStages") and bool(tale["plan"] == plan)
    part = "stages" if operation["path"] == "/apiStages" else operation["path"].split("/")[1]
    part = "methods" if part == "apiStages" else part
    whole, field = f"usage_plans.{plan}", tale.get("field", "")
    return bool(field == whole or field.startswith(f"{whole}.{part}"))
