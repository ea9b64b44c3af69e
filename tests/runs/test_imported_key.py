"""A key that was imported: which of several it is, what is told, and when its customer is due."""

from __future__ import annotations

import pytest

from keyward.customers.key import CREATED, Journal, KeyRecord, Labels
from keyward.values import DAY, IMPORT_READ_SECONDS, JSON, in_flight_seconds, iso
from tests.runs.import_desk import AGAIN, OTHER, OWNER, WAIT, ImportDesk, asked

READ = "GetUsagePlanKeys"


def test_a_key_that_is_there_is_written_down_and_told(desk: ImportDesk) -> None:
    desk.life.stage()
    began = desk.now
    desk.made("acme", description="The first")
    batch = desk.state().batches
    desk.wait(3)
    assert desk.look() == AGAIN
    assert desk.operations() == [READ]
    [key_id] = desk.key_ids("acme/1")
    record = desk.key("acme")
    assert record
    assert record == KeyRecord(
        "acme",
        1,
        CREATED,
        key_id=key_id,
        created_at=began,
        plans=("free",),
        attached_at=began,
        labels=Labels("The first", {}),
        fingerprint=record.fingerprint,
        journal=Journal(started_at=began),
    )
    assert record.fingerprint
    assert len(batch) == 1
    assert (desk.state().batches, desk.state().verified_at) == ({}, desk.now)
    assert (desk.imported(), desk.own_runs()) == ([], {})
    loaded = desk.life.bench.registry.customers.load_keys("acme")
    assert not loaded.outbox
    [event] = desk.life.events("KeyIssued")
    seconds = desk.run().context.policy.propagation_seconds
    assert event["customer_id"] == "acme"
    assert event["key_id"] == key_id
    assert event["execution_arn"] == OWNER
    assert event["effective_by"] == iso(began + seconds)
    assert event["caused_by"]["event_id"] == "of-acme"
    assert "opens" in event


def test_the_ledger_has_the_lines_of_two_steps(desk: ImportDesk) -> None:
    desk.made("acme")
    desk.look()
    lines = desk.life.bench.registry.ledger.of("customer#acme")
    assert [line["action"] for line in lines] == ["create_key", "attach_key"]
    [key_id] = desk.key_ids("acme/1")
    created, attached = lines
    assert created["after"] == {"state": CREATED, "key_id": key_id, "enabled": True}
    assert attached["after"] == {"plan": "free"}
    assert [line["line"].split("#")[2] for line in lines] == ["0000", "0001"]
    for line in lines:
        assert (line["execution_arn"], line["at"]) == (OWNER, iso(desk.now))
        assert (line["asked"], line["key"]) == (asked("acme"), "acme/1")
    assert "events" not in created
    assert [event["event"] for event in attached["events"]] == ["KeyIssued"]


def test_who_is_held_by_a_run_of_its_own_is_looked_at_again(desk: ImportDesk) -> None:
    desk.made("acme", "beta")
    leases = desk.life.bench.registry.leases
    held = leases.acquire("customer#acme", OTHER, desk.now)
    assert held
    assert desk.look() == WAIT
    assert (desk.told(), desk.imported()) == (["beta"], ["acme"])
    leases.give_back(held)
    assert desk.look() == AGAIN
    assert desk.told() == ["beta", "acme"]


def test_a_key_that_another_run_took_over_is_left_to_it(desk: ImportDesk) -> None:
    desk.made("acme", "beta")
    record = desk.key("acme")
    assert record
    lease = desk.life.bench.registry.leases.acquire("customer#acme", OTHER, desk.now)
    assert lease
    single = record.with_journal(batch=None)
    desk.life.bench.registry.customers.save_keys([single], lease)
    desk.wait(2)
    assert desk.look() == AGAIN
    assert (desk.told(), desk.imported()) == (["beta"], [])
    assert desk.own_runs() == {"acme": desk.now}
    assert desk.key("acme") == single


def test_a_customer_without_a_key_is_left_to_its_own_run(desk: ImportDesk) -> None:
    desk.made("acme")
    keys = desk.life.bench.tables["KeysTable"]
    keys.delete_item(Key={"customer_id": "acme", "record": "key#1"})
    assert desk.look() == AGAIN
    assert desk.operations() == []
    assert desk.own_runs() == {"acme": desk.now}


def test_of_two_keys_of_one_name_the_older_stays(desk: ImportDesk) -> None:
    desk.made("acme")
    [mine] = desk.key_ids("acme/1")
    desk.wait(1)
    for _ in range(2):
        desk.put_beside("acme/1")
    before = desk.count("calls.import.asked")
    assert desk.look() == AGAIN
    assert desk.operations() == [READ, "GetApiKeys", "DeleteApiKey", "DeleteApiKey"]
    assert desk.key_ids("acme/1") == [mine]
    record = desk.key("acme")
    assert record
    assert record.key_id == mine
    assert desk.count("calls.import.asked") - before == 2
    assert desk.count("calls.spent") == 3


