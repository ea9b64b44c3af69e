"""Rotation: a successor first, the quota carried over, an overlap, a grace, and what it costs."""

from __future__ import annotations

import pytest

from keyward.values import iso
from tests.machines.life_lab import DAY, LifeLab, epoch
from tests.machines.machine import refusal

SUCCESSION = ["CreateApiKey", "CreateUsagePlanKey"]
BOTH = {"acme/1": (True, ["free"]), "acme/2": (True, ["free"])}
SECOND = {"acme/2": (True, ["free"])}


def test_a_rotation_makes_a_successor_and_both_keys_work(life: LifeLab) -> None:
    first = life.rotated(reason="yearly")
    assert life.keys() == BOTH
    [told] = life.events("KeyRotated")
    [old, new] = life.records()
    # The overlap is seven days, and so the notice of seven days is due.
    assert life.event_types() == ["KeyRotated", "KeyExpiring"]
    assert (told["key_id"], told["replaces"]) == (new.key_id, first)
    assert (told["reason"], told["plan"]) == ("yearly", "free")
    assert told["retires_at"] == iso(old.end.retire_at or 0)
    assert [action["action"] for action in told["actions"]] == ["create_key", "attach_key"]


def test_over_its_life_a_rotation_costs_four_writes_and_the_read_and_write_of_usage(
    life: LifeLab,
) -> None:
    life.signed_up()
    life.used(1)
    life.after("KeyRotationRequested")
    life.wait(days=11)
    assert life.bench.operations() == [
        *SUCCESSION,
        "GetUsage",
        "UpdateUsage",
        "UpdateApiKey",
        "DeleteApiKey",
    ]
    assert life.keys() == SECOND


def test_the_old_key_is_disabled_after_the_overlap_and_deleted_after_the_grace(
    life: LifeLab,
) -> None:
    first = life.rotated(overlap_hours=48)
    life.wait(hours=47.9)
    assert life.keys() == BOTH
    life.wait(hours=0.2)
    assert life.keys() == {"acme/1": (False, ["free"]), **SECOND}
    life.wait(hours=71.7)
    assert life.keys()["acme/1"] == (False, ["free"])
    life.wait(hours=0.5)
    assert life.keys() == SECOND
    ends = [(t, e["key_id"]) for t, e in zip(life.event_types(), life.events(), strict=True)]
    assert ends[-2:] == [("KeyDisabled", first), ("KeyRetired", first)]


def test_a_request_that_is_not_newer_than_the_last_rotates_nothing(life: LifeLab) -> None:
    life.signed_up()
    at = life.bench.clock.now()
    life.after("KeyRotationRequested", at=at)
    life.forget()
    for when in (at, at - 10):
        life.after("KeyRotationRequested", at=when)
    assert (life.bench.operations(), life.event_types()) == ([], [])
    assert life.keys() == BOTH


def test_a_request_that_came_before_the_sign_up_rotates_nothing(life: LifeLab) -> None:
    at = life.bench.clock.now()
    life.hear("KeyRotationRequested", at=at)
    life.after("CustomerSignedUp", plan="free", at=at - 60)
    life.run()
    assert life.keys() == {"acme/1": (True, ["free"])}
    life.after("KeyRotationRequested", at=at + 60)
    assert life.keys() == BOTH


def test_what_is_left_of_the_quota_is_carried_over_and_neither_reset_nor_doubled(
    life: LifeLab,
) -> None:
    life.policy(usage_plans={"free": {"quota": {"limit": 10, "period": "DAY"}}})
    life.signed_up()
    api_id = life.used(7)
    life.after("KeyRotationRequested")
    [told] = life.events("KeyRotated")
    assert told["actions"][-1] == {
        "action": "carry_quota_over",
        "key": "acme/2",
        "remaining": 3,
    }
    answers = [life.ask(api_id, life.value("acme/2")) for _ in range(5)]
    assert answers == [200, 200, 200, 429, 429]


@pytest.mark.parametrize("period", ["WEEK", "MONTH"])
def test_what_was_used_on_earlier_days_of_the_period_counts(life: LifeLab, period: str) -> None:
    quota = {"limit": 10, "period": period, "offset": 1}
    life.policy(usage_plans={"free": {"quota": quota}})
    # A Tuesday; the month begins on this day, the week began on the day before.
    life.bench.clock.advance(epoch("2027-03-02T10:00:00Z") - life.bench.clock.now())
    life.signed_up()
    life.used(4)
    life.bench.clock.advance(3 * DAY)
    life.after("KeyRotationRequested")
    assert life.events("KeyRotated")[0]["actions"][-1]["remaining"] == 6


def test_a_plan_without_a_quota_carries_nothing_over(life: LifeLab) -> None:
    life.signed_up("pro")
    life.after("KeyRotationRequested")
    assert life.bench.operations() == SUCCESSION


def test_a_key_without_traffic_carries_nothing_over(life: LifeLab) -> None:
    life.rotated()
    assert life.bench.operations()[:3] == [*SUCCESSION, "GetUsage"]


