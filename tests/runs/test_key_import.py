"""A round of Import keys: whether it imports, who comes into the batch, and when the next is."""

from __future__ import annotations

import pytest

from keyward.errors import GatewayUnavailableError, StoppedError, ThrottledError, TryUnderwayError
from keyward.runs.keys.bulk import step
from keyward.values import DAY, JSON, iso
from tests.runs.import_desk import END, IMPORT_CALL, LATER, LOOK, OTHER, OWNER, ImportDesk


def test_when_nobody_waits_the_imported_are_looked_up(desk: ImportDesk) -> None:
    desk.join("acme")
    desk.make()
    assert desk.make() == LOOK
    assert desk.lease_owner() == OWNER


def test_who_has_no_lease_does_nothing(desk: ImportDesk) -> None:
    desk.join("acme")
    assert desk.life.bench.registry.leases.acquire("import", OTHER, desk.now)
    desk.operations()
    assert desk.make() == END
    assert desk.operations() == []
    assert desk.waiting() == ["acme"]
    assert desk.lease_owner() == OTHER


def test_the_run_ends_after_two_rounds_without_anybody(desk: ImportDesk) -> None:
    assert desk.make() == step("import", 1, closing=True)
    assert desk.lease_owner() is None
    assert desk.make(closing=True) == END
    assert desk.lease_owner() is None


def test_a_run_that_is_old_leaves_who_waits_to_another(desk: ImportDesk) -> None:
    desk.join("acme")
    desk.begun = desk.now - 601
    assert desk.make() == END
    assert (desk.waiting(), desk.lease_owner()) == (["acme"], None)
    desk.begun = desk.now - 600
    assert desk.make() == LATER
    assert desk.imported() == ["acme"]


@pytest.mark.parametrize(("seconds", "answer"), [(30, LATER), (31, LOOK)])
def test_who_is_imported_is_looked_up_after_half_a_minute(
    desk: ImportDesk, seconds: int, answer: JSON
) -> None:
    desk.join("acme")
    desk.make()
    # The oldest counts.
    desk.life.bench.clock.advance(seconds - 20)
    desk.join("beta")
    assert desk.make() == LATER
    desk.life.bench.clock.advance(20)
    desk.join("gamma")
    assert desk.make() == answer


def test_a_look_just_now_is_late_enough(desk: ImportDesk) -> None:
    desk.join("acme")
    desk.make()
    desk.life.bench.clock.advance(40)
    desk.imports.note_verified(desk.now - 30, [])
    desk.join("beta")
    assert desk.make() == LATER
    desk.life.bench.clock.advance(1)
    desk.join("gamma")
    assert desk.make() == LOOK


def test_the_first_batch_takes_two_calls_and_others_one(desk: ImportDesk) -> None:
    desk.join("acme")
    desk.make()
    assert desk.count("calls.import.asked") == 2
    desk.join("beta")
    desk.operations()
    desk.make()
    assert desk.operations() == [IMPORT_CALL]
    assert desk.count("calls.import.asked") == 3
    assert desk.count("calls.spent") == 0


@pytest.mark.parametrize("seconds", [0.1, 1])
def test_a_turn_that_comes_soon_is_waited_for(desk: ImportDesk, seconds: float) -> None:
    desk.join("acme")
    desk.busy(seconds)
    assert desk.make() == LATER
    [pause] = desk.pauses
    # Two calls take 0.4 s of Keyward's share.
    assert seconds < pause < seconds + 0.5
    assert desk.imported() == ["acme"]


def test_a_turn_that_comes_later_is_waited_for_outside(desk: ImportDesk) -> None:
    desk.join("acme")
    desk.busy(8)
    assert desk.make() == step("import", 9)
    assert (desk.pauses, desk.waiting()) == ([], ["acme"])
    turn = desk.run().context.turns.of("import")
    assert turn
    assert (turn.owner, turn.lane, turn.calls) == (OWNER, "import", {"calls": 2})


def test_a_turn_that_is_a_little_later_is_waited_for_outside(desk: ImportDesk) -> None:
    desk.join("acme")
    desk.busy(2)
    assert desk.make() == step("import", 3)
    assert desk.pauses == []


def test_a_turn_that_is_not_there_after_a_pause_is_asked_for_again(desk: ImportDesk) -> None:
    desk.join("acme")
    desk.busy(1)
    desk.run().context.turns.take("others", OTHER, "leak", {"calls": 1}, desk.now)
    pause = desk._pause

    def slow(seconds: float) -> None:
        desk.busy(20)
        pause(seconds)

    desk._pause = slow  # type: ignore[method-assign]
    answer = desk.make()
    assert answer["next"] == "import"
    assert answer["wait_seconds"] > 2
    assert desk.waiting() == ["acme"]


