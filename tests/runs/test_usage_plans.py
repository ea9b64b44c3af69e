"""Usage plans by their names: how each is found, made, looked for again and written down, and who
has to wait meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from keyward.aws.tables.plans import KEYWARD, PEOPLE
from keyward.errors import (
    DuplicatePlanError,
    GatewayRefusedError,
    GatewayUnavailableError,
    PlanBusyError,
    PlanOfAnotherStackError,
    ThrottledError,
    TryUnderwayError,
    UnknownPlanError,
)
from keyward.policy.parse import parse
from keyward.policy.parts import Throttle
from keyward.runs.owners import LEDGER
from keyward.runs.policy.usage_plans import LEASE_SECONDS, NO_STAGES, UsagePlans
from keyward.values import JSON, in_flight_seconds, iso
from local.lifetime.documents import document
from tests.support import MACHINE, OURS, Bench

THROTTLE: JSON = {"rateLimit": 2.5, "burstLimit": 10}
QUOTA: JSON = {"limit": 1000, "period": "MONTH", "offset": 0}
POLICY = parse(json.dumps({"usage_plans": {"free": {"throttle": THROTTLE, "quota": QUOTA}}}))
OTHER = "arn:aws:states:us-east-1:123456789012:execution:test-machine:run-2"


def plans(bench: Bench, owner: str = MACHINE) -> UsagePlans:
    return bench.plans(POLICY, owner)


def make(bench: Bench, name: str = "free", **more: Any) -> str:
    return str(bench.client.create_usage_plan(name=name, **more)["id"])


def a_stage(bench: Bench) -> tuple[str, str]:
    body = json.dumps(document({"/pets": {"get": None}})).encode()
    api_id = str(bench.client.import_rest_api(body=body)["id"])
    bench.client.create_deployment(restApiId=api_id, stageName="prod")
    return api_id, "prod"


def noted(bench: Bench, name: str = "free") -> tuple[str | None, str | None] | None:
    record = bench.registry.plans.find(name)
    return (record.plan_id, record.owner) if record else None


def lines(bench: Bench) -> list[JSON]:
    return bench.registry.ledger.of(LEDGER)


def calls_of(bench: Bench, act: Callable[[], object]) -> list[str]:
    before = len(bench.operations())
    act()
    return bench.operations()[before:]


def last_edition(bench: Bench, plan_id: str) -> None:
    bench.tables["PlansTable"].put_item(Item={"plan": "free", "plan_id": plan_id})


def test_a_plan_is_made_as_the_policy_says_and_then_known_without_a_call(bench: Bench) -> None:
    ref, now = a_stage(bench), bench.clock.now()
    stages = {ref: {"GET /pets": Throttle(1.0, 2)}}
    plan_id, is_new = plans(bench).find_or_create("free", stages)
    assert is_new is True
    [plan] = bench.gateway.plans()
    assert (plan.plan_id, plan.name, dict(plan.tags)) == (plan_id, "free", OURS)
    assert (plan.as_json()["throttle"], plan.as_json()["quota"]) == (THROTTLE, QUOTA)
    assert plan.stages == stages
    assert noted(bench) == (plan_id, KEYWARD)
    assert bench.registry.plan_stages.of("free") == [ref]
    item = bench.tables["PlansTable"].get_item(Key={"plan": "stages#free"})["Item"]
    assert item["read_at"] == int(now)
    [line] = lines(bench)
    assert {name: value for name, value in line.items() if name not in ("subject", "line")} == {
        "at": iso(now),
        "execution_arn": MACHINE,
        "action": "create_plan",
        "plan": "free",
        "after": {"id": plan_id},
        "asked": {"by": "schedule"},
    }
    found: list[object] = []
    assert calls_of(bench, lambda: found.append(plans(bench).plan_id("free"))) == []
    assert found == [plan_id]


def test_a_plan_that_is_needed_is_made_without_stages(bench: Bench) -> None:
    plan_id = plans(bench).plan_id("free")
    [plan] = bench.gateway.plans()
    assert (plan.plan_id, plan.stages) == (plan_id, {})
    assert bench.registry.plan_stages.of("free") == []


def test_a_plan_that_the_policy_does_not_name_is_not_made(bench: Bench) -> None:
    make(bench, "gold")
    with pytest.raises(UnknownPlanError, match="no usage plan 'gold'"):
        plans(bench).find_or_create("gold", NO_STAGES)
    assert (noted(bench, "gold"), len(bench.gateway.plans())) == (None, 1)


@pytest.mark.parametrize(("tags", "owner"), [(OURS, KEYWARD), ({}, PEOPLE)], ids=str)
def test_a_plan_that_is_there_is_found_by_its_name_and_noted(
    bench: Bench, tags: dict[str, str], owner: str
) -> None:
    ref = a_stage(bench)
    make(bench, "other")
    plan_id = make(bench, tags=tags, apiStages=[{"apiId": ref[0], "stage": ref[1]}])
    assert plans(bench).find_or_create("free", NO_STAGES) == (plan_id, False)
    assert (noted(bench), lines(bench)) == ((plan_id, owner), [])
    assert bench.registry.plan_stages.of("free") == [ref]
    assert len(bench.gateway.plans()) == 2


def test_of_two_plans_of_a_name_the_stacks_own_is_found(bench: Bench) -> None:
    make(bench)
    ours = make(bench, tags=OURS)
    assert plans(bench).find_or_create("free", NO_STAGES) == (ours, False)
    bench.registry.plans.forget("free")
    assert plans(bench).stored_id("free") == ours
    make(bench, "pro")
    make(bench, "pro")
    with pytest.raises(DuplicatePlanError):
        plans(bench).stored_id("pro")


def test_another_stacks_plan_is_refused(bench: Bench) -> None:
    make(bench, tags={"keyward": "other"})
    with pytest.raises(PlanOfAnotherStackError):
        plans(bench).plan_id("free")
    assert noted(bench) is None


def test_a_lease_that_was_refused_or_used_is_given_back(bench: Bench) -> None:
    make(bench, tags={"keyward": "other"})
    with pytest.raises(PlanOfAnotherStackError):
        plans(bench).plan_id("free")
    assert bench.registry.leases.holder("plan#free") is None
    with plans(bench, OTHER).lease("free") as lease:
        assert (lease.name, lease.owner) == ("plan#free", f"{OTHER}#free")
    assert bench.registry.leases.holder("plan#free") is None


def test_one_run_at_a_time_has_a_plan_and_other_plans_stay_free(bench: Bench) -> None:
    with plans(bench).lease("free"):
        with pytest.raises(PlanBusyError, match="plan free is being made by another run"):
            plans(bench, OTHER).plan_id("free")
        with plans(bench, OTHER).lease("pro"), plans(bench).lease("free"):
            pass
    assert bench.gateway.plans() == []


def test_a_run_that_died_is_overtaken_when_its_lease_runs_out(bench: Bench) -> None:
    died = plans(bench).lease("free")
    died.__enter__()
    bench.clock.advance(LEASE_SECONDS - 1)
    with pytest.raises(PlanBusyError):
        plans(bench, OTHER).plan_id("free")
    bench.clock.advance(1)
    assert plans(bench, OTHER).plan_id("free")
    assert LEASE_SECONDS > 60, "the functions that make plans run so long"


def test_a_call_without_an_answer_is_waited_for_and_its_plan_taken_as_made(bench: Bench) -> None:
    bench.emulator.order_faults([{"operation": "CreateUsagePlan", "fault": "timeout_after"}])
    with pytest.raises(GatewayUnavailableError):
        plans(bench).plan_id("free")
    assert (noted(bench), lines(bench)) == ((None, None), [])
    bench.clock.advance(in_flight_seconds() - 1)
    with pytest.raises(TryUnderwayError, match="an earlier try to create plan free may"):
        plans(bench).plan_id("free")
    bench.clock.advance(1)
    [made] = bench.gateway.plans()
    assert plans(bench).find_or_create("free", NO_STAGES) == (made.plan_id, False)
    assert noted(bench) == (made.plan_id, KEYWARD)
    [line] = lines(bench)
    assert (line["action"], line["plan"], line["after"]) == (
        "create_plan",
        "free",
        {"id": made.plan_id},
    )
    assert len(bench.gateway.plans()) == 1


def test_a_call_that_never_arrived_is_made_again(bench: Bench) -> None:
    bench.emulator.order_faults([{"operation": "CreateUsagePlan", "fault": "timeout_before"}])
    with pytest.raises(GatewayUnavailableError):
        plans(bench).plan_id("free")
    bench.clock.advance(in_flight_seconds())
    plan_id, is_new = plans(bench).find_or_create("free", NO_STAGES)
    assert (is_new, noted(bench), len(lines(bench))) == (True, (plan_id, KEYWARD), 1)


def test_a_plan_of_people_that_comes_during_a_try_stays_theirs(bench: Bench) -> None:
    bench.registry.plans.trying("free", bench.clock.now())
    bench.clock.advance(in_flight_seconds())
    plan_id = make(bench)
    assert plans(bench).find_or_create("free", NO_STAGES) == (plan_id, False)
    assert (noted(bench), lines(bench)) == ((plan_id, PEOPLE), [])


def test_a_tagged_plan_that_is_recorded_is_not_told_as_made(bench: Bench) -> None:
    plan_id = make(bench, tags=OURS)
    bench.registry.plans.save_id("free", plan_id, PEOPLE)
    assert plans(bench).find_or_create("free", NO_STAGES) == (plan_id, False)
    assert (noted(bench), lines(bench)) == ((plan_id, KEYWARD), [])


def test_a_call_that_certainly_had_no_effect_is_forgotten(bench: Bench) -> None:
    bench.emulator.order_faults([{"operation": "CreateUsagePlan", "fault": "throttle"}])
    with pytest.raises(ThrottledError):
        plans(bench).plan_id("free")
    assert noted(bench) is None
    with pytest.raises(GatewayRefusedError):
        plans(bench).make("free", {("no-api", "prod"): {}})
    assert noted(bench) is None
    assert plans(bench).plan_id("free"), "nobody has to wait for it"


def test_the_stages_of_a_plan_of_the_last_edition_are_read_once(bench: Bench) -> None:
    ref, now = a_stage(bench), bench.clock.now()
    plan_id = make(bench, tags=OURS, apiStages=[{"apiId": ref[0], "stage": ref[1]}])
    make(bench)
    last_edition(bench, plan_id)
    found: list[object] = []
    look = lambda: found.append(plans(bench).plan_id("free"))  # noqa: E731 - a call to count
    assert calls_of(bench, look) == ["GetUsagePlans"]
    assert calls_of(bench, look) == []
    assert found == [plan_id, plan_id]
    assert bench.registry.plan_stages.of("free") == [ref]
    item = bench.tables["PlansTable"].get_item(Key={"plan": "stages#free"})["Item"]
    assert item["read_at"] == int(now)
    assert noted(bench) == (plan_id, None)


def test_of_a_plan_of_the_last_edition_that_is_gone_no_stage_is_known(bench: Bench) -> None:
    last_edition(bench, "gone")
    assert plans(bench).plan_id("free") == "gone"
    assert bench.registry.plan_stages.of("free") == []


def test_a_recorded_plan_of_this_edition_is_not_read(bench: Bench) -> None:
    bench.registry.plans.save_id("free", "plan-1", PEOPLE)
    found: list[object] = []
    assert calls_of(bench, lambda: found.append(plans(bench).plan_id("free"))) == []
    assert (found, bench.registry.plan_stages.of("free")) == (["plan-1"], None)


def test_a_plan_that_keys_leave_is_found_and_never_made(bench: Bench) -> None:
    assert plans(bench).stored_id("gold") is None
    plan_id = make(bench, "gold")
    make(bench, "other")
    assert plans(bench).stored_id("gold") == plan_id
    bench.registry.plans.trying("gold", 0)
    assert plans(bench).stored_id("gold") == plan_id
    bench.registry.plans.save_id("gold", "recorded", PEOPLE)
    found: list[object] = []
    assert calls_of(bench, lambda: found.append(plans(bench).stored_id("gold"))) == []
    assert found == ["recorded"]


def test_a_plan_that_is_still_there_is_not_looked_for_again(bench: Bench) -> None:
    plan_id = make(bench)
    bench.registry.plans.save_id("free", plan_id, KEYWARD)
    assert plans(bench).refresh_plan_id("free") == plan_id
    assert noted(bench) == (plan_id, KEYWARD), "though its tag was taken away"


def test_a_plan_that_is_gone_is_looked_for_by_its_name_or_made(bench: Bench) -> None:
    bench.registry.plans.save_id("free", "gone", KEYWARD)
    other = make(bench)
    assert plans(bench).refresh_plan_id("free") == other
    assert noted(bench) == (other, PEOPLE)
    bench.client.delete_usage_plan(usagePlanId=other)
    made = plans(bench).refresh_plan_id("free")
    assert ([plan.plan_id for plan in bench.gateway.plans()], noted(bench)) == (
        [made],
        (made, KEYWARD),
    )
    bench.registry.plans.forget("free")
    assert plans(bench).refresh_plan_id("free") == made
