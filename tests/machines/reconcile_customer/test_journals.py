"""What broke off in the middle of a call is finished first, whoever finds it and however late."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from keyward.aws.tables.leases import Lease
from keyward.customers.drift import Compared, GatewayState, compared
from keyward.customers.key import CREATED, Journal, KeyRecord
from keyward.values import JSON
from tests.machines.life_lab import LifeLab

WORKS_IN_PRO = {"acme/1": (True, ["pro"])}


class Died(BaseException):
    """The run was stopped: nothing of it goes on."""


def attached_by_hand(life: LifeLab, key: KeyRecord, plan: str) -> None:
    where = {"usagePlanId": life.plan_id(plan), "keyId": str(key.key_id)}
    life.client.create_usage_plan_key(**where, keyType="API_KEY")


def journaled(life: LifeLab, key: KeyRecord, plan: str, lease: Lease) -> None:
    """The key is on its way into the plan, as Attach key writes it down before its call."""
    now = int(life.bench.clock.now())
    journal = replace(key.with_journal(plan=plan, started_at=now), attached_at=now)
    life.bench.registry.customers.save_keys([journal], lease)


def stopped_before_attach_key(life: LifeLab) -> Lease:
    """A first run whose key is made and in no plan when it is stopped; both plans hold the stage.
    The lease of that run."""
    life.known_plans("free", "pro")
    life.stage()
    life.hear("CustomerSignedUp", plan="free")
    leases: list[Lease] = []

    def dying(task: JSON, context: object) -> Any:
        leases.append(Lease.of(task))
        raise Died

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(life.machine.functions, "AttachKey", dying)
        with pytest.raises(Died):
            life.run()
    life.bench.bus.stopped.add(leases[0].owner)
    life.bench.clock.advance(600)
    return leases[0]


def test_the_attachment_of_a_stopped_run_is_finished_before_the_next_plan_is_joined(
    life: LifeLab,
) -> None:
    lease = stopped_before_attach_key(life)
    life.hear("CustomerPlanChanged", plan="pro")
    attach_key = life.machine.functions["AttachKey"]

    def overtaken(task: JSON, context: object) -> Any:
        [key] = life.records()
        if key.journal.plan is None:
            # The function of the stopped run is still at work.
            journaled(life, key, "free", lease)
            attached_by_hand(life, key, "free")
        return attach_key(task, context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(life.machine.functions, "AttachKey", overtaken)
        life.run()
    life.wait(hours=1)
    assert life.keys() == WORKS_IN_PRO
    assert [told["plan"] for told in life.events("KeyIssued")] == ["pro"]


def test_a_plan_that_no_record_names_is_not_taken_from_a_key_and_is_named(life: LifeLab) -> None:
    lease = stopped_before_attach_key(life)
    [key] = life.records()
    journaled(life, key, "pro", lease)
    attached_by_hand(life, key, "free")
    life.hear("CustomerPlanChanged", plan="pro")
    life.bench.clock.advance(3600)
    life.run(look=True)
    assert life.keys() == {"acme/1": (True, ["free"])}
    [failed] = life.events("CustomerFailed")
    assert f"it is in {life.plan_id('free')}" in failed["reason"], failed["reason"]


def test_a_journal_is_left_to_the_planner() -> None:
    begun = Journal(started_at=1000, plan="pro")
    key = KeyRecord("acme", 1, CREATED, key_id="k1", journal=begun)
    assert compared(key, GatewayState(True, True, ("free",)), 10_000) == Compared(key)
