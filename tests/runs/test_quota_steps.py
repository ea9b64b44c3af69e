"""The steps that read and write quotas: an extension, and what a successor takes over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from keyward.customers.key import Grant, KeyRecord, Succession
from keyward.customers.key import Quota as KeyQuota
from keyward.runs.keys import quotas
from keyward.runs.keys.extension import extend_quota
from keyward.runs.keys.handover import carry_quota_over
from keyward.values import JSON, iso
from tests.machines.life_lab import LifeLab
from tests.runs.step_lab import step, waiting

LIMIT, PROPAGATION = 3, 60
SMALL: JSON = {"quota": {"limit": LIMIT, "period": "DAY"}}
PLANS: JSON = dict.fromkeys(("free", "pro", "maps"), SMALL) | {"open": {}}


@pytest.fixture
def acme(life: LifeLab) -> LifeLab:
    """A customer in the plan free, of three calls a day."""
    life.policy(usage_plans=PLANS, propagation_seconds=PROPAGATION)
    life.signed_up()
    return life


def save(life: LifeLab, *records: KeyRecord) -> None:
    step(life).save(*records)
    life.forget()


def extension(taken: int = 7, by: int = 2) -> JSON:
    return {"taken": taken, "requested_at": 7, "by": by}


def extended(life: LifeLab, *items: JSON) -> JSON:
    return extend_quota(step(life, plan="free", extensions=list(items)))


def first(life: LifeLab) -> KeyRecord:
    return life.records()[0]


def left(life: LifeLab, number: int = 1, plan: str = "free") -> int:
    """What is left of a key's quota; all where nothing was written."""
    key_id = str(next(key.key_id for key in life.records() if key.number == number))
    today = iso(life.bench.clock.now())[:10]
    days = life.bench.gateway.usage(life.plan_id(plan), today, today, key_id).get(key_id)
    return days[-1].remaining if days else LIMIT


def asked(life: LifeLab, operation: str) -> list[JSON]:
    return [c["params"] for c in life.bench.emulator.calls() if c["operation"] == operation]


def periods(record: KeyRecord) -> dict[str, int]:
    """What is noted of a key's use, by plan."""
    return {name.partition(" ")[0]: calls for name, calls in record.quota.spent.items()}


@pytest.mark.parametrize("taken", [1, 7])
def test_an_extension_is_granted_once_and_written_down(acme: LifeLab, taken: int) -> None:
    acme.used(2)
    save(acme, replace(first(acme), quota=KeyQuota(spent={"pro DAY 2026-01-01": 1})))
    key_id, now = first(acme).key_id, int(acme.bench.clock.now())
    assert extended(acme, extension(taken)) == {"key_id": key_id, "extended": [taken]}
    record = first(acme)
    assert record.quota == KeyQuota(taken, LIMIT + 2, {"pro DAY 2026-01-01": 1})
    assert (record.journal.grant, record.journal.started_at) == (None, now)
    assert left(acme) == LIMIT + 2 - 2
    [told] = [e["detail"] for e in waiting(acme) if e["detail_type"] == "QuotaExtended"]
    assert (told["used"], told["remaining"], told["total"]) == (2, LIMIT, LIMIT + 2)
    [done] = told["actions"]
    assert (done["from"], done["to"]) == (LIMIT, LIMIT + 2)
    before = acme.bench.operations()
    assert extended(acme, extension(taken)) == {"key_id": key_id, "extended": []}
    assert acme.bench.operations() == before


def test_a_grant_that_an_earlier_try_made_is_not_made_again(acme: LifeLab) -> None:
    acme.used(2)
    record, day = first(acme), iso(acme.bench.clock.now())[:10]
    total = LIMIT + 2
    save(acme, record.with_journal(grant=Grant(total, 7, f"free {day}")))
    acme.bench.gateway.set_remaining(acme.plan_id("free"), str(record.key_id), total - 2)
    acme.forget()
    extended(acme, extension())
    assert acme.bench.operations() == ["GetUsage"]
    assert first(acme).quota == KeyQuota(7, total)


def test_only_the_use_of_the_one_key_is_read(acme: LifeLab) -> None:
    acme.used(1)
    extended(acme, extension())
    key_id = first(acme).key_id
    assert [params.get("keyId") for params in asked(acme, "GetUsage")] == [key_id]
    record = replace(first(acme), number=2, key_id="other", succession=Succession(replaces=1))
    save(acme, record)
    carry_quota_over(step(acme, 2))
    quotas.noted(step(acme), first(acme), "free")
    assert [params.get("keyId") for params in asked(acme, "GetUsage")] == [key_id] * 2


