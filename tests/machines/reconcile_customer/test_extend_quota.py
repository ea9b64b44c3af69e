"""More quota on request: each request once, for its own period, and carried over with the rest."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.values import JSON, iso
from tests.machines.life_lab import DAY, HOUR, LifeLab
from tests.support import load_event

SMALL = {"quota": {"limit": 3, "period": "DAY"}, "throttle": {"rateLimit": 50, "burstLimit": 50}}
LARGE = {"quota": {"limit": 10, "period": "MONTH"}}
PLANS = {"free": SMALL, "pro": LARGE}


def begun(life: LifeLab) -> str:
    """acme in the plan free, of 3 calls a day: the API's id."""
    life.policy(usage_plans=PLANS)
    life.signed_up()
    return life.stage()


def usage(life: LifeLab, name: str = "acme/1", plan: str = "free") -> tuple[int, int]:
    """What a key used today, and what is left of its period."""
    keys = {item["name"]: item["id"] for item in life.client.get_api_keys()["items"]}
    today = iso(life.bench.clock.now())[:10]
    rows = life.bench.gateway.usage(life.plan_id(plan), today, today, keys[name])
    day = rows[keys[name]][-1]
    return day.used, day.remaining


def calls(life: LifeLab, api: str, number: int, name: str = "acme/1") -> list[int]:
    """The answers to so many calls."""
    answers = []
    for _ in range(number):
        life.bench.clock.advance(1)
        answers.append(life.ask(api, life.value(name)))
    life.forget()
    return answers


def test_a_spent_quota_is_extended_by_so_many_calls(life: LifeLab) -> None:
    api = begun(life)
    assert calls(life, api, 4) == [200, 200, 200, 429]
    assert life.after("QuotaExtensionRequested", by=2, reason="launch").status == "SUCCEEDED"
    assert life.bench.operations() == ["GetUsage", "UpdateUsage"]
    (told,) = life.events("QuotaExtended")
    assert (told["remaining"], told["total"], told["limit"]) == (2, 5, 3)
    assert (told["plan"], told["reason"], told["period"]) == ("free", "launch", "DAY")
    assert told["actions"] == [{"action": "extend_quota", "key": "acme/1", "from": 3, "to": 5}]
    assert calls(life, api, 3) == [200, 200, 429]


def test_the_same_event_again_extends_nothing(life: LifeLab) -> None:
    api = begun(life)
    at = life.bench.clock.now()
    for _ in range(3):
        assert life.after("QuotaExtensionRequested", by=2, at=at).status == "SUCCEEDED"
        life.bench.clock.advance(HOUR)
    assert life.event_types() == ["QuotaExtended"]
    assert calls(life, api, 6) == [200] * 5 + [429]


def test_two_requests_add_up_in_whatever_order_they_come(life: LifeLab) -> None:
    begun(life)
    at = life.bench.clock.now()
    life.after("QuotaExtensionRequested", by=2, at=at + 1)
    life.after("QuotaExtensionRequested", by=5, at=at)
    assert life.events("QuotaExtended")[-1]["total"] == 10


def test_two_requests_of_one_run_are_one_call(life: LifeLab) -> None:
    begun(life)
    life.hear("QuotaExtensionRequested", by=2)
    life.bench.clock.advance(1)
    life.hear("QuotaExtensionRequested", limit=20)
    life.run()
    assert life.bench.operations() == ["GetUsage", "UpdateUsage"]
    (told,) = life.events("QuotaExtended")
    assert told["total"] == 20


@pytest.mark.parametrize(
    ("asked", "total"), [({"by": 4}, 7), ({"limit": 5}, 5), ({"limit": 1}, 3), ({}, 6)]
)
def test_what_is_asked_for_is_what_the_period_has_in_all(
    life: LifeLab, asked: JSON, total: int
) -> None:
    api = begun(life)
    calls(life, api, 1)
    life.after("QuotaExtensionRequested", **asked)
    assert sum(usage(life)) == total


