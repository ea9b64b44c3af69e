"""A round of Verify import: which plans it reads, and what becomes of keys that are not there."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from keyward.aws.tables.import_progress import LANDED, REFUSED
from keyward.aws.tables.imports import Imports, Issued
from keyward.customers.key import CREATING
from keyward.runs.keys import bulk_check
from keyward.runs.keys.bulk import step
from keyward.values import IMPORT_READ_SECONDS, in_flight_seconds
from tests.runs.import_desk import AGAIN, END, OTHER, WAIT, ImportDesk

# So long a call that nobody answered may still take effect.
IN_FLIGHT = in_flight_seconds(IMPORT_READ_SECONDS)
READ = "GetUsagePlanKeys"


def test_who_has_no_lease_looks_at_nothing(desk: ImportDesk) -> None:
    desk.made("acme")
    leases = desk.life.bench.registry.leases
    holder = leases.holder("import")
    assert holder
    leases.give_back(holder)
    assert leases.acquire("import", OTHER, desk.now)
    assert desk.look() == END
    assert desk.operations() == []
    assert desk.imported() == ["acme"]


def test_a_call_that_may_still_land_is_not_looked_up(desk: ImportDesk) -> None:
    desk.made("acme", fault="timeout_after")
    batches = desk.state().batches
    [began] = batches.values()
    desk.wait(began + IN_FLIGHT - 1 - desk.now)
    assert desk.look() == WAIT
    assert desk.operations() == []
    assert desk.state().batches == batches
    assert desk.state().verified_at == desk.now
    desk.wait(1)
    assert desk.look() == AGAIN
    assert desk.state().batches == {}
    assert desk.told() == ["acme"]


def test_what_landed_is_looked_up_beside_what_may_still_land(desk: ImportDesk) -> None:
    desk.made("acme")
    desk.wait(1)
    desk.made("beta", fault="timeout_after")
    assert desk.look() == WAIT
    assert (desk.told(), desk.imported()) == (["acme"], ["beta"])
    assert len(desk.state().batches) == 1


def test_what_a_failed_call_did_not_make_is_made_anew(desk: ImportDesk) -> None:
    desk.made("acme", fault="timeout_before")
    first = desk.key("acme")
    desk.wait(IN_FLIGHT)
    assert desk.look() == AGAIN
    assert desk.operations() == [READ, "GetUsagePlans"]
    assert (desk.imports.waiting("new"), desk.key("acme")) == (
        [("acme", desk.now)],
        None,
    )
    assert (desk.imported(), desk.own_runs()) == ([], {})
    # The look took two calls of its turn, and one that nobody knew of.
    assert desk.count("calls.import.asked") == 4
    assert desk.count("calls.spent") == 1
    desk.make()
    assert desk.look() == AGAIN
    second = desk.key("acme")
    assert first
    assert second
    assert first.fingerprint != second.fingerprint
    assert desk.told() == ["acme"]


def test_what_a_refused_call_did_not_make_is_made_anew(desk: ImportDesk) -> None:
    desk.made("acme", fault="timeout_before")
    [batch] = desk.state().batches
    desk.imports.note(batch, REFUSED)
    assert desk.look() == AGAIN
    assert desk.waiting() == ["acme"]


def test_a_plan_that_went_away_leaves_its_customers_to_their_own_runs(
    desk: ImportDesk,
) -> None:
    desk.made("acme", "beta", fault="timeout_before")
    desk.made("gamma", plan="pro", fault="timeout_before")
    desk.drop_plan("free")
    desk.wait(IN_FLIGHT)
    assert desk.look() == AGAIN
    assert desk.waiting() == ["gamma"]
    assert desk.own_runs() == {"acme": desk.now, "beta": desk.now}
    record = desk.key("acme")
    assert record
    assert (record.state, record.journal.batch, record.journal.plan) == (CREATING, None, "free")


@pytest.mark.parametrize("is_known", [True, False])
def test_a_plan_without_an_id_has_no_keys(desk: ImportDesk, is_known: bool) -> None:
    desk.made("acme")
    plans = desk.life.bench.registry.plans
    plans.forget("free")
    if is_known:
        plans.trying("free", desk.now)
    assert desk.look() == AGAIN
    assert desk.operations() == []
    assert desk.own_runs() == {"acme": desk.now}


def test_a_key_that_left_after_a_good_call_is_left_to_its_own_run(desk: ImportDesk) -> None:
    desk.made("acme", "beta")
    desk.life.client.delete_api_key(apiKey=desk.key_ids("acme/1")[0])
    desk.operations()
    assert desk.look() == AGAIN
    assert desk.operations() == [READ]
    assert (desk.told(), desk.waiting(), desk.imported()) == (["beta"], [], [])
    assert desk.own_runs() == {"acme": desk.now}
    record = desk.key("acme")
    assert record
    assert (record.state, record.journal.batch) == (CREATING, None)


def test_each_plan_is_read_once(desk: ImportDesk) -> None:
    desk.made("acme", "beta")
    desk.made("gamma", plan="pro")
    before = desk.count("calls.import.asked")
    assert desk.look() == AGAIN
    assert desk.operations() == [READ, READ]
    assert desk.count("calls.import.asked") - before == 3
    assert desk.count("calls.spent") == 0
    assert sorted(desk.told()) == ["acme", "beta", "gamma"]


def test_pages_that_nobody_knew_of_are_counted(
    desk: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_check, "PAGE", 2)
    desk.made("acme", "beta", "gamma")
    for number in range(2):
        desk.put_beside(f"by-hand-{number}")
    desk.made("delta", plan="pro")
    before = desk.count("calls.import.asked")
    assert desk.look() == AGAIN
    # Four keys are two pages, and two plans are read.
    assert desk.count("calls.import.asked") - before == 4
    # Five keys of one plan are three pages, and one of the other is one.
    assert desk.count("calls.spent") == 0
    desk.made("epsilon")
    desk.made("zeta", plan="pro")
    before = desk.count("calls.import.asked")
    desk.look()
    assert desk.count("calls.import.asked") - before == 3
    # Six keys are four pages for Keyward, which cannot know that the last is full, and two are two.
    assert desk.count("calls.spent") == 3


def test_a_turn_of_a_look_is_waited_for_outside(desk: ImportDesk) -> None:
    desk.made("acme")
    desk.busy(8)
    answer = desk.look()
    assert answer == step("import", answer["wait_seconds"])
    assert answer["wait_seconds"] > 7
    assert desk.operations() == []
    assert desk.imported() == ["acme"]
    turn = desk.run().context.turns.of("verify-import")
    assert turn
    assert (turn.lane, turn.calls) == ("import", {"calls": 2})


def test_many_are_concluded_some_at_a_time(
    desk: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_check, "CHUNK", 2)
    sizes: list[int] = []
    issue = Imports.issue

    def measured(self: Imports, keys: Sequence[Issued], now: float) -> set[str]:
        sizes.append(len(keys))
        return issue(self, keys, now)

    monkeypatch.setattr(Imports, "issue", measured)
    names = [f"c{number}" for number in range(5)]
    desk.made(*names)
    assert desk.look() == AGAIN
    assert sizes == [2, 2, 1]
    assert sorted(desk.told()) == names
    assert (desk.imported(), desk.own_runs()) == ([], {})


def test_what_landed_is_known_without_an_entry(desk: ImportDesk) -> None:
    desk.made("acme")
    desk.imports.note_verified(0, [*desk.state().batches])
    assert desk.state().of("any") == LANDED
    assert desk.look() == AGAIN
    assert desk.told() == ["acme"]