def successor(life: LifeLab, *plans: str, **more: Any) -> KeyRecord:
    """A second key, on API Gateway, which is to replace the first."""
    made = life.client.create_api_key(name="acme/2", enabled=True)["id"]
    for plan in plans:
        life.bench.gateway.attach_key(life.plan_id(plan), made)
    about: JSON = {"key_id": made, "plans": plans, "number": 2, "quota": KeyQuota()}
    record = replace(first(life), **about | {"succession": Succession(replaces=1)} | more)
    save(life, record)
    return record


@pytest.mark.parametrize("calls", [0, 1, LIMIT])
def test_a_successor_has_what_is_left(acme: LifeLab, calls: int) -> None:
    acme.used(calls)
    second = successor(acme, "free")
    answer = carry_quota_over(step(acme, 2))
    remaining = LIMIT - calls if calls else None
    assert answer == {"key_id": second.key_id, "remaining": remaining}
    assert left(acme, 2) == LIMIT - calls
    assert periods(acme.records()[1]) == ({"free": calls} if calls else {})


def test_what_was_granted_beyond_the_quota_counts_as_nothing_used(acme: LifeLab) -> None:
    acme.used(1)
    extended(acme, extension())
    successor(acme, "free")
    assert carry_quota_over(step(acme, 2))["remaining"] == LIMIT + 2 - 1
    assert periods(acme.records()[1]) == {}


@pytest.mark.parametrize("several", [True, False])
def test_each_of_several_plans_is_named(acme: LifeLab, several: bool) -> None:
    plans = ("free", "pro") if several else ("free",)
    acme.used(2)
    acme.known_plans("pro")
    save(acme, replace(first(acme), plans=plans))
    successor(acme, *plans)
    carry_quota_over(step(acme, 2))
    [told] = [e["detail"] for e in waiting(acme) if e["detail_type"] == "KeyRotated"]
    carried = [one for one in told["actions"] if one["action"] == "carry_quota_over"]
    named = [(one.get("plan"), one["remaining"]) for one in carried]
    assert named == [("free" if several else None, LIMIT - 2)]


def test_a_successor_in_fewer_plans_takes_over(acme: LifeLab) -> None:
    acme.known_plans("pro", "maps")
    save(acme, replace(first(acme), plans=("free", "pro")))
    successor(acme, "maps")
    assert carry_quota_over(step(acme, 2))["remaining"] is None
    assert first(acme).end.replaced_by == 2


@pytest.mark.parametrize("in_use", [True, False])
def test_a_key_within_an_overlap_ends_at_once(acme: LifeLab, in_use: bool) -> None:
    successor(acme, "free", succession=Succession())
    third = replace(acme.records()[1], number=3, succession=Succession(replaces=2))
    save(acme, first(acme).with_end(replaced_by=2, retire_at=10**10), third)
    now = int(acme.bench.clock.now())
    carry_quota_over(step(acme, 3, **({"in_use": 1} if in_use else {})))
    oldest, middle, _ = acme.records()
    assert oldest.end.replaced_by == (3 if in_use else 2)
    assert middle.end.retire_at == (now if in_use else now + PROPAGATION)


def test_a_successor_of_a_key_that_is_gone_takes_over(acme: LifeLab) -> None:
    second = successor(acme, "free", succession=Succession(rotation=5, replaces=9))
    assert carry_quota_over(step(acme, 2)) == {"key_id": second.key_id, "remaining": None}
    record = acme.records()[1]
    assert (record.quota.extended, record.succession) == (0, Succession(5))


def test_a_plan_that_is_gone_has_nothing_to_carry(acme: LifeLab) -> None:
    acme.used(1)
    save(acme, replace(first(acme), plans=("pro",)))
    second = successor(acme, plans=("pro",))
    assert carry_quota_over(step(acme, 2)) == {"key_id": second.key_id, "remaining": None}


def test_a_plan_that_the_policy_does_not_name_has_no_quota(acme: LifeLab) -> None:
    assert quotas.quota_of(step(acme), "gone") is None
    assert quotas.quota_of(step(acme), "open") is None