def test_a_new_period_starts_afresh(life: LifeLab) -> None:
    api = begun(life)
    life.after("QuotaExtensionRequested", by=2)
    life.bench.clock.advance(DAY)
    life.forget()
    life.run()
    assert life.bench.operations() == []
    assert calls(life, api, 4) == [200, 200, 200, 429]


def test_a_request_of_yesterday_that_comes_today_grants_nothing(life: LifeLab) -> None:
    begun(life)
    life.after("QuotaExtensionRequested", by=2, at=life.bench.clock.now() - DAY)
    assert (life.bench.operations(), life.event_types()) == ([], [])


def test_a_rotated_key_hands_its_extension_over_and_gets_none_twice(life: LifeLab) -> None:
    api = begun(life)
    calls(life, api, 1)
    life.after("QuotaExtensionRequested", by=2)
    life.bench.clock.advance(60)
    assert life.after("KeyRotationRequested", overlap_hours=48).status == "SUCCEEDED"
    assert usage(life, "acme/2")[1] == 4
    life.forget()
    life.run()
    assert (life.bench.operations(), life.event_types()) == ([], [])


def test_a_request_that_comes_with_a_rotation_is_granted_before_it(life: LifeLab) -> None:
    begun(life)
    life.hear("QuotaExtensionRequested", by=2)
    life.hear("KeyRotationRequested", overlap_hours=48)
    assert life.run().status == "SUCCEEDED"
    assert usage(life, "acme/2")[1] == 5
    assert life.event_types().count("QuotaExtended") == 1


def test_while_keys_overlap_the_new_one_is_extended(life: LifeLab) -> None:
    begun(life)
    life.after("KeyRotationRequested", overlap_hours=48)
    life.bench.clock.advance(60)
    life.forget()
    life.after("QuotaExtensionRequested", by=2)
    (told,) = life.events("QuotaExtended")
    assert told["actions"][0]["key"] == "acme/2"


def test_an_extension_stays_with_the_plan_that_it_was_for(life: LifeLab) -> None:
    begun(life)
    life.after("QuotaExtensionRequested", by=2)
    life.bench.clock.advance(60)
    life.forget()
    life.after("CustomerPlanChanged", plan="pro")
    life.run()
    assert life.event_types() == ["PlanChanged"]
    assert "UpdateUsage" not in life.bench.operations()


def test_a_request_that_comes_with_a_plan_change_is_for_the_new_plan(life: LifeLab) -> None:
    begun(life)
    life.hear("CustomerPlanChanged", plan="pro")
    life.hear("QuotaExtensionRequested", by=2)
    assert life.run().status == "SUCCEEDED"
    assert life.events("QuotaExtended")[0]["total"] == 12
    life.forget()
    life.run()
    assert (life.bench.operations(), life.event_types()) == ([], [])


def test_a_request_that_comes_with_the_sign_up_waits_for_the_key(life: LifeLab) -> None:
    life.policy(usage_plans=PLANS)
    life.hear("QuotaExtensionRequested", by=2)
    life.hear("CustomerSignedUp", plan="free")
    assert life.run().status == "SUCCEEDED"
    assert life.event_types() == ["KeyIssued", "QuotaExtended"]
    life.forget()
    life.run()
    assert (life.bench.operations(), life.event_types()) == ([], [])


def test_a_suspended_customer_is_extended_when_it_is_back(life: LifeLab) -> None:
    begun(life)
    life.after("CustomerSuspended")
    life.after("QuotaExtensionRequested", by=2)
    assert "QuotaExtended" not in life.event_types()
    life.bench.clock.advance(60)
    life.after("CustomerResumed")
    assert life.events("QuotaExtended")[0]["total"] == 5


