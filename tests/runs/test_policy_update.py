"""The second step of apply-policy: it brings one usage plan after the other in line."""

from __future__ import annotations

import pytest

from keyward.errors import GatewayUnavailableError, PlanBusyError
from keyward.runs.policy.run import SUBJECT, UPDATE_CALLS
from keyward.runs.schedule import PROTECTION
from tests.runs.policy_desk import (
    ARN,
    ASKED,
    END,
    FAST,
    OTHER,
    QUOTA,
    QUOTA_FIELD,
    UPDATE,
    Edits,
    a_plan,
    an_api,
    limited,
    policy,
)


def made_and_edited(edits: Edits, limit: int = 200) -> str:
    plan_id = a_plan(edits.bench, "free", quota=QUOTA)
    assert edits.plan(limited(limit)) == UPDATE
    return plan_id


def two(edits: Edits) -> None:
    for name in ("free", "pro"):
        a_plan(edits.bench, name, quota=QUOTA)
    more = {"quota": QUOTA | {"limit": 200}}
    assert edits.plan(policy(free=more, pro=more)) == UPDATE


def waits(edits: Edits) -> float:
    """How long the next UpdateUsagePlan waits."""
    now = edits.bench.clock.now()
    return edits.context.turns.behind("UpdateUsagePlan", 1, now) - now


def test_a_plan_gets_what_it_lacks_and_that_is_told(edits: Edits) -> None:
    made_and_edited(edits)
    assert edits.update() == END
    assert (edits.quota(), edits.told()) == (200, [("PolicyApplied", [QUOTA_FIELD])])
    found = edits.in_force
    assert (found.pending, found.applied) == ((), ())
    detail = edits.bench.bus.entries[0]["Detail"]
    assert (detail["version"], detail["execution_arn"]) == (2, ARN)
    assert edits.registry.plan_stages.of("free") == []
    item = edits.bench.tables["PlansTable"].get_item(Key={"plan": "stages#free"})["Item"]
    assert item["read_at"] == int(edits.bench.clock.now())
    assert edits.registry.leases.holder("plan#free") is None
    assert (edits.update(), len(edits.told())) == (END, 1)
    assert edits.run().update() == {"next": "end", "wait_seconds": 0, "failed": []}


def test_each_step_brings_one_plan_in_its_turn(edits: Edits) -> None:
    two(edits)
    assert edits.update() == UPDATE
    assert (edits.quota("free"), edits.quota("pro"), edits.told()) == (200, 100, [])
    assert [line["plan"] for line in edits.in_force.applied] == ["free"]
    # UpdateUsagePlan is allowed once in 20 s, half of that is ours, and a second is slack.
    wait = edits.update()
    assert {name for name in wait if name != "wait_seconds"} == {"next"}
    assert 35 < wait["wait_seconds"] <= 41
    assert edits.told() == []
    edits.bench.clock.advance(wait["wait_seconds"] - 1)
    assert edits.update() == UPDATE | {"wait_seconds": 1}
    edits.bench.clock.advance(1)
    assert edits.update() == END
    assert (edits.quota("pro"), edits.told()) == (
        200,
        [("PolicyApplied", [QUOTA_FIELD, "usage_plans.pro"])],
    )


def test_who_waits_a_minute_is_not_told_before(edits: Edits) -> None:
    two(edits)
    assert edits.update() == UPDATE
    turns, now = edits.context.turns, edits.bench.clock.now()
    turns.debit({"UpdateUsagePlan": 2}, now)
    place = turns.take(SUBJECT, ARN, PROTECTION, UPDATE_CALLS, now)
    edits.bench.clock.advance(place.ready_at - now - 60)
    assert edits.update(failed=["other"]) == UPDATE | {"wait_seconds": 60, "failed": ["other"]}
    assert edits.told() == []


def test_who_waits_long_is_told_what_is_done(edits: Edits) -> None:
    two(edits)
    assert edits.update() == UPDATE
    edits.context.turns.debit({"UpdateUsagePlan": 2}, edits.bench.clock.now())
    assert edits.update()["wait_seconds"] > 60
    assert edits.told() == [("PolicyApplied", [QUOTA_FIELD])]


def test_a_turn_that_nobody_needs_any_more_is_given_up(edits: Edits) -> None:
    made_and_edited(edits)
    edits.context.turns.debit({"UpdateUsagePlan": 1}, edits.bench.clock.now())
    wait = edits.update()["wait_seconds"]
    turn = edits.context.turns.of(SUBJECT)
    assert turn is not None
    assert (turn.owner, turn.lane, dict(turn.calls)) == (
        ARN,
        PROTECTION,
        {"calls": 2, "UpdateUsagePlan": 1},
    )
    edits.plan(limited(100))
    edits.bench.clock.advance(wait)
    assert edits.update() == END
    assert edits.context.turns.of(SUBJECT) is None
    assert edits.quota() == 100


def test_a_turn_that_another_run_left_is_taken_over(edits: Edits) -> None:
    made_and_edited(edits)
    edits.context.turns.debit({"UpdateUsagePlan": 1}, edits.bench.clock.now())
    wait = edits.update(arn=OTHER)["wait_seconds"]
    assert edits.update()["wait_seconds"] == wait
    turn = edits.context.turns.of(SUBJECT)
    assert turn is not None
    assert turn.owner == ARN


