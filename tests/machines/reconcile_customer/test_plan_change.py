"""A plan change in place: two writes, a journal before the first, and a way back."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.errors import GatewayUnavailableError
from keyward.values import iso
from tests.machines.life_lab import LifeLab
from tests.machines.machine import refusal

FREE, PRO = {"acme/1": (True, ["free"])}, {"acme/1": (True, ["pro"])}


def broken_off(life: LifeLab, operation: str, **detail: Any) -> None:
    """A plan change whose run ends, once and for all, as its n-th call is about to be made."""
    emulator = life.bench.emulator
    call = emulator.call

    def broken(name: str, *args: Any, **more: Any) -> Any:
        if name == operation:
            raise GatewayUnavailableError("the run ends here")
        return call(name, *args, **more)

    emulator.call = broken  # type: ignore[assignment, method-assign]
    try:
        assert life.after("CustomerPlanChanged", **detail).output["postponed"]
    finally:
        vars(emulator).pop("call", None)
    life.bench.clock.advance(60)
    life.forget()


def test_a_plan_change_is_two_writes_that_follow_each_other_and_no_read(life: LifeLab) -> None:
    key_id = life.signed_up()
    life.known_plans("pro")
    assert life.after("CustomerPlanChanged", plan="pro").status == "SUCCEEDED"
    assert life.bench.operations() == ["DeleteUsagePlanKey", "CreateUsagePlanKey"]
    assert life.keys() == PRO
    [told] = life.events()
    assert (told["key_id"], told["plan"]) == (key_id, "pro")
    assert told["actions"] == [
        {"action": "move_key", "key": "acme/1", "from": "free", "plan": "pro"}
    ]


def test_the_announcement_says_when_every_host_knows_it(life: LifeLab) -> None:
    life.signed_up()
    life.policy(propagation_seconds=90)
    life.after("CustomerPlanChanged", plan="pro")
    [told] = life.events("PlanChanged")
    [key] = life.records()
    assert told["effective_by"] == iso((key.attached_at or 0) + 90)


def test_the_same_plan_again_writes_nothing(life: LifeLab) -> None:
    life.signed_up()
    life.after("CustomerPlanChanged", plan="pro")
    life.forget()
    life.after("CustomerPlanChanged", plan="pro")
    assert (life.bench.operations(), life.event_types()) == ([], [])


def test_an_older_plan_change_that_comes_late_is_ignored(life: LifeLab) -> None:
    life.signed_up()
    at = life.bench.clock.now()
    life.after("CustomerPlanChanged", plan="pro", at=at)
    life.after("CustomerPlanChanged", plan="free", at=at - 10)
    assert life.keys() == PRO


@pytest.mark.parametrize("operation", ["DeleteUsagePlanKey", "CreateUsagePlanKey"])
def test_a_move_that_broke_off_is_finished_by_the_next_run(life: LifeLab, operation: str) -> None:
    life.signed_up()
    life.known_plans("pro")
    broken_off(life, operation, plan="pro")
    dry = life.run(dry_run=True).output["actions"]
    assert [action["action"] for action in dry] == ["move_key"]
    assert life.run().status == "SUCCEEDED"
    assert life.keys() == PRO
    assert life.event_types() == ["PlanChanged"]


def test_a_move_that_broke_off_is_taken_back_when_the_old_plan_is_wanted_again(
    life: LifeLab,
) -> None:
    life.signed_up()
    broken_off(life, "CreateUsagePlanKey", plan="pro")
    assert life.after("CustomerPlanChanged", plan="free").status == "SUCCEEDED"
    assert life.keys() == FREE
    assert life.event_types() == []


@pytest.mark.parametrize("operation", ["DeleteUsagePlanKey", "CreateUsagePlanKey"])
def test_a_move_that_broke_off_ends_in_a_third_plan_when_that_is_wanted(
    life: LifeLab, operation: str
) -> None:
    life.policy(usage_plans={name: {} for name in ("free", "pro", "max")})
    life.signed_up()
    life.known_plans("pro")
    broken_off(life, operation, plan="pro")
    assert life.after("CustomerPlanChanged", plan="max").status == "SUCCEEDED"
    assert life.keys() == {"acme/1": (True, ["max"])}


def test_a_move_that_broke_off_is_finished_even_when_an_unknown_plan_is_wanted(
    life: LifeLab,
) -> None:
    life.signed_up()
    broken_off(life, "CreateUsagePlanKey", plan="pro")
    run = life.after("CustomerPlanChanged", plan="gold")
    assert (run.status, run.error) == ("FAILED", "UnknownPlanError")
    assert life.keys() == PRO


def test_a_customer_who_is_suspended_in_the_middle_of_a_move_is_disabled_first(
    life: LifeLab,
) -> None:
    life.signed_up()
    broken_off(life, "CreateUsagePlanKey", plan="pro")
    life.after("CustomerSuspended")
    assert life.keys() == {"acme/1": (False, [])}
    life.bench.clock.advance(60)
    life.after("CustomerResumed")
    assert life.keys() == PRO
    assert life.event_types() == ["KeySuspended", "PlanChanged", "KeyResumed"]


def test_a_plan_change_of_a_suspended_customer_is_made_before_the_key_is_enabled(
    life: LifeLab,
) -> None:
    life.signed_up()
    life.after("CustomerSuspended")
    life.after("CustomerPlanChanged", plan="pro")
    assert life.keys() == {"acme/1": (False, ["free"])}
    life.bench.clock.advance(60)
    life.forget()
    life.after("CustomerResumed")
    writes = [name for name in life.bench.operations() if not name.startswith("Get")]
    assert writes[-3:] == ["DeleteUsagePlanKey", "CreateUsagePlanKey", "UpdateApiKey"]
    assert life.keys() == PRO


def refusing(life: LifeLab) -> str:
    """A key that a person put into a plan by hand which holds the stage that `pro` holds."""
    key_id = life.signed_up()
    life.known_plans("pro")
    api_id = life.stage()
    plans = {plan["name"]: plan["id"] for plan in life.client.get_usage_plans()["items"]}
    gone = {"op": "remove", "path": "/apiStages", "value": f"{api_id}:prod"}
    life.client.update_usage_plan(usagePlanId=plans["free"], patchOperations=[gone])
    by_hand = life.client.create_usage_plan(name="by-hand")["id"]
    life.hold(by_hand, api_id)
    life.client.create_usage_plan_key(usagePlanId=by_hand, keyId=key_id, keyType="API_KEY")
    life.forget()
    return key_id


def test_a_plan_that_refuses_the_key_leaves_it_in_its_former_plan_and_says_so(
    life: LifeLab,
) -> None:
    key_id = refusing(life)
    run = life.after("CustomerPlanChanged", plan="pro")
    assert refusal(run)["error"] == "PlanRefusedError"
    assert life.plans_of(key_id) == ["by-hand", "free"]
    [told] = life.events("CustomerFailed")
    assert "acme/1, which stays in free" in told["reason"]
    [record] = life.records()
    assert (record.plan, record.journal.plan) == ("free", None)


def test_a_plan_that_refuses_one_key_stops_no_other_action(life: LifeLab) -> None:
    key_id = refusing(life)
    life.after("CustomerPlanChanged", plan="pro")
    life.bench.clock.advance(60)
    life.forget()
    run = life.after("KeyRotationRequested", overlap_hours=1)
    assert refusal(run)["error"] == "PlanRefusedError"
    assert life.keys() == {"acme/1": (True, ["by-hand", "free"]), "acme/2": (True, ["pro"])}
    assert life.plans_of(key_id) == ["by-hand", "free"]
    assert life.event_types()[0] == "KeyRotated"


def test_a_plan_that_refused_is_not_asked_again_while_a_read_shows_that_it_still_would(
    life: LifeLab,
) -> None:
    key_id = refusing(life)
    life.after("CustomerPlanChanged", plan="pro")
    life.forget()
    assert refusal(life.run())["error"] == "PlanRefusedError"
    assert {name[:3] for name in life.bench.operations()} == {"Get"}
    by_hand = [p for p in life.client.get_usage_plans()["items"] if p["name"] == "by-hand"]
    life.client.delete_usage_plan_key(usagePlanId=by_hand[0]["id"], keyId=key_id)
    assert life.run().status == "SUCCEEDED"
    assert life.plans_of(key_id) == ["pro"]


def test_a_former_plan_that_was_deleted_by_hand_is_nothing_to_leave(life: LifeLab) -> None:
    life.signed_up()
    [free] = life.client.get_usage_plans()["items"]
    life.client.delete_usage_plan(usagePlanId=free["id"])
    assert life.after("CustomerPlanChanged", plan="pro").status == "SUCCEEDED"
    assert life.keys() == PRO


def test_a_new_plan_that_was_deleted_by_hand_is_made_again(life: LifeLab) -> None:
    life.signed_up()
    life.known_plans("pro")
    life.client.delete_usage_plan(usagePlanId=life.plan_id("pro"))
    assert life.after("CustomerPlanChanged", plan="pro").status == "SUCCEEDED"
    assert life.keys() == PRO


def test_a_key_that_leaves_a_plan_which_the_policy_no_longer_names_is_moved(
    life: LifeLab,
) -> None:
    life.signed_up()
    life.policy(usage_plans={"pro": {}})
    assert life.after("CustomerPlanChanged", plan="pro").status == "SUCCEEDED"
    assert life.keys() == PRO
