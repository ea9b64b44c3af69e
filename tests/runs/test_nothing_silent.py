"""Nothing is silent: each write on API Gateway has its line of the ledger, each line its event."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from keyward.values import JSON
from local.bench import Bench
from tests.support import sampled

PLAN = {
    "throttle": {"rateLimit": 5, "burstLimit": 10},
    "quota": {"limit": 1000, "period": "MONTH"},
}
POLICY = {"usage_plans": {"free": PLAN, "pro": PLAN}, "propagation_seconds": 0, "overlap_hours": 1}
CUSTOMERS = ("acme", "globex", "initech")
# The actions of the ledger, by the call that carries one out: what a line counts for. The calls of
# one list belong to one line.
LINES: dict[str, tuple[str, ...]] = {
    "CreateApiKey": ("create_key",),
    "DeleteApiKey": ("delete_key",),
    "UpdateApiKey": ("enable_key", "disable_key"),
    "CreateUsagePlanKey": ("attach_key", "move_key"),
    "UpdateUsage": ("extend_quota", "carry_quota_over"),
    "CreateUsagePlan": ("create_plan",),
    "UpdateMethod": ("require_key",),
    "UpdateStage": ("deploy_api", "roll_back_stage"),
}
# A handover without a quota to carry over is a line too.
NOT_ALWAYS = ("UpdateUsage",)
# Calls that are a part of another one's action, or put away what is ours and serves nobody.
PARTS = {"DeleteUsagePlanKey", "CreateDeployment", "DeleteDeployment"}
# Lines without an event of their own: another line of the same run is announced.
QUIET = {
    "create_key": "KeyIssued or KeyRotated tells when the key is in its plan",
    "create_plan": "the key or the stage that needs it is announced",
    "carry_quota_over": "KeyRotated tells it",
    "require_key": "ApiProtected tells it with the deployment",
    "attach_stage": "ApiProtected tells it",
    "attach_key": "KeyRotated tells it of a successor",
}
EVENTS: tuple[tuple[str, JSON], ...] = (
    ("CustomerPlanChanged", {"plan": "pro"}),
    ("CustomerPlanChanged", {"plan": "free", "key": "in_place"}),
    ("CustomerSuspended", {}),
    ("CustomerResumed", {}),
    ("KeyRotationRequested", {"overlap_hours": 0}),
    ("KeyRotationRequested", {"leaked": True}),
    ("QuotaExtensionRequested", {"by": 5}),
    ("PaymentFailed", {}),
    ("PaymentSucceeded", {}),
)


def lived(bench: Bench, seed: int) -> None:
    """Some weeks of customers and of an API whose team deploys."""
    chance = random.Random(seed)
    for customer_id in CUSTOMERS:
        bench.send("CustomerSignedUp", customer_id=customer_id, plan=chance.choice(["free", "pro"]))
    api = bench.api({"/pets": {"get": None}, "/health": {"get": None}})
    for _ in range(25):
        bench.advance(chance.choice([30, 600, 7200, 90_000]))
        if chance.random() < 0.15:
            bench.deploy(api, chance.choice(["prod", "dev"]))
        if chance.random() < 0.1:
            bench.audit(repair=True)
        kind, detail = chance.choice(EVENTS)
        bench.send(kind, customer_id=chance.choice(CUSTOMERS), **detail)
    bench.send("CustomerClosed", customer_id="acme")
    bench.advance(14 * 86_400)


def lines(bench: Bench) -> list[JSON]:
    return [dict(item) for item in bench.tables["LedgerTable"].scan()["Items"]]


def writes(bench: Bench) -> Counter[str]:
    return Counter(
        call["operation"]
        for call in bench.calls
        if call["caller"] and call["status"] < 300 and not call["operation"].startswith("Get")
    )


@pytest.mark.parametrize("seed", sampled(zip(range(4)), 2))
def test_each_write_has_its_line_and_each_line_its_event(seed: int) -> None:
    with Bench(policy=POLICY) as bench:
        lived(bench, seed)
        done, told = writes(bench), lines(bench)
        actions = Counter(line["action"] for line in told)
        joins = [
            operation["value"]
            for call in bench.calls
            if call["caller"] and call["operation"] == "UpdateUsagePlan"
            for operation in call["params"]["patchOperations"]
            if operation["path"] == "/apiStages" and operation["op"] == "add"
        ]
        runs_told = {event["detail"].get("execution_arn") for event in bench.announced}
    assert done.keys() <= LINES.keys() | PARTS | {"UpdateUsagePlan"}
    for operation, names in LINES.items():
        found = sum(actions[name] for name in names)
        assert done[operation] == found or operation in NOT_ALWAYS, (operation, found)
        assert done[operation] <= found, (operation, found)
    made_with_stages = actions["attach_stage"] - len(joins)
    assert 0 <= made_with_stages <= done["CreateUsagePlan"]
    for line in told:
        assert line["asked"]["by"]
        if not line.get("events"):
            assert line["action"] in QUIET, line
            assert line["execution_arn"] in runs_told, line
