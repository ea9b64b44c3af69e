"""A rotation that is undone: the old key works on, as long as it is there."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.customers import undo_rotation
from keyward.errors import InvalidEventError
from tests.machines.life_lab import LifeLab
from tests.support import load_event

UNDO: dict[str, Any] = {"what": "rotation"}


def undone(life: LifeLab) -> None:
    life.bench.clock.advance(60)
    run = life.after("UndoRequested", **UNDO)
    assert run.status == "SUCCEEDED", run.cause


def test_within_the_overlap_the_old_key_takes_over_again_and_the_new_one_retires(
    life: LifeLab,
) -> None:
    first = life.rotated()
    second = life.records()[1].key_id
    life.forget()
    undone(life)
    [rotated] = life.events("KeyRotated")
    assert (rotated["key_id"], rotated["replaces"]) == (first, second)
    assert rotated["reason"] == "undone"
    assert rotated["actions"] == [{"action": "restore_key", "key": "acme/1"}]
    assert life.keys() == {"acme/1": (True, ["free"]), "acme/2": (True, ["free"])}
    life.wait(days=7, hours=1)
    assert life.keys() == {"acme/1": (True, ["free"]), "acme/2": (False, ["free"])}
    life.wait(days=4)
    assert life.keys() == {"acme/1": (True, ["free"])}
    assert [record.key_id for record in life.records()] == [first]


def test_a_key_that_was_disabled_already_is_enabled_again(life: LifeLab) -> None:
    first = life.rotated(overlap_hours=1)
    life.wait(hours=2)
    assert life.keys()["acme/1"][0] is False
    undone(life)
    assert life.keys()["acme/1"] == (True, ["free"])
    life.wait(days=11)
    assert [record.key_id for record in life.records()] == [first]


def test_a_rotation_that_did_not_begin_is_no_more(life: LifeLab) -> None:
    first = life.signed_up()
    life.hear("KeyRotationRequested")
    life.bench.clock.advance(60)
    life.hear("UndoRequested", **UNDO)
    assert life.run().output["actions"] == []
    assert [record.key_id for record in life.records()] == [first]


def test_a_successor_in_the_making_is_deleted(life: LifeLab) -> None:
    first = life.signed_up()

    def broken(task: object, context: object) -> None:
        raise RuntimeError("somebody stopped it here")

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(life.machine.functions, "ChangeRecord", broken)
        assert life.after("KeyRotationRequested").status == "FAILED"
    assert set(life.keys()) == {"acme/1", "acme/2"}
    undone(life)
    assert life.keys() == {"acme/1": (True, ["free"])}
    assert [record.key_id for record in life.records()] == [first]


def test_a_rotation_after_the_undo_is_made(life: LifeLab) -> None:
    life.rotated(overlap_hours=1)
    undone(life)
    life.bench.clock.advance(60)
    life.after("KeyRotationRequested", overlap_hours=1)
    life.wait(days=11)
    assert life.keys() == {"acme/3": (True, ["free"])}


def test_a_run_after_the_undo_has_nothing_to_do(life: LifeLab) -> None:
    life.rotated()
    undone(life)
    life.forget()
    assert life.run().output["actions"] == []
    assert life.run(dry_run=True).output["actions"] == []


def test_an_undo_of_a_rotation_whose_old_key_is_gone_is_refused(life: LifeLab) -> None:
    life.rotated(overlap_hours=1)
    life.wait(days=4)
    before = life.bench.registry.customers.desired("acme")
    assert before is not None
    life.hear("UndoRequested", **UNDO)
    after = life.bench.registry.customers.desired("acme")
    assert after is not None
    with pytest.raises(InvalidEventError, match="whose old key is still there"):
        undo_rotation.check(before, after, life.records())
    assert life.run().output["actions"] == []


def test_a_leaked_key_is_gone_with_its_rotation(life: LifeLab) -> None:
    life.rotated(overlap_hours=0, reason="leaked")
    before = life.bench.registry.customers.desired("acme")
    life.hear("UndoRequested", **UNDO)
    after = life.bench.registry.customers.desired("acme")
    assert after is not None
    with pytest.raises(InvalidEventError):
        undo_rotation.check(before, after, life.records())


def test_an_answer_that_was_lost_restores_a_key_once(life: LifeLab) -> None:
    life.rotated()
    bench = life.bench
    lease = bench.registry.leases.acquire("customer#acme", "run-9", bench.clock.now())
    assert lease is not None
    task = load_event("restore-key") | {"lease": lease.as_json()}
    for _ in range(2):
        life.machine.functions["ChangeRecord"](task, None)
    [old, new] = life.records()
    assert (old.succession.replaces, old.end.retire_at, new.end.replaced_by) == (2, None, None)


def test_no_moment_without_a_key_that_works(life: LifeLab) -> None:
    life.rotated(overlap_hours=1)
    life.wait(hours=2)
    api_id = life.stage()
    values = [life.value(name) for name in ("acme/1", "acme/2")]
    life.bench.clock.advance(60)
    life.hear("UndoRequested", **UNDO)
    seen: list[bool] = []
    before = life.machine.functions["SwitchKey"]

    def watched(task: dict[str, Any], context: object) -> Any:
        seen.append(200 in [life.ask(api_id, value) for value in values])
        return before(task, context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(life.machine.functions, "SwitchKey", watched)
        assert life.run().status == "SUCCEEDED"
    assert seen == [True]
    assert [life.ask(api_id, value) for value in values] == [200, 200]
