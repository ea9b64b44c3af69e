"""An account with plans, keys and a pipeline before Keyward: whatever changes in it was announced
and stands in the ledger, and what a mode or a policy would change was told before it did."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from keyward.values import JSON
from local.bench import Bench
from local.lifetime.documents import document
from tests.machines.whole_account import Step, step

SHOP: JSON = {
    "/orders": {"get": None, "post": ["api_key"]},
    "/health": {"get": None, "options": None},
}
CLOSED: JSON = {"/invoices": {"get": ["api_key"]}}
FREE: JSON = {"throttle": {"rateLimit": 5, "burstLimit": 10}, "apis": ["*"]}
FREE |= {"quota": {"limit": 1000, "period": "DAY"}}
HEALTH: JSON = {"api": "*", "method": "GET", "path": "/health", "reason": "load balancer"}
CORS: JSON = {"api": "*", "method": "OPTIONS", "path": "*", "reason": "CORS preflight"}


def policy(exemptions: Any = (CORS, HEALTH), **plans: JSON) -> JSON:
    plans = {"free": FREE} | plans
    return {"usage_plans": plans, "exemptions": [*exemptions], "propagation_seconds": 0}


class Account:
    """A bench whose account people built: the API `shop`, which a pipeline deploys, and `billing`,
    which its team closed; the plans `free` and `partners`; keys in plans, in none, and off."""

    def __init__(self, bench: Bench) -> None:
        self.bench, gateway = bench, bench.gateway
        self.shop = bench.api(SHOP, mode=None, stages=["prod", "dev"])
        self.billing = bench.api(CLOSED, mode=None)
        self.plans = {
            name: gateway.create_usage_plan(
                name=name,
                throttle={"rateLimit": 999, "burstLimit": 999},
                quota={"limit": 9_000_000, "period": "MONTH"},
                apiStages=[{"apiId": api, "stage": "prod"}],
            )["id"]
            for name, api in (("free", self.shop), ("partners", self.billing))
        }
        for name, plans in (("ann", ["free"]), ("bob", ["free", "partners"]), ("loner", [])):
            key = gateway.create_api_key(name=name, enabled=name != "bob")["id"]
            for plan in plans:
                plan_id = self.plans[plan]
                gateway.create_usage_plan_key(usagePlanId=plan_id, keyId=key, keyType="API_KEY")

    def tag(self, mode: str) -> None:
        """Somebody sets the mode of the shop."""
        arn = f"arn:aws:apigateway:us-east-1::/restapis/{self.shop}"
        self.bench.gateway.tag_resource(resourceArn=arn, tags={"keyward": mode})

    def release(self) -> None:
        """The pipeline writes its source, which is open, and deploys it."""
        body = json.dumps(document(SHOP)).encode()
        self.bench.gateway.put_rest_api(restApiId=self.shop, mode="overwrite", body=body)
        self.bench.deploy(self.shop, "prod")

    def sign_up(self) -> None:
        self.bench.send("CustomerSignedUp", customer_id="acme", plan="free")

    def put(self, **plans: JSON) -> None:
        self.bench.put_policy(policy(**plans))


@pytest.fixture
def account() -> Iterator[Account]:
    with Bench(policy=policy()) as bench:
        yield Account(bench)


def check(done: Step) -> set[Any]:
    """What changed, which is what was announced and what the ledger says."""
    assert done.recorded == done.changed
    assert done.announced == {fact for fact in done.changed if fact[0] != "made"}
    return done.changed


@pytest.mark.parametrize("mode", ["off", "observe", "warn", "enforce"])
def test_what_changes_was_announced_and_nothing_else_changed(account: Account, mode: str) -> None:
    shop = account.shop
    assert not check(step(account.bench))
    closing = {("method", shop, "GET /orders"), ("deployed", shop, "prod")}
    first = check(step(account.bench, lambda: account.tag(mode)))
    both = closing | {("deployed", shop, "dev")}
    assert first == (both if mode == "enforce" else set())
    for _ in range(2):
        again = check(step(account.bench, account.release))
        assert again == (closing if mode == "enforce" else set())
    signed = check(step(account.bench, account.sign_up))
    assert signed == {("key", "acme/1"), ("in plan", "acme/1", "free")}
    assert not check(step(account.bench, lambda: account.bench.audit(repair=True)))


@pytest.mark.parametrize("mode", ["observe", "warn"])
def test_what_enforcing_does_is_what_was_told_before(account: Account, mode: str) -> None:
    step(account.bench)
    account.put(mobile=FREE)
    told = step(account.bench, lambda: account.tag(mode))
    done = step(account.bench, lambda: account.tag("enforce"))
    assert told.would == done.would
    assert {fact for fact in check(done) if fact[0] != "made"} == told.would


@pytest.mark.parametrize("mode", ["observe", "warn", "enforce"])
def test_what_a_policy_does_to_a_plan_of_people_waits_for_a_person(
    account: Account, mode: str
) -> None:
    bench = account.bench
    step(bench, lambda: account.tag(mode))
    held = step(bench, lambda: account.put(free=FREE | {"adopt": True}))
    assert not check(held)
    [event] = [e["detail"] for e in held.events if e["detail-type"] == "PolicyHeld"]
    [change] = event["changes"]
    assert {*change["follows"]} == {"throttle", "quota"}
    agreed = {"fingerprint": event["fingerprint"]}
    done = check(step(bench, lambda: bench.send("PolicyApproved", **agreed)))
    limits = {("limits", "free", part) for part in change["follows"]}
    stage = {("stage", "free", account.shop, "dev")} if mode == "enforce" else set()
    assert done == limits | {("tag", "free")} | stage


def test_a_plan_of_people_that_the_policy_names_is_told_to_stay(account: Account) -> None:
    step(account.bench)
    done = step(account.bench, lambda: account.put(partners=FREE))
    assert not check(done)
    [event] = [e["detail"] for e in done.events if e["detail-type"] == "PolicyApplied"]
    assert [(change["plan"], change.get("stays")) for change in event["changes"]] == [
        ("partners", True)
    ]


@pytest.mark.parametrize("mode", ["observe", "warn", "enforce"])
def test_a_new_plan_changes_what_its_line_names(account: Account, mode: str) -> None:
    step(account.bench, lambda: account.tag(mode))
    mobile = FREE | {"apis": [account.shop], "stages": ["dev"]}
    done = step(account.bench, lambda: account.put(mobile=mobile))
    assert check(done) == {("made", "mobile"), ("stage", "mobile", account.shop, "dev")}


def test_a_pipeline_that_opens_again_and_again_is_told_of_its_source(account: Account) -> None:
    step(account.bench, lambda: account.tag("enforce"))
    types = [step(account.bench, account.release).types() for _ in range(3)]
    assert ["SourceOpen" in seen for seen in types] == [False, True, True]
