"""A plan change by a successor key: no window, where a move in place has one."""

from __future__ import annotations

import pytest

from tests.machines.life_lab import LifeLab

BOTH = {"acme/1": (True, ["free"]), "acme/2": (True, ["pro"])}


def test_a_successor_is_in_the_new_plan_and_the_old_key_retires_in_its_own(life: LifeLab) -> None:
    first = life.signed_up()
    life.known_plans("pro")
    assert life.after("CustomerPlanChanged", plan="pro", key="successor").status == "SUCCEEDED"
    assert life.bench.operations() == ["CreateApiKey", "CreateUsagePlanKey"]
    assert life.keys() == BOTH
    [changed] = life.events("PlanChanged")
    [rotated] = life.events("KeyRotated")
    assert changed["key_id"] == rotated["key_id"] != first
    assert (changed["plan"], changed["replaces"]) == ("pro", first)
    assert changed["actions"][-1] == {
        "action": "attach_key",
        "key": "acme/2",
        "from": "free",
        "plan": "pro",
    }
    life.wait(days=11)
    assert life.keys() == {"acme/2": (True, ["pro"])}


def test_the_policy_chooses_and_an_event_may_override_it(life: LifeLab) -> None:
    life.policy(plan_change="successor")
    life.signed_up()
    life.signed_up(customer_id="other")
    life.after("CustomerPlanChanged", plan="pro")
    life.after("CustomerPlanChanged", "other", plan="pro", key="in_place")
    assert life.keys() == {**BOTH, "other/1": (True, ["pro"])}


def test_the_same_plan_sent_again_in_another_way_moves_no_key(life: LifeLab) -> None:
    life.signed_up()
    life.after("CustomerPlanChanged", plan="pro", key="successor")
    life.bench.clock.advance(60)
    life.after("CustomerPlanChanged", plan="pro")
    assert life.keys() == BOTH


def test_a_change_back_in_place_during_the_overlap_brings_the_successor_back(
    life: LifeLab,
) -> None:
    life.signed_up()
    life.after("CustomerPlanChanged", plan="pro", key="successor")
    life.bench.clock.advance(60)
    life.after("CustomerPlanChanged", plan="free", key="in_place")
    assert life.keys() == {"acme/1": (True, ["free"]), "acme/2": (True, ["free"])}


@pytest.mark.parametrize(("how", "gaps"), [("in_place", True), ("successor", False)])
def test_with_aws_propagation_only_a_move_in_place_has_a_window(
    life: LifeLab, how: str, gaps: bool
) -> None:
    """As recorded on AWS (aws-recorded.md 10): up to 85 s, old and new answers mixed."""
    life.signed_up()
    life.known_plans("pro")
    api_id = life.stage()
    life.bench.emulator.set_propagation(85)
    life.bench.clock.advance(200)
    began = life.bench.clock.now()
    life.after("CustomerPlanChanged", plan="pro", key=how)
    old = life.value()
    [told] = life.events("PlanChanged")
    answers = []
    for _ in range(60):
        life.bench.clock.advance(2)
        answers.append(life.ask(api_id, old))
    assert (403 in answers) == gaps
    assert answers[-10:] == [200] * 10
    assert life.bench.clock.now() - began < 200
    if how == "successor":
        assert life.ask(api_id, life.value("acme/2")) == 200
        assert told["retires_at"] > told["effective_by"]


def test_a_successor_made_after_an_undone_rotation_is_not_undone(life: LifeLab) -> None:
    life.rotated()
    life.bench.clock.advance(60)
    life.after("UndoRequested", what="rotation")
    life.bench.clock.advance(60)
    life.after("CustomerPlanChanged", plan="pro", key="successor")
    life.run()
    life.wait(days=11)
    assert life.keys() == {"acme/3": (True, ["pro"])}
