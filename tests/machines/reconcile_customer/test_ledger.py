"""The ledger of a customer's life: each change of a key once, whatever broke off meanwhile."""

from __future__ import annotations

from typing import Any

from keyward.values import JSON
from tests.machines.life_lab import LifeLab


def lines(life: LifeLab) -> list[JSON]:
    return life.bench.registry.ledger.of("customer#acme")


def changes(life: LifeLab) -> list[tuple[str, Any, Any]]:
    return [(line["action"], line.get("before"), line.get("after")) for line in lines(life)][2:]


def test_move_disable_enable_and_delete_are_lines_with_before_and_after(life: LifeLab) -> None:
    key_id = life.signed_up()
    life.after("CustomerPlanChanged", plan="pro")
    life.after("CustomerSuspended", reason="unpaid")
    life.after("CustomerResumed")
    life.after("CustomerClosed")
    assert changes(life) == [
        ("move_key", {"plan": "free"}, {"plan": "pro"}),
        ("disable_key", {"enabled": True}, {"enabled": False}),
        ("enable_key", {"enabled": False}, {"enabled": True}),
        ("delete_key", {"state": "CREATED"}, {"state": "DELETED"}),
    ]
    assert lines(life)[3]["reason"] == "unpaid"
    assert lines(life)[0]["after"]["key_id"] == key_id


def test_a_change_whose_answer_was_lost_is_one_line(life: LifeLab) -> None:
    life.signed_up()
    for operation, event, detail in (
        ("CreateUsagePlanKey", "CustomerPlanChanged", {"plan": "pro"}),
        ("UpdateApiKey", "CustomerSuspended", {}),
        ("UpdateApiKey", "CustomerResumed", {}),
        ("DeleteApiKey", "CustomerClosed", {}),
    ):
        life.fault(operation, "timeout_after")
        assert life.after(event, **detail).status == "SUCCEEDED"
        life.bench.clock.advance(60)
    actions = [action for action, _, _ in changes(life)]
    assert actions == ["move_key", "disable_key", "enable_key", "delete_key"]


def test_a_second_run_adds_nothing(life: LifeLab) -> None:
    life.signed_up()
    life.after("CustomerSuspended")
    before = lines(life)
    life.after("CustomerSuspended")
    life.run()
    assert lines(life) == before
