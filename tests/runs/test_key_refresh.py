"""What a run finds of a customer's keys on API Gateway, and how it writes down what is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyward.customers.key import DELETING, KeyRecord
from keyward.customers.model import KeyRecords
from keyward.runs.keys.refresh import BY_HAND, KeyRefresher
from keyward.runs.ledger import CORRECT
from keyward.values import JSON, iso
from tests.machines.life_lab import LifeLab
from tests.runs.step_lab import ARN, last_line, waiting

NOBODY: JSON = {"by": "event", "event_id": "e1", "detail_type": "a call", "source": "a trail"}
WHO: JSON = NOBODY | {"who": "ada (DeleteApiKey)"}


def refreshed(life: LifeLab, requester: JSON = WHO) -> KeyRecords:
    registry, now = life.bench.registry, life.bench.clock.now()
    lease = registry.leases.acquire("customer#acme", ARN, now)
    before = registry.customers.load_keys("acme")
    look = KeyRefresher(life.bench.gateway, now, life.bench.registry.plans)
    return look.refresh_from_gateway(before, "acme", registry.customers, lease, requester)


def key(life: LifeLab) -> KeyRecord:
    return life.records()[0]


def change(life: LifeLab, **patch: str) -> None:
    operations = [{"op": "replace", "path": f"/{name}", "value": to} for name, to in patch.items()]
    life.client.update_api_key(apiKey=key(life).key_id, patchOperations=operations)


def leave(life: LifeLab, plan: str = "free") -> None:
    life.bench.gateway.detach_key(life.plan_id(plan), str(key(life).key_id))


def test_a_key_that_is_gone_is_forgotten_and_told(acme: LifeLab) -> None:
    lost = key(acme)
    acme.client.delete_api_key(apiKey=lost.key_id)
    found = refreshed(acme)
    assert (found.keys, found.last_number) == ((), 1)
    assert [*found.outbox.values()] == waiting(acme)
    [event] = waiting(acme)
    assert event["detail_type"] == "KeyRevoked"
    told = event["detail"]
    assert (told["key_id"], told["reason"], told["plan"]) == (lost.key_id, BY_HAND, "free")
    assert told["actions"] == [{"action": CORRECT, "key": "acme/1"}]
    assert told["effective_by"] == iso(acme.bench.clock.now())
    assert told["execution_arn"] == ARN
    assert told["caused_by"]["event_id"] == "e1"
    line = last_line(acme)
    assert (line["action"], line["key"], line["asked"]) == (CORRECT, "acme/1", WHO)
    assert line["reason"].endswith(f"recorded as {lost.key_id}, which API Gateway does not have")
    assert line["before"]["state"] == "CREATED"
    assert line["after"]["state"] == "DELETED"
    assert line["execution_arn"] == ARN


@pytest.mark.parametrize(("asked", "who"), [(WHO, WHO["who"]), (NOBODY, "somebody else")])
def test_a_key_that_somebody_disabled_is_told(acme: LifeLab, asked: JSON, who: str) -> None:
    change(acme, enabled="false")
    [record] = refreshed(acme, asked).keys
    now = int(acme.bench.clock.now())
    why = f"disabled on API Gateway by {who}"
    assert (record.enabled, record.by_hand) == (False, now)
    assert key(acme) == replace(record, reason=why)
    [event] = waiting(acme)
    assert event["detail_type"] == "KeyDisabled"
    told = event["detail"]
    assert (told["by_hand"], told["reason"]) == (True, why)
    assert told["remedy"] == "keyward send --customer acme CustomerResumed"
    assert last_line(acme)["before"]["enabled"] is True


def test_all_that_is_wrong_with_a_key_is_one_line(acme: LifeLab) -> None:
    change(acme, enabled="false")
    leave(acme)
    refreshed(acme)
    assert key(acme).plans == ()
    assert last_line(acme)["reason"] == (
        "key acme/1 is disabled on API Gateway, and recorded as enabled; "
        "key acme/1 is in no plan, and recorded in free"
    )


def test_a_key_that_left_its_plan_is_no_news(acme: LifeLab) -> None:
    leave(acme)
    [record] = refreshed(acme).keys
    assert (record.plans, record.journal.leaving) == ((), "free")
    assert waiting(acme) == []
    assert last_line(acme)["reason"] == "key acme/1 is in no plan, and recorded in free"


def test_what_is_as_recorded_is_not_written(acme: LifeLab) -> None:
    before = replace(acme.bench.registry.customers.load_keys("acme"), last_number=1)
    lines = len(acme.bench.registry.ledger.of("customer#acme"))
    assert refreshed(acme) == before
    assert len(acme.bench.registry.ledger.of("customer#acme")) == lines
    assert acme.bench.operations() == ["GetUsagePlans", "GetApiKey"]


def test_without_a_lease_nothing_is_written(acme: LifeLab) -> None:
    leave(acme)
    customers, before = acme.bench.registry.customers, key(acme)
    look = KeyRefresher(acme.bench.gateway, acme.bench.clock.now(), acme.bench.registry.plans)
    found = look.refresh_from_gateway(customers.load_keys("acme"), "acme", customers, None, WHO)
    assert found.keys[0].plans == ()
    assert key(acme) == before


def test_a_key_that_is_being_deleted_is_not_read(acme: LifeLab) -> None:
    records = acme.bench.registry.customers.load_keys("acme")
    records = replace(records, keys=(replace(records.keys[0], state=DELETING),))
    look = KeyRefresher(acme.bench.gateway, acme.bench.clock.now(), acme.bench.registry.plans)
    assert look.compare_with_gateway(records)[0].drifts == ()
    assert acme.bench.operations() == []


@pytest.mark.parametrize("moved", [False, True])
def test_a_key_that_is_deleted_during_the_look_is_still_there(acme: LifeLab, moved: bool) -> None:
    # Its plans were read before it went, and the next look finds it gone.
    if moved:
        acme.known_plans("pro")
        leave(acme)
        acme.bench.gateway.attach_key(acme.plan_id("pro"), str(key(acme).key_id))
    emulator, records = acme.bench.emulator, acme.bench.registry.customers.load_keys("acme")
    real = emulator.call

    def deleted_before(operation: str, params: JSON, caller: str | None = None) -> JSON:
        if operation == "GetApiKey":
            emulator.call = real  # type: ignore[method-assign]
            real("DeleteApiKey", {"apiKey": params["apiKey"]})
        return real(operation, params, caller)

    emulator.call = deleted_before  # type: ignore[method-assign]
    [found] = KeyRefresher(acme.bench.gateway, 1, acme.bench.registry.plans).compare_with_gateway(
        records
    )
    says = [drift.says for drift in found.drifts]
    assert says == (["key acme/1 is in pro, and recorded in free"] if moved else [])
    assert found.key is not None