def test_a_leaked_key_is_disabled_first_and_deleted_without_a_grace(life: LifeLab) -> None:
    first = life.signed_up()
    life.used(2)
    life.after("KeyRotationRequested", overlap_hours=0, reason="leaked")
    assert life.bench.operations() == [
        "UpdateApiKey",
        *SUCCESSION,
        "GetUsage",
        "UpdateUsage",
        "DeleteApiKey",
    ]
    assert life.keys() == SECOND
    assert life.event_types() == ["KeyDisabled", "KeyRotated", "KeyRetired"]
    assert {told["reason"] for told in life.events()} == {"leaked"}
    assert [told.get("key_id") for told in life.events()][::2] == [first, first]
    life.forget()
    life.run()
    life.wait(days=30)
    assert (life.bench.operations(), life.event_types()) == ([], [])


def test_an_overlap_of_nothing_lasts_as_long_as_a_change_needs_to_be_known(life: LifeLab) -> None:
    life.rotated(overlap_hours=0)
    [old, _] = life.records()
    assert old.end.retire_at == old.end.delete_at
    assert life.keys() == BOTH
    life.wait(hours=0.1)
    assert life.keys() == SECOND
    assert life.event_types()[-1] == "KeyRetired"


def test_where_changes_are_known_at_once_an_overlap_of_nothing_is_over_in_the_same_run(
    life: LifeLab,
) -> None:
    life.policy(propagation_seconds=0)
    life.rotated(overlap_hours=0)
    assert life.keys() == SECOND
    assert life.event_types() == ["KeyRotated", "KeyDisabled", "KeyRetired"]


def test_there_is_never_a_moment_without_a_key_that_works(life: LifeLab) -> None:
    """Propagation as recorded on AWS: old and new answers mixed for up to 85 s."""
    life.signed_up()
    api_id = life.used(0)
    life.bench.emulator.set_propagation(85)
    life.bench.clock.advance(200)
    old = life.value()
    life.after("KeyRotationRequested", overlap_hours=0)
    new = life.value("acme/2")
    for _ in range(100):
        life.bench.clock.advance(2)
        life.due_work()
        answers = {value: life.ask(api_id, value) for value in (old, new)}
        assert 200 in answers.values(), answers
    assert answers == {old: 403, new: 200}


def test_a_leak_in_an_overlap_ends_both_keys_at_once(life: LifeLab) -> None:
    life.rotated()
    life.bench.clock.advance(60)
    life.after("KeyRotationRequested", reason="leaked")
    assert life.keys() == {"acme/3": (True, ["free"])}


def test_a_key_that_leaked_while_suspended_never_works_again(life: LifeLab) -> None:
    life.signed_up()
    life.after("CustomerSuspended")
    life.after("KeyRotationRequested", reason="leaked", overlap_hours=0)
    life.bench.clock.advance(60)
    life.forget()
    life.after("CustomerResumed")
    patched = [call for call in life.bench.emulator.calls() if call["operation"] == "UpdateApiKey"]
    assert patched == []
    assert life.keys() == SECOND


def test_a_leaked_key_is_disabled_even_when_the_plan_is_not_known(life: LifeLab) -> None:
    life.signed_up()
    life.hear("CustomerPlanChanged", plan="gold")
    run = life.after("KeyRotationRequested", reason="leaked", overlap_hours=0)
    assert run.error == "UnknownPlanError"
    assert life.keys() == {"acme/1": (False, ["free"])}
    life.bench.clock.advance(60)
    life.after("CustomerPlanChanged", plan="free")
    assert life.keys() == SECOND


def test_a_customer_may_have_two_keys_and_each_is_rotated(life: LifeLab) -> None:
    life.signed_up()
    table = life.bench.tables["CustomersTable"]
    record = life.bench.registry.customers.desired("acme") or {}
    table.put_item(Item=record | {"keys": 2})
    life.run()
    assert life.keys() == BOTH
    assert life.event_types() == ["KeyIssued"]
    life.after("KeyRotationRequested", overlap_hours=0, reason="leaked")
    assert sorted(life.keys()) == ["acme/3", "acme/4"]


def test_a_customer_who_is_to_have_fewer_keys_loses_the_last_one(life: LifeLab) -> None:
    table = life.bench.tables["CustomersTable"]
    table.put_item(Item={"customer_id": "acme", "plan": "free", "status": "active", "keys": 2})
    life.run()
    table.put_item(Item={"customer_id": "acme", "plan": "free", "status": "active"})
    life.run()
    assert life.keys() == {"acme/1": (True, ["free"]), "acme/2": (False, ["free"])}
    life.wait(days=4)
    assert life.keys() == {"acme/1": (True, ["free"])}
    assert life.event_types()[-2:] == ["KeyDisabled", "KeyRetired"]


@pytest.mark.parametrize("keys", [0, 6, True, "two"])
def test_a_number_of_keys_that_cannot_be_is_told(life: LifeLab, keys: object) -> None:
    item = {"customer_id": "acme", "plan": "free", "status": "active", "keys": keys}
    life.bench.tables["CustomersTable"].put_item(Item=item)
    run = life.run()
    assert refusal(run)["error"] == "InvalidRecordError"