def test_a_quota_that_went_while_the_run_was_under_way_is_not_said_to_be_extended(
    life: LifeLab,
) -> None:
    begun(life)
    answers: list[JSON] = []
    whole = life.machine.functions["ChangeRecord"]

    def without_a_quota(task: JSON, context: object) -> Any:
        life.policy(usage_plans={"free": {}})
        answers.append(whole(task, context))
        return answers[-1]

    life.machine.functions = life.machine.functions | {"ChangeRecord": without_a_quota}
    life.after("QuotaExtensionRequested", by=2)
    life.machine.functions = life.machine.functions | {"ChangeRecord": whole}
    assert [answer["extended"] for answer in answers] == [[]]
    assert (life.bench.operations(), life.event_types()) == ([], [])


def test_a_dry_run_says_what_would_be_extended(life: LifeLab) -> None:
    begun(life)
    life.hear("QuotaExtensionRequested", by=2)
    (action,) = life.run(dry_run=True).output["actions"]
    assert (action["action"], action["key"]) == ("extend_quota", "acme/1")
    assert [item["by"] for item in action["extensions"]] == [2]
    assert life.bench.operations() == []


@pytest.mark.parametrize("fault", ["throttle", "500", "503", "timeout_before", "timeout_after"])
@pytest.mark.parametrize("operation", ["GetUsage", "UpdateUsage"])
def test_a_single_fault_grants_it_once_all_the_same(
    life: LifeLab, operation: str, fault: str
) -> None:
    api = begun(life)
    calls(life, api, 1)
    life.fault(operation, fault)
    assert life.after("QuotaExtensionRequested", by=2).status == "SUCCEEDED"
    assert life.event_types() == ["QuotaExtended"]
    assert usage(life) == (1, 4)


def test_a_try_that_had_its_effect_is_not_repeated_by_a_later_run(life: LifeLab) -> None:
    api = begun(life)
    faults = [{"operation": "UpdateUsage", "call": 1, "fault": "timeout_after"}]
    faults += [{"operation": "GetUsage", "call": n, "fault": "500"} for n in range(2, 20)]
    life.bench.emulator.order_faults(faults)
    assert life.after("QuotaExtensionRequested", by=2).output["postponed"]
    life.bench.emulator.order_faults([])
    calls(life, api, 2)
    life.bench.clock.advance(600)
    assert life.after("QuotaExtensionRequested", by=1).status == "SUCCEEDED"
    assert usage(life) == (2, 4)
    assert [event["total"] for event in life.events("QuotaExtended")] == [6]


def test_a_key_that_somebody_deleted_ends_in_a_failure_that_says_so(life: LifeLab) -> None:
    begun(life)
    [key] = life.records()
    life.client.delete_api_key(apiKey=key.key_id)
    assert life.after("QuotaExtensionRequested", by=2).status == "FAILED"
    assert "no longer on API Gateway" in life.events("CustomerFailed")[0]["reason"]


def test_the_sample_task_names_the_members_of_a_real_one(life: LifeLab) -> None:
    begun(life)
    with life.machine.recorded("ChangeRecord") as sent:
        life.after("QuotaExtensionRequested", by=500, reason="launch week")
    sample = load_event("extend-quota")
    assert set(sample) == set(sent[0])
    assert set(sample["action"]) == set(sent[0]["action"])
    assert set(sample["action"]["extensions"][0]) == set(sent[0]["action"]["extensions"][0])


# When it was asked for, by how much, whether a run comes right after.
MIXES = (
    [(2, 1, True), (0, 4, False), (2, 1, True), (1, 2, True), (0, 4, True)],
    [(1, 3, False), (1, 3, True), (1, 2, True), (0, 1, False), (3, 1, False)],
)


@pytest.mark.parametrize("sent", MIXES)
def test_whatever_is_repeated_and_reordered_each_request_is_granted_once(
    life: LifeLab, sent: list[tuple[int, int, bool]]
) -> None:
    begun(life)
    at = life.bench.clock.now()
    for second, by, runs in sent:
        life.hear("QuotaExtensionRequested", by=by, at=at + second)
        if runs:
            life.run()
    life.run()
    assert sum(usage(life)) == 3 + sum(by for _, by in {item[:2] for item in sent})
