"""Weeks pass on the virtual clock: unpaid bills, dates, ends of subscriptions, and the way back."""

from __future__ import annotations

from typing import Any

import pytest

import change_record
from keyward.values import iso
from tests.machines.life_lab import LifeLab
from tests.support import load_event

DAY = 24 * 3600
LADDER = [
    {"step": "notice", "after_days": 0},
    {"step": "notice", "after_days": 5},
    {"step": "plan", "after_days": 7, "plan": "free"},
    {"step": "suspend", "after_days": 21},
    {"step": "close", "after_days": 60},
]


@pytest.fixture
def paying(life: LifeLab) -> LifeLab:
    """Acme pays for `pro`, by the policy's ladder."""
    life.policy(billing={"ladder": LADDER})
    life.known_plans("free", "pro")
    life.signed_up("pro")
    return life


def days_pass(life: LifeLab, days: float) -> list[tuple[float, str, Any]]:
    """What the schedule's runs announced meanwhile: after how many days, what, and its reason or
    plan."""
    clock, told = life.bench.clock, []
    begun, end = clock.now(), clock.now() + days * DAY
    while due := life.bench.registry.customers.due(end):
        clock.advance(max(0, due[0][1] - clock.now()) + 1)
        known = len(life.bench.bus.entries)
        for run in life.due_work():
            assert run.status == "SUCCEEDED", run.cause
        for entry in life.bench.bus.entries[known:]:
            detail = entry["Detail"]
            about = detail.get("reason") or detail.get("plan")
            told.append((round((clock.now() - begun) / DAY, 2), entry["DetailType"], about))
    clock.advance(max(0, end - clock.now()))
    return told


def test_an_unpaid_bill_leads_down_the_whole_ladder(paying: LifeLab) -> None:
    assert paying.after("PaymentFailed").status == "SUCCEEDED"
    assert paying.event_types() == ["PaymentOverdue"]
    assert paying.events()[0]["next"]["step"] == "plan"
    assert days_pass(paying, 90) == [
        (5, "PaymentOverdue", "pro"),
        (7, "PlanChanged", "payment failed"),
        (21, "KeySuspended", "payment failed"),
        (60, "KeyRevoked", "payment failed"),
    ]
    assert paying.keys() == {}


@pytest.mark.parametrize("days", [1, 8, 30])
def test_a_payment_brings_back_the_former_plan_and_the_same_key(
    paying: LifeLab, days: float
) -> None:
    [before] = paying.records()
    paying.after("PaymentFailed")
    days_pass(paying, days)
    paying.forget()
    assert paying.after("PaymentSucceeded").status == "SUCCEEDED"
    [after] = paying.records()
    assert after.key_id == before.key_id
    assert paying.keys() == {"acme/1": (True, ["pro"])}
    assert days_pass(paying, 90) == []


def test_money_changes_the_plan_of_the_same_key_where_plan_changes_make_successors(
    paying: LifeLab,
) -> None:
    paying.policy(billing={"ladder": LADDER}, plan_change="successor")
    paying.after("PaymentFailed")
    days_pass(paying, 8)
    assert paying.keys() == {"acme/1": (True, ["free"])}
    paying.after("PaymentSucceeded")
    assert paying.keys() == {"acme/1": (True, ["pro"])}
    paying.bench.clock.advance(60)
    paying.after("CustomerPlanChanged", plan="free")
    assert set(paying.keys()) == {"acme/1", "acme/2"}


def test_a_payment_after_the_closing_makes_a_new_key(paying: LifeLab) -> None:
    paying.after("PaymentFailed")
    days_pass(paying, 61)
    paying.after("PaymentSucceeded")
    assert paying.keys() == {"acme/2": (True, ["pro"])}


def test_the_next_unpaid_bill_is_told_anew(paying: LifeLab) -> None:
    for _ in range(2):
        paying.forget()
        paying.after("PaymentFailed")
        assert paying.event_types() == ["PaymentOverdue"]
        days_pass(paying, 1)
        paying.after("PaymentSucceeded")
        days_pass(paying, 30)


def test_retries_that_fail_and_late_news_repeat_no_notice(paying: LifeLab) -> None:
    paying.after("PaymentFailed")
    for hours in (1, 30, 60):
        paying.bench.clock.advance(hours * 3600)
        paying.after("PaymentFailed")
    paying.after("PaymentFailed", at=paying.bench.clock.now() - 20 * DAY)
    assert [type_ for type_ in paying.event_types() if type_ == "PaymentOverdue"] == [
        "PaymentOverdue",
        "PaymentOverdue",
    ]


