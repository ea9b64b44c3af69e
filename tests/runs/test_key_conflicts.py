"""Stages that are held because a key is in two of their plans: whom it names, and when it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from keyward.apis.model import DEPLOYMENT, KEYS, PENDING, REMIND_SECONDS, Hold
from keyward.runs.keys.conflicts import KeyConflicts
from keyward.values import JSON, iso
from local.lifetime.documents import document
from tests.support import OURS, Bench, workbench

ARN = "arn:aws:states:us-east-1:123456789012:execution:protect-api:run-1"


@dataclass
class Lab:
    """An API with the stages dev and prod: plan `free` holds both, and plan `pro` is to."""

    bench: Bench
    api_id: str

    def key(self, *plans: str) -> str:
        ids = {plan.name: plan.plan_id for plan in self.bench.gateway.plans()}
        key_id = str(self.bench.client.create_api_key(name="acme/1", enabled=True)["id"])
        for plan in plans:
            self.bench.gateway.attach_key(ids[plan], key_id)
        return key_id

    def conflicts(self) -> KeyConflicts:
        plans = self.bench.gateway.plans()
        [pro] = [plan for plan in plans if plan.name == "pro"]
        return KeyConflicts(self.bench.context(), self.api_id, ARN, pro, plans)

    def holds(self) -> dict[str, Hold]:
        records = self.bench.registry.apis.load_records(self.api_id)
        return {hold.stage: hold for hold in records.holds}

    def told(self) -> dict[str, JSON]:
        """The announcements that wait, by stage."""
        waiting = self.bench.registry.apis.load_records(self.api_id).outbox.values()
        return {event["detail"]["stage"]: event["detail"] for event in waiting}

    def plan(self, stage: str) -> None:
        self.bench.registry.apis.plan_actions(self.api_id, stage, [{"action": "attach_stage"}])

    def planned(self) -> list[str]:
        return sorted(self.bench.registry.apis.load_records(self.api_id).planned)

    def pull(self, plan: str, key_id: str) -> None:
        ids = {one.name: one.plan_id for one in self.bench.gateway.plans()}
        self.bench.gateway.detach_key(ids[plan], key_id)


@pytest.fixture
def lab() -> Iterator[Lab]:
    with workbench() as bench:
        body = json.dumps(document({"/pets": {"get": None}})).encode()
        api_id = str(bench.client.import_rest_api(body=body)["id"])
        for stage in ("dev", "prod"):
            bench.client.create_deployment(restApiId=api_id, stageName=stage)
        stages = [{"apiId": api_id, "stage": stage} for stage in ("dev", "prod")]
        bench.client.create_usage_plan(name="free", tags=OURS, apiStages=stages)
        bench.client.create_usage_plan(name="pro", tags=OURS)
        yield Lab(bench, api_id)


def test_a_stage_whose_keys_are_in_two_plans_is_held_and_names_both(lab: Lab) -> None:
    keys = sorted(lab.key("free", "pro") for _ in range(2))
    lab.key("free")
    lab.key("pro")
    lab.plan("dev")
    lab.plan("prod")
    assert lab.conflicts().held_now(["prod"]) == ["prod"]
    now = lab.bench.clock.now()
    hold = lab.holds()["prod"]
    assert (hold.kind, hold.held_at, hold.told_at) == (KEYS, int(now), int(now))
    told = lab.told()["prod"]
    assert (told["rest_api_id"], told["stage"]) == (lab.api_id, "prod")
    ids = {plan.name: plan.plan_id for plan in lab.bench.gateway.plans()}
    both = f"pro ({ids['pro']}), free ({ids['free']})"
    assert [item["difference"] for item in told["differences"]] == [
        f"key {key} is in two plans of the stage: {both}" for key in keys
    ]
    assert (told["key_ids"], told["held_since"], told["execution_arn"]) == (keys, iso(now), ARN)
    assert "reminder" not in told
    assert lab.planned() == ["dev"]


def test_a_stage_without_a_conflict_is_not_held(lab: Lab) -> None:
    lab.key("free")
    lab.key("pro")
    lab.plan("prod")
    before = lab.bench.operations()
    assert lab.conflicts().held_now(["dev", "prod", "other"]) == []
    assert (lab.holds(), lab.told(), lab.planned()) == ({}, {}, ["prod"])
    asked = lab.bench.operations()[len(before) :]
    # The keys of both plans for each of two stages; of a stage that no plan holds, none.
    assert asked.count("GetUsagePlanKeys") == 4


def test_an_earlier_hold_is_looked_at_without_an_announcement(lab: Lab) -> None:
    lab.key("free", "pro")
    lab.conflicts().held_now(["prod"])
    before = lab.holds()
    lab.bench.registry.apis.forget(lab.api_id, [*_outbox(lab)])
    lab.plan("prod")
    lab.bench.clock.advance(REMIND_SECONDS - 1)
    assert lab.conflicts().held_before(["dev", "prod"]) == ["prod"]
    assert (lab.holds(), lab.told(), lab.planned()) == (before, {}, [])


def _outbox(lab: Lab) -> list[str]:
    items = lab.bench.tables["ApisTable"].scan()["Items"]
    return [item["record"] for item in items if item["record"].startswith("outbox#")]


def test_a_hold_is_told_again_after_a_day_since_when_it_stands(lab: Lab) -> None:
    lab.key("free", "pro")
    lab.conflicts().held_now(["prod"])
    since = lab.bench.clock.now()
    first = lab.told()["prod"]
    lab.bench.clock.advance(REMIND_SECONDS)
    assert lab.conflicts().held_before(["prod"]) == ["prod"]
    again = lab.told()["prod"]
    assert again["held_since"] == first["held_since"] == iso(since)
    assert again == first | {"reminder": True}
    hold = lab.holds()["prod"]
    assert (hold.held_at, hold.told_at) == (int(since), int(since) + REMIND_SECONDS)


def test_other_keys_are_another_hold(lab: Lab) -> None:
    lab.key("free", "pro")
    lab.conflicts().held_now(["prod"])
    first = lab.holds()["prod"]
    lab.bench.clock.advance(60)
    lab.key("free", "pro")
    assert lab.conflicts().held_before(["prod"]) == ["prod"]
    second = lab.holds()["prod"]
    assert second.fingerprint != first.fingerprint
    assert (second.held_at, len(lab.told()["prod"]["key_ids"])) == (first.held_at + 60, 2)


def test_a_conflict_that_is_over_ends_its_hold_and_no_other(lab: Lab) -> None:
    key = lab.key("free", "pro")
    lab.conflicts().held_now(["dev", "prod"])
    other = Hold("dev", "0f1e2d3c4b5a6978", kind=DEPLOYMENT)
    lab.bench.registry.apis.hold(lab.api_id, other, _event(lab), lab.bench.clock.now())
    assert lab.conflicts().held_before(["dev", "prod"]) == ["prod"]
    lab.pull("pro", key)
    assert lab.conflicts().held_before(["dev", "prod"]) == []
    assert [*lab.holds()] == ["dev"]
    assert (lab.holds()["dev"].kind, lab.holds()["dev"].decision) == (DEPLOYMENT, PENDING)


def _event(lab: Lab) -> JSON:
    return {"detail_type": "ApiHeld", "detail": lab.told()["dev"]}