def test_calls_are_counted_once_by_what_was_made(edits: Edits) -> None:
    made_and_edited(edits)
    before = len(edits.bench.operations())
    count = edits.registry.schedule.read
    was = {name: value for name, value in count().items() if name.endswith("begun")}
    edits.update()
    made = edits.bench.operations()[before:]
    begun = {name: value - was.get(name, 0) for name, value in count().items() if "begun" in name}
    assert begun["calls.begun"] == len(made) > 0
    assert begun["UpdateUsagePlan.begun"] == made.count("UpdateUsagePlan") == 1


def test_a_plan_that_is_throttled_is_tried_again(edits: Edits) -> None:
    made_and_edited(edits)
    edits.bench.emulator.order_faults([{"operation": "UpdateUsagePlan", "fault": "throttle"}])
    assert edits.update(failed=["other"]) == UPDATE | {"wait_seconds": 20, "failed": ["other"]}
    assert (edits.told(), edits.quota()) == ([], 100)
    assert [line["field"] for line in edits.in_force.pending] == [QUOTA_FIELD]
    now = edits.bench.clock.now()
    assert edits.context.turns.behind("calls", 1, now) == now, "other calls go on"
    edits.bench.clock.advance(20)
    # The account's allowance went to somebody else, and has to fill again.
    wait = edits.update()["wait_seconds"]
    assert wait > 10
    edits.bench.clock.advance(wait)
    assert edits.update() == END
    assert edits.quota() == 200


def test_a_plan_whose_fate_is_unknown_stays_written_down(edits: Edits) -> None:
    a_plan(edits.bench, "free", quota=QUOTA | {"limit": 7})
    edits.bench.emulator.order_faults([{"operation": "UpdateUsagePlan", "fault": "timeout_after"}])
    with pytest.raises(GatewayUnavailableError):
        edits.update()
    assert edits.quota() == 100
    [line] = edits.in_force.pending
    assert (line["field"], line["before"]["limit"], line["asked"]) == (QUOTA_FIELD, 7, ASKED)
    edits.bench.clock.advance(100)
    assert edits.update(asked={"by": "audit"}) == END
    assert edits.told() == [("PolicyApplied", [QUOTA_FIELD])], "as it is there now"
    [told] = edits.registry.ledger.of("policy")
    assert told["asked"] == ASKED


def test_another_run_that_makes_the_plan_is_waited_for(edits: Edits) -> None:
    made_and_edited(edits)
    with (
        edits.context.plans(OTHER).lease("free"),
        pytest.raises(PlanBusyError),
    ):
        edits.update()
    assert edits.quota() == 100


def test_a_step_that_is_tried_again_has_its_lease_of_the_plan(edits: Edits) -> None:
    made_and_edited(edits)
    with edits.context.plans(ARN).lease("free"):
        assert edits.update() == END


def test_what_people_changed_is_told_beside_what_was_edited(edits: Edits) -> None:
    a_plan(edits.bench, "free", quota=QUOTA, throttle=FAST)
    assert edits.plan(limited(200)) == UPDATE
    assert edits.update() == END
    [(_, changed)] = edits.told()
    assert sorted(changed) == [QUOTA_FIELD, "usage_plans.free.throttle"]


def test_a_new_plan_is_told_as_a_whole(edits: Edits) -> None:
    a_plan(edits.bench, "gold", throttle=FAST)
    quota = {"quota": QUOTA}
    assert edits.plan(policy(free=quota, gold=quota)) == UPDATE
    assert edits.update() == END
    assert edits.told() == [("PolicyApplied", ["usage_plans.gold"])]
    assert edits.quota("gold") == 100


def test_a_plan_of_people_is_adopted_when_it_is_in_line(edits: Edits) -> None:
    a_plan(edits.bench, "gold", tags={}, quota=QUOTA)
    quota = {"quota": QUOTA}
    assert edits.plan(policy(free=quota, gold=quota | {"adopt": True})) == UPDATE
    before = len(edits.bench.operations())
    assert edits.update() == END
    assert "UpdateUsagePlan" not in edits.bench.operations()[before:]
    [plan] = edits.bench.gateway.plans()
    assert dict(plan.tags) == {"keyward": "keyward"}
    [tagged] = [one for one in edits.registry.ledger.of("policy") if one["action"] == "tag_plan"]
    assert (tagged["asked"], tagged["execution_arn"]) == (ASKED, ARN)
    assert edits.told() == [("PolicyApplied", ["usage_plans.gold"])]


def test_stages_leave_with_what_is_remembered_of_them(edits: Edits) -> None:
    pets, shop = an_api(edits.bench, "pets"), an_api(edits.bench, "shop")
    a_plan(edits.bench, "free", (pets, "prod"), (shop, "prod"), quota=QUOTA)
    assert edits.plan(limited(100, apis=["pets"])) == UPDATE
    assert edits.update() == END
    [plan] = edits.bench.gateway.plans()
    assert [*plan.stages] == [(pets, "prod")]
    assert edits.registry.plan_stages.of("free") == [(pets, "prod")]
    left = {api: edits.registry.apis.load_records(api).attachments for api in (pets, shop)}
    assert (len(left[pets]), left[shop]) == (1, ())
    assert edits.told() == [("PolicyApplied", ["usage_plans.free.stages"])]