def test_a_trial_ends_by_itself_with_notice_and_a_new_date_restores_the_key(
    life: LifeLab,
) -> None:
    end = life.bench.clock.now() + 14 * DAY
    life.after("CustomerSignedUp", plan="free", expires_at=iso(end))
    [before] = life.records()
    seen = days_pass(life, 30)
    assert seen == [
        (pytest.approx(7, abs=0.01), "CustomerExpiring", "free"),
        (pytest.approx(13, abs=0.01), "CustomerExpiring", "free"),
        (pytest.approx(14, abs=0.01), "KeySuspended", "expired"),
    ]
    life.forget()
    life.after("CustomerExpiryChanged", expires_at=None)
    assert life.event_types() == ["KeyResumed"]
    assert life.records()[0].key_id == before.key_id
    assert days_pass(life, 400) == []


def test_a_date_that_passes_while_a_run_is_at_work_is_due_at_once(life: LifeLab) -> None:
    conclude, clock = life.machine.functions["ConcludeCustomer"], life.bench.clock

    def slow(task: dict[str, Any], context: object) -> Any:
        clock.advance(60)
        return conclude(task, context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(life.machine.functions, "ConcludeCustomer", slow)
        life.after("CustomerSignedUp", plan="free", expires_at=iso(clock.now() + 30))
    life.forget()
    assert [run.status for run in life.due_work()] == ["SUCCEEDED"]
    assert life.event_types() == ["KeySuspended"]


def test_a_subscription_that_is_to_end_is_announced_then_suspended_then_closed_by_its_word(
    life: LifeLab,
) -> None:
    said = {"subscription": "s-1", "plan": "pro"}
    end = int(life.bench.clock.now() + 3 * DAY)
    life.after("SubscriptionChanged", state="active", ends_at=end, **said)
    assert life.event_types() == ["CustomerExpiring", "KeyIssued"]
    assert [type_ for _, type_, _ in days_pass(life, 4)] == ["CustomerExpiring", "KeySuspended"]
    life.forget()
    life.after("SubscriptionChanged", subscription="s-1", state="ended")
    assert [
        (entry["DetailType"], entry["Detail"]["reason"]) for entry in life.bench.bus.entries
    ] == [("KeyRevoked", "subscription ended")]


def test_an_undone_suspension_enables_the_same_key(paying: LifeLab) -> None:
    [before] = paying.records()
    paying.after("CustomerSuspended", reason="by mistake")
    paying.bench.clock.advance(60)
    paying.after("UndoRequested")
    assert paying.records()[0].key_id == before.key_id
    assert paying.keys() == {"acme/1": (True, ["pro"])}


def test_an_undone_plan_change_brings_the_plan_back(paying: LifeLab) -> None:
    paying.after("CustomerPlanChanged", plan="free")
    paying.bench.clock.advance(60)
    paying.after("UndoRequested")
    assert paying.keys() == {"acme/1": (True, ["pro"])}


def test_a_dry_run_names_the_notice_and_gives_none(paying: LifeLab) -> None:
    paying.hear("PaymentFailed")
    planned = paying.run(dry_run=True).output
    assert [action["notice"] for action in planned["actions"]] == ["PaymentOverdue"]
    assert paying.event_types() == []


def test_a_notice_whose_answer_was_lost_is_given_once(paying: LifeLab) -> None:
    lease = paying.bench.registry.leases.acquire("customer#acme", "run-9", paying.bench.clock.now())
    assert lease is not None
    task = load_event("announce-notice") | {"lease": lease.as_json()}
    for _ in range(2):
        change_record.change_record(task, paying.bench.context())
    known = paying.bench.registry.customers.load_keys("acme")
    [event] = known.outbox.values()
    assert event["detail_type"] == "PaymentOverdue"
    assert known.notice_marks == {"overdue#0#0"}


def test_a_notice_is_in_the_history(paying: LifeLab) -> None:
    paying.after("PaymentFailed")
    lines = paying.bench.registry.ledger.of("customer#acme")
    assert (lines[-1]["action"], lines[-1]["reason"]) == ("announce_notice", "PaymentOverdue")
    assert lines[-1]["asked"]["detail_type"] == "PaymentFailed"
