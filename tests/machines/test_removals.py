"""Records that somebody removes from the Customers table: what becomes of the keys, and what brings
them back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

import start_customer_reconcile
from keyward.aws.tables.customers import Customers
from keyward.customers.removal import Removal
from keyward.policy.parse import default_text
from keyward.values import JSON, iso
from local.bench import Bench
from tests import tree
from tests.cli.desk import desk_of, parsed
from tests.support import registry_of

MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


@pytest.fixture
def few() -> Iterator[Bench]:
    """Two removals an hour are let through, and five customers have a key."""
    policy = json.loads(default_text()) | {"propagation_seconds": 0, "most_removals_an_hour": 2}
    with Bench(policy=policy) as made:
        sign_up(made, *CROWD)
        yield made


CROWD = ("a-1", "b-1", "c-1", "d-1", "e-1")


def sign_up(bench: Bench, *names: str) -> None:
    for name in names or ("acme",):
        bench.send("CustomerSignedUp", customer_id=name, plan="free", name=name)
    bench.advance(MINUTE)


def removed(bench: Bench, *names: str) -> None:
    for name in names or ("acme",):
        bench.remove(name)
    bench.advance(MINUTE)


def working(bench: Bench) -> list[str]:
    keys = bench.emulator.state.keys.values()
    return sorted(key.settings["name"] for key in keys if key.enabled)


def sample(name: str) -> str:
    """The detail-type of a sample event, which has no members."""
    event = json.loads((tree.ROOT / "events" / "in" / f"{name}.json").read_text("utf-8"))
    assert event["detail"] == {}
    return str(event["detail-type"])


def told(bench: Bench, detail_type: str) -> list[JSON]:
    return [e["detail"] for e in bench.announced if e["detail-type"] == detail_type]


def kinds(bench: Bench) -> list[tuple[str, str]]:
    return [(f["kind"], f["severity"]) for f in bench.audit()["findings"]]


def test_a_removed_record_suspends_the_keys_once(bench: Bench) -> None:
    sign_up(bench)
    bench.send("KeyRotationRequested", customer_id="acme", overlap_hours=1)
    bench.advance(MINUTE)
    removed(bench)
    assert working(bench) == []
    assert [event["reason"] for event in told(bench, "KeySuspended")] == ["record deleted"] * 2
    bench.advance(5 * DAY)
    assert len(bench.emulator.state.keys) == 1
    assert told(bench, "CustomerFailed") == []
    assert kinds(bench) == [("record_deleted", "high")]


def test_the_record_put_again_resumes_the_keys(bench: Bench) -> None:
    sign_up(bench)
    value = bench.value("acme")
    removed(bench)
    bench.put(customer_id="acme", plan="free", status="active")
    bench.run()
    assert (working(bench), bench.value("acme")) == (["acme/1"], value)
    assert bench.announced[-1]["detail-type"] == "KeyResumed"
    assert kinds(bench) == []


def test_a_newer_sign_up_resumes_the_keys(bench: Bench) -> None:
    sign_up(bench)
    removed(bench)
    sign_up(bench)
    assert working(bench) == ["acme/1"]


def test_an_event_that_occurred_before_the_removal_revives_nothing(bench: Bench) -> None:
    early = iso(bench.clock.now() + HOUR - 1)
    sign_up(bench)
    bench.run(until=bench.clock.now() - MINUTE + HOUR)
    removed(bench)
    bench.send("CustomerSignedUp", customer_id="acme", plan="free", occurred_at=early)
    bench.advance(HOUR)
    assert (working(bench), told(bench, "CustomerFailed")) == ([], [])
    assert bench.tables["CustomersTable"].scan()["Items"] == []


@pytest.mark.parametrize(
    ("detail_type", "detail"),
    [
        ("CustomerResumed", {}),
        ("CustomerPlanChanged", {"plan": "pro"}),
        ("KeyRotationRequested", {}),
        ("PaymentSucceeded", {}),
        ("CustomerSuspended", {}),
    ],
)
def test_another_event_revives_nothing_and_is_answered(
    bench: Bench, detail_type: str, detail: JSON
) -> None:
    sign_up(bench)
    removed(bench)
    bench.send(detail_type, customer_id="acme", **detail)
    bench.advance(HOUR)
    [failed] = told(bench, "CustomerFailed")
    assert (failed["error"], failed["caused_by"]["detail_type"]) == (
        "CustomerNotFoundError",
        detail_type,
    )
    assert (working(bench), bench.tables["CustomersTable"].scan()["Items"]) == ([], [])


def test_a_customer_whose_record_was_removed_can_be_closed(bench: Bench) -> None:
    sign_up(bench)
    removed(bench)
    bench.send("CustomerClosed", customer_id="acme")
    bench.advance(HOUR)
    assert (len(bench.emulator.state.keys), kinds(bench)) == (0, [])
    for detail_type, detail in (("CustomerResumed", {}), ("CustomerPlanChanged", {"plan": "pro"})):
        bench.send(detail_type, customer_id="acme", **detail)
    bench.advance(HOUR)
    assert len(bench.emulator.state.keys) == 0
    sign_up(bench)
    assert working(bench) == ["acme/2"]


def test_more_removals_than_the_policy_allows_are_held_and_told_once(
    few: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[JSON] = []
    monkeypatch.setattr(start_customer_reconcile.runtime, "count", counted.append)
    removed(few, *CROWD)
    assert len(working(few)) == 3
    [failed] = told(few, "CustomerFailed")
    assert (failed["error"], failed["remedy"]) == ("RemovalsHeldError", "keyward holds")
    assert counted == [{"RemovalsHeld": 1}] * 3
    assert sorted(kinds(few)) == [("record_deleted", "high")] * 2 + [("removal_held", "high")] * 3
    few.audit(repair=True)
    few.advance(5 * HOUR)
    assert len(working(few)) == 3
    assert len(told(few, "CustomerFailed")) == 1


def test_approved_removals_suspend_and_rejected_ones_are_put_back(few: Bench) -> None:
    table = few.tables["CustomersTable"]
    before = {item["customer_id"]: item for item in table.scan()["Items"]}
    removed(few, *CROWD)
    few.send(sample("removals-rejected"))
    few.advance(2 * MINUTE)
    assert {item["customer_id"]: item for item in table.scan()["Items"]} == before
    assert len(working(few)) == len(CROWD)
    assert kinds(few) == []
    removed(few, *CROWD)
    assert len(working(few)) == 3
    few.send(sample("removals-approved"))
    few.advance(2 * MINUTE)
    assert working(few) == []
    assert {event["reason"] for event in told(few, "KeySuspended")} == {"record deleted"}


def test_a_customer_whose_removal_is_held_can_be_closed(few: Bench) -> None:
    removed(few, *CROWD)
    held = working(few)[0].partition("/")[0]
    few.send("CustomerClosed", customer_id=held)
    few.advance(HOUR)
    assert (len(working(few)), len(few.emulator.state.keys)) == (2, 4)


@pytest.mark.parametrize("is_put", [False, True])
def test_what_stops_a_key_counts_while_the_removal_is_held(few: Bench, is_put: bool) -> None:
    if is_put:
        for name in CROWD:
            few.put(customer_id=name, plan="free", status="active")
        few.advance(MINUTE)
    removed(few, *CROWD[:2])
    removed(few, *CROWD[2:])
    assert working(few) == ["c-1/1", "d-1/1", "e-1/1"]
    at = iso(few.clock.now())
    for _ in range(2):
        few.send("KeyRotationRequested", customer_id="c-1", leaked=True, occurred_at=at)
        few.send("CustomerSuspended", customer_id="d-1", occurred_at=at)
        few.advance(MINUTE)
    assert working(few) == ["e-1/1"]
    assert [event["error"] for event in told(few, "CustomerFailed")] == ["RemovalsHeldError"]
    few.send("RemovalsRejected")
    few.advance(MINUTE)
    assert working(few) == ["a-1/1", "b-1/1", "c-1/2", "e-1/1"]


@pytest.mark.parametrize("answer", ["RemovalsApproved", "RemovalsRejected"])
def test_a_stop_that_crosses_an_answer_counts(
    few: Bench, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    removed(few, *CROWD)
    real, crossed = Customers.removal, []

    def crossing(self: Customers, customer_id: str) -> Removal | None:
        found = real(self, customer_id)
        if found and found.held and not crossed:
            crossed.append(customer_id)
            leak = {"requested_at": int(few.clock.now()), "leaked": True}
            stopped = replace(found, stopped=True, leak=leak)
            registry_of(few.tables, None).removals.change(stopped, found)
        return found

    monkeypatch.setattr(Customers, "removal", crossing)
    few.send(answer)
    few.advance(10 * MINUTE)
    assert f"{crossed[0]}/1" not in working(few)
    few.put(customer_id=crossed[0], plan="free", status="active")
    few.advance(MINUTE)
    assert f"{crossed[0]}/2" in working(few)


def test_removals_within_the_hour_count_and_older_ones_do_not(few: Bench) -> None:
    for name in CROWD[:4]:
        removed(few, name)
        few.advance(HOUR / 2)
    assert working(few) == ["e-1/1"]


def test_records_of_customers_without_a_working_key_may_all_be_removed(few: Bench) -> None:
    for name in CROWD:
        few.send("CustomerClosed", customer_id=name)
    few.advance(MINUTE)
    removed(few, *CROWD)
    assert (kinds(few), told(few, "CustomerFailed")) == ([], [])


def test_a_removal_that_comes_twice_is_one(few: Bench) -> None:
    few.fault("dynamodb", "PutItem", 1, "timeout_after")
    removed(few, *CROWD[:2])
    few.advance(10 * MINUTE)
    assert working(few) == ["c-1/1", "d-1/1", "e-1/1"]
    assert told(few, "CustomerFailed") == []


def test_an_emptied_table_is_restored_by_one_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    policy = json.loads(default_text()) | {"most_removals_an_hour": 2, "propagation_seconds": 0}
    with desk_of(capsys, policy=policy) as desk:
        sign_up(desk.bench, *CROWD)
        assert desk.run("reject", "removals")[0] == 1
        removed(desk.bench, *CROWD)
        code, out, _ = desk.run("holds")
        assert code == 1
        assert "removals  3 records of customers, held since" in out
        for line in out.splitlines()[-2:]:
            parsed(line.strip())
        code, out, _ = desk.run("status")
        assert (code, "customers' records: 3, see keyward holds" in out) == (1, True)
        assert desk.run("reject", "removals")[0] == 0
        desk.bench.advance(MINUTE)
        assert len(working(desk.bench)) == len(CROWD)
        assert desk.run("holds")[0] == 0