def test_who_has_an_end_in_a_month_is_imported(desk: ImportDesk) -> None:
    desk.join("acme", expires_at=iso(desk.now + 30 * DAY))
    assert desk.make() == LATER
    assert desk.imported() == ["acme"]


def test_who_needs_more_than_a_row_has_a_run_of_its_own(desk: ImportDesk) -> None:
    desk.join("acme")
    desk.join("tagged", tags={"team": "one"})
    desk.join("lost", plan="nowhere")
    desk.join("had")
    customers = desk.life.bench.tables["CustomersTable"]
    customers.put_item(Item={"customer_id": "odd", "plan": "free", "status": 7})
    for name in ("odd", "absent"):
        desk.imports.wait(name, {}, desk.now)
    keys = desk.life.bench.tables["KeysTable"]
    keys.put_item(Item={"customer_id": "had", "record": "tombstone", "number": 1})
    assert desk.make() == LATER
    assert desk.imported() == ["acme"]
    assert desk.own_runs() == dict.fromkeys(("absent", "had", "lost", "odd", "tagged"), desk.now)
    assert desk.life.keys() == {"acme/1": (True, ["free"])}


@pytest.mark.parametrize("plan", ["free", "pro"])
def test_a_plan_that_cannot_be_had_stops_no_other(desk: ImportDesk, plan: str) -> None:
    desk.drop_plan(plan)
    desk.life.client.create_usage_plan(name=plan, tags={"keyward": "another-stack"})
    desk.join("in-free")
    desk.join("in-pro", plan="pro")
    assert desk.make() == LATER
    other = {"free": "pro", "pro": "free"}[plan]
    assert desk.imported() == [f"in-{other}"]
    assert desk.own_runs() == {f"in-{plan}": desk.now}
    assert desk.key(f"in-{plan}") is None


def test_a_plan_that_passes_later_stops_the_batch(desk: ImportDesk) -> None:
    desk.life.bench.registry.plans.forget("free")
    desk.life.fault("GetUsagePlans", "throttle", call=2)
    desk.join("acme")
    with pytest.raises(ThrottledError):
        desk.make()
    assert (desk.waiting(), desk.own_runs()) == (["acme"], {})


def test_a_recorded_plan_that_is_gone_is_made_anew(desk: ImportDesk) -> None:
    desk.drop_plan("free")
    desk.join("acme")
    assert desk.make() == LATER
    assert desk.life.keys() == {"acme/1": (True, ["free"])}
    [line] = [
        line
        for line in desk.life.bench.registry.ledger.of("policy")
        if line["action"] == "create_plan" and line["execution_arn"] == OWNER
    ]
    assert line["plan"] == "free"


def test_a_plan_is_not_asked_for_while_a_batch_is_under_way(desk: ImportDesk) -> None:
    desk.join("acme")
    desk.make()
    desk.join("beta")
    desk.drop_plan("free")
    assert desk.make() == LATER
    assert desk.operations() == [IMPORT_CALL]


def test_who_is_held_by_a_run_of_its_own_is_left_out(desk: ImportDesk) -> None:
    desk.join("acme", "beta")
    assert desk.life.bench.registry.leases.acquire("customer#acme", OTHER, desk.now)
    assert desk.make() == LATER
    assert (desk.waiting(), desk.imported()) == (["acme"], ["beta"])


def test_a_pause_of_what_passes_is_as_long_as_its_error_says(desk: ImportDesk) -> None:
    desk.make()
    assert desk.run().after(GatewayUnavailableError("x")) == step("import", 15)
    assert step("import", 1.2) == {"next": "import", "wait_seconds": 2, "closing": False}


def test_a_stop_ends_the_run_and_frees_the_lease(desk: ImportDesk) -> None:
    assert desk.run().after(StoppedError("x")) == END
    desk.join("acme")
    desk.make()
    assert desk.lease_owner() == OWNER
    assert desk.run(OTHER).after(StoppedError("x")) == END
    assert desk.lease_owner() == OWNER
    assert desk.run().after(StoppedError("x")) == END
    assert desk.lease_owner() is None


def test_a_run_that_was_stopped_is_taken_over_after_its_last_function(
    desk: ImportDesk,
) -> None:
    desk.join("acme")
    leases = desk.life.bench.registry.leases
    assert leases.acquire("import", OTHER, desk.now)
    desk.life.bench.bus.stopped.add(OTHER)
    desk.life.bench.clock.advance(64)
    with pytest.raises(TryUnderwayError):
        desk.make()
    desk.life.bench.clock.advance(1)
    assert desk.make() == LATER
    assert desk.lease_owner() == OWNER
