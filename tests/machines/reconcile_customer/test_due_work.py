"""What becomes of keys by itself: rotation by age, notices, overlaps and graces that end, and how
that is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

import start_due_work
from keyward.aws.gateway import Gateway
from keyward.customers.key import DELETING
from keyward.errors import ServiceRefusedError, ServiceUnavailableError
from keyward.values import iso
from tests.machines.life_lab import DAY, HOUR, MINUTE, LifeLab, epoch
from tests.support import load_event

BOTH = {"acme/1": (True, ["free"]), "acme/2": (True, ["free"])}
SECOND = {"acme/2": (True, ["free"])}


def test_a_key_is_rotated_by_age_where_its_plan_says_so(life: LifeLab) -> None:
    plans = {"free": {"rotate_after_days": 90}, "pro": {}}
    life.policy(usage_plans=plans)
    life.signed_up()
    life.wait(days=89.9)
    assert "KeyRotated" not in life.event_types()
    life.wait(days=0.2)
    assert [told["reason"] for told in life.events("KeyRotated")] == ["age"]
    life.wait(days=10.1)
    assert life.keys() == SECOND
    life.wait(days=80)
    assert life.keys() == {**SECOND, "acme/3": (True, ["free"])}


def test_the_end_of_a_key_is_announced_thirty_seven_and_one_day_ahead_once_each(
    life: LifeLab,
) -> None:
    life.policy(usage_plans={"free": {"rotate_after_days": 90}})
    first = life.signed_up()
    [record] = life.records()
    life.wait(days=97.2)
    mine = [told for told in life.events("KeyExpiring") if told["key_id"] == first]
    assert [told["days"] for told in mine] == [30, 7, 1]
    end = (record.created_at or 0) + 97 * DAY
    for told in mine:
        assert abs(epoch(told["expires_at"]) - end) < HOUR
    assert life.keys()["acme/1"] == (False, ["free"])


def test_while_nothing_is_due_nothing_is_started_and_nothing_is_called(life: LifeLab) -> None:
    life.signed_up()
    life.wait(days=60)
    assert (life.bench.operations(), life.bench.bus.started) == ([], [])


def test_due_work_starts_at_most_a_minute_late_and_twice_is_once(life: LifeLab) -> None:
    life.rotated(overlap_hours=1)
    [old, _] = life.records()
    life.bench.clock.advance((old.end.retire_at or 0) - life.bench.clock.now())
    due = life.bench.registry.customers.due(life.bench.clock.now())
    assert [customer_id for customer_id, _ in due] == ["acme"]
    assert len(life.due_work()) == 1
    assert life.due_work() == []
    assert life.keys()["acme/1"] == (False, ["free"])


def test_a_run_that_met_an_outage_is_postponed_and_tried_again_soon(
    life: LifeLab,
) -> None:
    life.rotated(overlap_hours=1)
    life.bench.clock.advance(HOUR + 60)
    orders = [{"operation": "UpdateApiKey", "call": n, "fault": "500"} for n in range(1, 20)]
    life.bench.emulator.order_faults(orders)
    [postponed] = life.due_work()
    assert postponed.output["postponed"]
    life.bench.emulator.order_faults([])
    assert life.due_work() == []
    life.bench.clock.advance(MINUTE)
    assert [run.status for run in life.due_work()] == ["SUCCEEDED"]
    assert life.keys()["acme/1"] == (False, ["free"])


def test_a_key_that_an_outage_left_in_no_plan_gets_into_one_by_itself(life: LifeLab) -> None:
    life.signed_up()
    orders = [{"operation": "CreateUsagePlanKey", "call": n, "fault": "503"} for n in range(1, 20)]
    life.bench.emulator.order_faults(orders)
    assert life.after("CustomerPlanChanged", plan="pro").output["postponed"]
    assert life.keys() == {"acme/1": (True, [])}
    life.bench.emulator.order_faults([])
    life.wait(hours=0.3)
    assert life.keys() == {"acme/1": (True, ["pro"])}
    assert life.event_types() == ["PlanChanged"]


def test_a_key_whose_step_lambda_lost_is_looked_at_again_within_the_hour(
    life: LifeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: Any) -> None:
        raise TimeoutError("Sandbox.Timedout")

    life.signed_up()
    with monkeypatch.context() as patch:
        patch.setattr(Gateway, "attach_key", lost)
        assert life.after("CustomerPlanChanged", plan="pro").status == "FAILED"
    assert life.keys() == {"acme/1": (True, [])}
    life.wait(hours=1.1)
    assert life.keys() == {"acme/1": (True, ["pro"])}


def test_two_transactions_on_one_item_are_no_failure(
    life: LifeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    life.signed_up()
    tables = life.bench.tables["KeysTable"].meta.client
    good, tries = tables.transact_write_items, []

    def busy_once(**asked: Any) -> Any:
        tries.append(asked)
        if len(tries) > 1:
            return good(**asked)
        told = {"Error": {"Code": "TransactionCanceledException", "Message": "busy"}}
        reasons = [{"Code": "TransactionConflict"}]
        raise ClientError(told | {"CancellationReasons": reasons}, "TransactWriteItems")

    monkeypatch.setattr(tables, "transact_write_items", busy_once)
    assert life.after("CustomerSuspended").status == "SUCCEEDED"
    assert life.keys() == {"acme/1": (False, ["free"])}
    assert life.event_types() == ["KeySuspended"]


def test_all_keys_of_a_customer_who_leaves_are_announced(life: LifeLab) -> None:
    life.signed_up()
    record = life.bench.registry.customers.desired("acme") or {}
    life.bench.tables["CustomersTable"].put_item(Item=record | {"keys": 5})
    life.run()
    life.after("CustomerPlanChanged", plan="pro", key="successor")
    life.bench.clock.advance(60)
    life.after("KeyRotationRequested")
    life.forget()
    assert life.after("CustomerClosed").status == "SUCCEEDED"
    assert life.keys() == {}
    assert life.event_types() == ["KeyRevoked"] * 10
    assert life.bench.registry.customers.load_keys("acme").outbox == {}
    assert life.bench.registry.leases.holder("customer#acme") is None


def test_a_run_that_failed_for_good_is_looked_at_again_in_silence(life: LifeLab) -> None:
    life.signed_up()
    assert life.after("CustomerPlanChanged", plan="gold").status == "FAILED"
    runs = life.wait(days=4)
    assert {run.status for run in runs} == {"SUCCEEDED"}
    assert 5 < len(runs) < 9
    assert life.event_types() == ["CustomerFailed"]


def test_a_suspension_in_an_overlap_disables_both_and_a_resumption_enables_what_should_be(
    life: LifeLab,
) -> None:
    life.rotated(overlap_hours=24)
    life.after("CustomerSuspended")
    assert life.keys() == {"acme/1": (False, ["free"]), "acme/2": (False, ["free"])}
    life.wait(hours=2)
    life.after("CustomerResumed")
    assert life.keys() == BOTH
    life.bench.clock.advance(60)
    life.after("CustomerSuspended")
    life.wait(hours=30)
    life.after("CustomerResumed")
    assert life.keys() == {"acme/1": (False, ["free"]), **SECOND}
    life.after("CustomerSuspended")
    life.wait(hours=80)
    assert life.keys() == {"acme/2": (False, ["free"])}


def test_a_plan_change_in_an_overlap_moves_both_keys(life: LifeLab) -> None:
    life.rotated()
    life.after("CustomerPlanChanged", plan="pro")
    assert life.keys() == {"acme/1": (True, ["pro"]), "acme/2": (True, ["pro"])}


def test_a_customer_who_closes_in_an_overlap_has_no_key_left(life: LifeLab) -> None:
    life.rotated()
    life.forget()
    life.after("CustomerClosed")
    assert life.keys() == {}
    assert life.event_types() == ["KeyRevoked", "KeyRevoked"]
    assert life.bench.registry.customers.load_keys("acme").last_number == 2
    life.wait(days=30)
    assert life.event_types() == ["KeyRevoked", "KeyRevoked"]


def test_a_deletion_that_broke_off_in_a_rotation_is_finished(life: LifeLab) -> None:
    life.rotated(overlap_hours=1)
    life.bench.clock.advance(100 * HOUR)
    orders = [{"operation": "DeleteApiKey", "call": n, "fault": "500"} for n in range(1, 20)]
    life.bench.emulator.order_faults(orders)
    assert life.run().output["postponed"]
    assert life.records()[0].state == DELETING
    life.bench.emulator.order_faults([])
    life.bench.clock.advance(60)
    assert life.run().status == "SUCCEEDED"
    assert life.keys() == SECOND
    assert life.event_types()[-1] == "KeyRetired"


def both_due(life: LifeLab) -> None:
    """Two customers whose plans end at the same time, which has come."""
    for name in ("acme", "globex"):
        life.signed_up(customer_id=name)
        life.after("CustomerExpiryChanged", name, expires_at=iso(life.bench.clock.now() + HOUR))
    life.bench.clock.advance(HOUR + MINUTE)
    life.bench.bus.started.clear()
    life.forget()


def of_acme_once(call: Callable[..., Any], error: Exception) -> Callable[..., Any]:
    """Fail the first call about acme."""
    left = [error]

    def failing(*args: Any, **given: Any) -> Any:
        if left and "acme" in repr((args, given)):
            raise left.pop()
        return call(*args, **given)

    return failing


PASSING_CODES = (
    "TransactionConflictException",
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "InternalServerError",
)


@pytest.mark.parametrize("code", PASSING_CODES)
def test_a_conflict_about_one_customer_leaves_the_others_and_announces_nothing(
    life: LifeLab, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    both_due(life)
    table = life.bench.tables["KeysTable"]
    conflict = ClientError({"Error": {"Code": code}}, "UpdateItem")
    monkeypatch.setattr(table, "update_item", of_acme_once(table.update_item, conflict))
    assert start_due_work.handler({}, None) == {"started": 2, "left": 1}
    assert start_due_work.handler({}, None) == {"started": 0, "left": 0}
    assert life.event_types() == []


def test_a_customer_whose_run_cannot_be_started_now_is_started_a_minute_later(
    life: LifeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_due(life)
    bus = life.bench.bus
    monkeypatch.setattr(bus, "start", of_acme_once(bus.start, ServiceUnavailableError("busy")))
    assert start_due_work.handler({}, None) == {"started": 1, "left": 1}
    assert [task["customer_id"] for _, _, task in bus.started] == ["globex"]
    assert start_due_work.handler({}, None) == {"started": 1, "left": 0}


def test_a_customer_whom_no_minute_helps_is_told_by_the_alarm_after_the_others_were_started(
    life: LifeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_due(life)
    bus = life.bench.bus
    monkeypatch.setattr(bus, "start", of_acme_once(bus.start, ServiceRefusedError("InvalidName")))
    with pytest.raises(ServiceRefusedError):
        start_due_work.handler({}, None)
    assert [task["customer_id"] for _, _, task in bus.started] == ["globex"]


def test_what_is_too_much_for_one_invocation_goes_on_through_the_queue(
    life: LifeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_due(life)
    monkeypatch.setattr(start_due_work, "LOT", 1)
    monkeypatch.setenv("DUE_QUEUE_URL", "the-due-queue")
    assert start_due_work.handler({}, None) == {"started": 1, "left": 1}
    [(queue, body, _)] = life.bench.bus.sent
    assert queue == "the-due-queue"
    message = {"Records": [{"body": body}]}
    assert start_due_work.handler(message, None) == {"started": 1, "left": 0}
    assert start_due_work.handler(message, None) == {"started": 0, "left": 0}
    assert {task["customer_id"] for _, _, task in life.bench.bus.started} == {"acme", "globex"}


def test_the_schedules_input_is_its_sample(life: LifeLab) -> None:
    assert start_due_work.handler(load_event("start-due-work"), None) == {"started": 0, "left": 0}
