"""Suspended, resumed, closed: what becomes of a customer's key, and what it costs."""

from __future__ import annotations

import pytest

from keyward.aws.tables.leases import Lease
from keyward.customers.key import CREATING, Journal, KeyRecord
from tests.machines.life_lab import LifeLab

ONCE = {"acme/1": (True, ["free"])}
OFF = {"acme/1": (False, ["free"])}


def test_a_suspension_disables_the_key_by_one_write_and_says_why(life: LifeLab) -> None:
    key_id = life.signed_up()
    run = life.after("CustomerSuspended", reason="invoice 1042 unpaid")
    assert run.status == "SUCCEEDED"
    assert life.keys() == OFF
    assert life.bench.operations()[:1] == ["UpdateApiKey"]
    [told] = life.events("KeySuspended")
    assert (told["key_id"], told["reason"], told["plan"]) == (key_id, "invoice 1042 unpaid", "free")
    assert told["actions"] == [{"action": "disable_key", "key": "acme/1"}]
    assert told["effective_by"] > "2"
    assert life.records()[0].reason == "invoice 1042 unpaid"


def test_a_resumption_enables_the_same_key_by_one_write(life: LifeLab) -> None:
    key_id = life.signed_up()
    life.after("CustomerSuspended")
    life.bench.clock.advance(60)
    life.forget()
    life.after("CustomerResumed")
    assert life.bench.operations() == ["UpdateApiKey"]
    assert life.keys() == ONCE
    assert [told["key_id"] for told in life.events("KeyResumed")] == [key_id]


def test_closing_deletes_the_key_by_one_write_and_leaves_its_number(life: LifeLab) -> None:
    key_id = life.signed_up()
    life.after("CustomerClosed", reason="cancelled")
    assert life.bench.operations() == ["DeleteApiKey"]
    assert life.keys() == {}
    assert life.records() == ()
    assert life.bench.registry.customers.load_keys("acme").last_number == 1
    [told] = life.events("KeyRevoked")
    assert (told["key_id"], told["reason"]) == (key_id, "cancelled")
    assert told["actions"] == [{"action": "delete_key", "key": "acme/1"}]


@pytest.mark.parametrize("event", ["CustomerSuspended", "CustomerResumed", "CustomerClosed"])
def test_the_same_event_again_writes_and_announces_nothing(life: LifeLab, event: str) -> None:
    life.signed_up()
    at = life.bench.clock.now()
    life.after(event, at=at)
    life.forget()
    life.after(event, at=at)
    assert life.bench.operations() == []
    assert life.event_types() == []


def test_an_older_event_that_comes_late_never_resurrects_a_closed_customer(life: LifeLab) -> None:
    life.signed_up()
    at = life.bench.clock.now()
    life.after("CustomerClosed", at=at)
    for event, detail in (("CustomerSignedUp", {"plan": "free"}), ("CustomerResumed", {})):
        life.after(event, at=at - 30, **detail)
    assert life.keys() == {}
    assert "KeyIssued" not in life.event_types()


def test_a_sign_up_after_closing_makes_a_new_key_with_the_next_number(life: LifeLab) -> None:
    life.signed_up()
    life.after("CustomerClosed")
    life.bench.clock.advance(60)
    life.after("CustomerSignedUp", plan="pro")
    assert life.keys() == {"acme/2": (True, ["pro"])}
    life.bench.clock.advance(60)
    life.after("CustomerClosed")
    life.bench.clock.advance(60)
    life.after("CustomerSignedUp", plan="free")
    assert life.keys() == {"acme/3": (True, ["free"])}


def test_a_plan_that_is_not_known_blocks_neither_disabling_nor_deleting(life: LifeLab) -> None:
    life.signed_up()
    life.after("CustomerPlanChanged", plan="gold")
    life.bench.clock.advance(60)
    life.after("CustomerSuspended")
    assert life.keys() == OFF
    life.after("CustomerClosed")
    assert life.keys() == {}


def test_a_key_that_is_gone_already_counts_as_deleted(life: LifeLab) -> None:
    key_id = life.signed_up()
    life.client.delete_api_key(apiKey=key_id)
    assert life.after("CustomerClosed").status == "SUCCEEDED"
    assert life.records() == ()
    assert life.event_types() == ["KeyRevoked"]


@pytest.mark.parametrize(
    ("event", "detail"), [("CustomerSuspended", {}), ("CustomerPlanChanged", {"plan": "pro"})]
)
def test_a_key_that_is_gone_is_told_with_a_remedy(
    life: LifeLab, event: str, detail: dict[str, str]
) -> None:
    key_id = life.signed_up()
    life.client.delete_api_key(apiKey=key_id)
    run = life.after(event, **detail)
    assert (run.status, run.error) == ("FAILED", "KeyGoneError")
    [told] = life.events("CustomerFailed")
    assert key_id in told["reason"]
    assert "Delete its record" in told["reason"]


@pytest.mark.parametrize("made", [True, False])
def test_a_closed_customers_key_in_the_making_is_looked_up_before_it_is_called_gone(
    life: LifeLab, made: bool
) -> None:
    life.hear("CustomerSignedUp", plan="free")
    lease = life.bench.registry.leases.acquire("customer#acme", "dead", life.bench.clock.now())
    assert isinstance(lease, Lease)
    tried = KeyRecord("acme", 1, CREATING, journal=Journal(int(life.bench.clock.now())))
    life.bench.registry.customers.save_keys([tried], lease)
    if made:
        life.client.create_api_key(name="acme/1", customerId="acme", enabled=True)
    life.bench.registry.leases.release(lease)
    assert life.settled("CustomerClosed").status == "SUCCEEDED"
    assert life.keys() == {}
    assert life.event_types() == (["KeyRevoked"] if made else [])
    life.bench.clock.advance(60)
    life.after("CustomerSignedUp", plan="free")
    assert life.keys() == {"acme/2": (True, ["free"])}


def test_a_dry_run_tells_what_would_be_done_and_does_nothing(life: LifeLab) -> None:
    life.signed_up()
    life.hear("CustomerSuspended", reason="unpaid")
    run = life.run(dry_run=True)
    assert run.output["actions"] == [
        {"action": "disable_key", "key": "acme/1", "number": 1, "reason": "unpaid"}
    ]
    assert life.bench.operations() == []


def test_a_suspension_whose_run_died_unseen_is_undone_by_the_resumption(life: LifeLab) -> None:
    """The call took effect and nobody knows: the record says that it was made."""
    life.signed_up()
    life.hear("CustomerSuspended")
    life.bench.emulator.order_faults(
        [{"operation": "UpdateApiKey", "call": n, "fault": "timeout_after"} for n in range(1, 9)]
    )
    assert life.run().output["postponed"]
    assert life.keys() == OFF
    life.bench.emulator.order_faults([])
    life.bench.clock.advance(60)
    life.forget()
    life.after("CustomerResumed")
    assert life.keys() == ONCE