def test_a_key_of_the_name_in_another_plan_is_not_touched(desk: ImportDesk) -> None:
    desk.made("acme")
    [mine] = desk.key_ids("acme/1")
    desk.wait(1)
    other = desk.put_beside("acme/1", "pro")
    desk.put_beside("acme/1")
    assert desk.look() == AGAIN
    assert desk.key_ids("acme/1") == [mine, other]


def test_a_key_that_somebody_made_before_is_not_touched(desk: ImportDesk) -> None:
    before = desk.put_beside("acme/1")
    desk.wait(100)
    desk.made("acme")
    [_, mine] = desk.key_ids("acme/1")
    assert desk.look() == AGAIN
    assert desk.key_ids("acme/1") == [before, mine]
    record = desk.key("acme")
    assert record
    assert record.key_id == mine
    assert desk.operations() == [READ, "GetApiKeys"]
    assert desk.count("calls.spent") == 1


def test_of_two_keys_from_before_one_is_taken_and_none_deleted(desk: ImportDesk) -> None:
    both = [desk.put_beside("acme/1"), desk.put_beside("acme/1")]
    desk.wait(100)
    desk.made("acme", fault="timeout_before")
    desk.wait(in_flight_seconds(IMPORT_READ_SECONDS))
    assert desk.look() == AGAIN
    record = desk.key("acme")
    assert record
    assert record.key_id in both
    assert sorted(desk.key_ids("acme/1")) == sorted(both)


def test_an_end_to_come_is_when_the_customer_is_due(desk: ImportDesk) -> None:
    until = desk.now + 30 * DAY
    desk.made("acme", expires_at=iso(until))
    assert desk.look() == AGAIN
    assert desk.own_runs() == {"acme": until - 7 * DAY}


@pytest.mark.parametrize("seconds", [DAY // 2, 2 * DAY])
def test_a_notice_that_is_due_has_a_run_of_its_own_at_once(desk: ImportDesk, seconds: int) -> None:
    desk.made("acme", expires_at=iso(desk.now + seconds))
    desk.wait(2)
    assert desk.look() == AGAIN
    assert desk.own_runs() == {"acme": desk.now}


def test_what_changed_meanwhile_has_a_run_of_its_own_at_once(desk: ImportDesk) -> None:
    desk.made("acme", "beta", "gamma")
    desk.life.hear("CustomerSuspended", "acme")
    table = desk.life.bench.tables["CustomersTable"]
    table.put_item(Item={"customer_id": "beta", "plan": "free", "status": 7})
    desk.life.hear("CustomerPlanChanged", "gamma", plan="nowhere")
    desk.wait(2)
    assert desk.look() == AGAIN
    assert sorted(desk.told()) == ["acme", "beta", "gamma"]
    assert desk.own_runs() == dict.fromkeys(("acme", "beta", "gamma"), desk.now)


@pytest.mark.parametrize("record", [None, {"status": 7}, {"recorded": "x"}])
def test_where_nobody_knows_who_asked_it_was_the_record(
    desk: ImportDesk, record: JSON | None
) -> None:
    desk.made("acme")
    forget_asker(desk, "acme")
    table = desk.life.bench.tables["CustomersTable"]
    if record:
        table.put_item(Item={"customer_id": "acme", "plan": "free"} | record)
    else:
        table.delete_item(Key={"customer_id": "acme"})
    assert desk.look() == AGAIN
    [event] = desk.life.events("KeyIssued")
    assert event["caused_by"]["detail_type"] == "Customers record"
    [created, *_] = desk.life.bench.registry.ledger.of("customer#acme")
    assert created["asked"] == {"by": "record"}


def forget_asker(desk: ImportDesk, name: str) -> None:
    desk.life.bench.tables["KeysTable"].update_item(
        Key={"customer_id": name, "record": "due"}, UpdateExpression="REMOVE asked"
    )


@pytest.mark.parametrize("noted", [{}, {"recorded_at": 1}])
def test_the_record_says_which_event_asked_for_the_key(desk: ImportDesk, noted: JSON) -> None:
    desk.made("acme")
    forget_asker(desk, "acme")
    event = asked("the-record")
    # What came later has nothing to do with a new key.
    later = {"expires_at": asked("another") | {"recorded_at": desk.now}}
    table = desk.life.bench.tables["CustomersTable"]
    item = dict(table.get_item(Key={"customer_id": "acme"})["Item"])
    table.put_item(Item=item | {"asked": {"plan": event | noted} | later})
    assert desk.look() == AGAIN
    [created, *_] = desk.life.bench.registry.ledger.of("customer#acme")
    assert created["asked"] == event
