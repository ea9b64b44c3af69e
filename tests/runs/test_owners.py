"""Whose a usage plan is, by its tag and by the records, and what is written of that."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from keyward.aws.gateway import GatewayPlan
from keyward.aws.tables.plans import KEYWARD, PEOPLE
from keyward.errors import PlanOfAnotherStackError
from keyward.runs.owners import (
    LEDGER,
    note_made,
    note_owner,
    owned_plans,
    refuse_foreign,
    take,
    under_known_names,
    with_owners,
)
from keyward.values import JSON, iso
from tests.support import OURS, STACK, Bench

ARN = "arn:aws:states:us-east-1:123456789012:execution:apply-policy:run-1"
ASKED: JSON = {"by": "event", "who": "shop"}
THROTTLE: JSON = {"rateLimit": 2.5, "burstLimit": 10}
QUOTA: JSON = {"limit": 1000, "offset": 0, "period": "MONTH"}


def make(bench: Bench, name: str = "free", **more: Any) -> GatewayPlan:
    plan_id = bench.client.create_usage_plan(name=name, **more)["id"]
    [made] = [plan for plan in bench.gateway.plans() if plan.plan_id == plan_id]
    return made


def tags_of(bench: Bench, plan: GatewayPlan) -> dict[str, str]:
    return next(dict(p.tags) for p in bench.gateway.plans() if p.plan_id == plan.plan_id)


def noted(bench: Bench, name: str = "free") -> tuple[str | None, str | None] | None:
    record = bench.registry.plans.find(name)
    return (record.plan_id, record.owner) if record else None


def written_down(bench: Bench, name: str, plan_id: str, owner: str | None) -> None:
    item = {"plan": name, "plan_id": plan_id} | ({"owner": owner} if owner else {})
    bench.tables["PlansTable"].put_item(Item=item)


def lines(bench: Bench) -> list[JSON]:
    return bench.registry.ledger.of(LEDGER)


@pytest.mark.parametrize(
    ("tags", "owner", "is_same", "claimed"),
    [
        ({}, None, True, STACK),
        ({}, KEYWARD, True, STACK),
        ({}, PEOPLE, True, None),
        ({}, KEYWARD, False, None),
        ({}, "nothing is written down", True, None),
        (OURS, KEYWARD, True, None),
        ({"keyward": "other"}, KEYWARD, True, None),
        ({"keyward": "enforce"}, KEYWARD, True, STACK),
    ],
    ids=str,
)
def test_the_records_say_whose_a_plan_is_that_has_no_tag_of_a_stack(
    bench: Bench, tags: dict[str, str], owner: str | None, is_same: bool, claimed: str | None
) -> None:
    plan = make(bench, tags=tags)
    if owner in (None, KEYWARD, PEOPLE):
        written_down(bench, "free", plan.plan_id if is_same else "another", owner)
    other = make(bench, "other", tags={})
    expected = [replace(plan, claimed_by=claimed), other]
    assert sorted(owned_plans(bench.context()), key=lambda p: p.name) == sorted(
        expected, key=lambda p: p.name
    )
    assert with_owners([plan, other], bench.registry, STACK) == expected


def test_a_plan_that_people_renamed_counts_under_its_recorded_name(bench: Bench) -> None:
    named = {name: make(bench, name) for name in ("Free Tier", "pro", "gold", "Old")}
    renamed = named["Free Tier"]
    written_down(bench, "free", renamed.plan_id, PEOPLE)
    # Records that count for nothing: the name is there, or the plan is not, or nobody asks.
    written_down(bench, "gold", named["Old"].plan_id, PEOPLE)
    written_down(bench, "lost", "gone", PEOPLE)
    written_down(bench, "unasked", named["pro"].plan_id, PEOPLE)
    records = bench.registry.plans
    found = under_known_names(named.values(), ("free", "gold", "lost", "new", None), records)
    assert found == [
        replace(renamed, name="free", renamed="Free Tier"),
        *(named[name] for name in ("pro", "gold", "Old")),
    ]
    assert under_known_names([], ("free",), records) == []


def test_a_renamed_plan_of_the_policy_is_ours_as_before(bench: Bench) -> None:
    plan = make(bench, "Free Tier")
    written_down(bench, "free", plan.plan_id, KEYWARD)
    [found] = owned_plans(bench.context())
    assert (found.name, found.renamed, found.claimed_by) == ("free", "Free Tier", STACK)


def test_a_plan_that_is_found_is_noted_as_its_tag_says(bench: Bench) -> None:
    for name, tags, owner in (("ours", OURS, KEYWARD), ("free", {}, PEOPLE)):
        plan = make(bench, name, tags=tags)
        note_owner(plan, bench.registry, STACK)
        assert noted(bench, name) == (plan.plan_id, owner)


def test_a_plan_of_the_last_edition_keeps_its_record_until_it_is_tagged(bench: Bench) -> None:
    plan = make(bench)
    written_down(bench, "free", plan.plan_id, None)
    note_owner(plan, bench.registry, STACK)
    assert noted(bench) == (plan.plan_id, None)


def test_another_stacks_plan_is_refused_and_nothing_is_written(bench: Bench) -> None:
    plan = make(bench, tags={"keyward": "other"})
    for act in (
        lambda: refuse_foreign(plan, STACK),
        lambda: note_owner(plan, bench.registry, STACK),
        lambda: take(bench.context(), plan, ARN, ASKED),
    ):
        with pytest.raises(PlanOfAnotherStackError) as refusal:
            act()
        assert str(refusal.value) == (
            f"plan: usage plan free ({plan.plan_id}) belongs to the stack other. Name another "
            "plan in the policy, or take the tag keyward off that plan"
        )
    assert (noted(bench), lines(bench), tags_of(bench, plan)) == (None, [], {"keyward": "other"})


def test_a_plan_that_keyward_made_is_noted_with_a_line_and_no_event(bench: Bench) -> None:
    now = bench.clock.now()
    note_made(bench.registry, "free", "plan-1", ARN, ASKED, now)
    assert noted(bench) == ("plan-1", KEYWARD)
    [line] = lines(bench)
    assert {name: value for name, value in line.items() if name not in ("subject", "line")} == {
        "at": iso(now),
        "execution_arn": ARN,
        "action": "create_plan",
        "plan": "free",
        "after": {"id": "plan-1"},
        "asked": ASKED,
    }


def test_a_plan_that_is_taken_is_tagged_and_told_with_the_limits_that_it_had(bench: Bench) -> None:
    plan, now = make(bench, throttle=THROTTLE, quota=QUOTA, tags={"team": "a"}), bench.clock.now()
    assert take(bench.context(), plan, ARN, ASKED) is True
    assert tags_of(bench, plan) == {"team": "a"} | OURS
    assert noted(bench) == (plan.plan_id, KEYWARD)
    [line] = lines(bench)
    limits = {"throttle": THROTTLE | {"rateLimit": Decimal("2.5")}, "quota": QUOTA}
    assert {name: value for name, value in line.items() if name not in ("subject", "line")} == {
        "at": iso(now),
        "execution_arn": ARN,
        "action": "tag_plan",
        "plan": "free",
        "asked": ASKED,
        "before": limits,
        "after": limits | {"tag keyward": STACK},
    }


def test_a_plan_that_is_ours_already_is_taken_in_silence(bench: Bench) -> None:
    plan = make(bench, tags=OURS)
    written_down(bench, "free", plan.plan_id, KEYWARD)
    assert take(bench.context(), plan, ARN, ASKED) is False
    assert (lines(bench), noted(bench)) == ([], (plan.plan_id, KEYWARD))


@pytest.mark.parametrize("owner", [PEOPLE, None, "nothing is written down"])
def test_a_run_that_died_after_it_tagged_a_plan_is_made_good(
    bench: Bench, owner: str | None
) -> None:
    plan = make(bench, tags=OURS)
    if owner in (None, PEOPLE):
        written_down(bench, "free", plan.plan_id, owner)
    assert take(bench.context(), plan, ARN, ASKED) is False
    assert [line["before"] for line in lines(bench)] == [{"tag keyward": STACK}]
    assert noted(bench) == (plan.plan_id, KEYWARD)


def test_a_tag_that_was_taken_off_is_put_back_and_told(bench: Bench) -> None:
    plan = make(bench, tags={"keyward": "enforce"})
    written_down(bench, "free", plan.plan_id, KEYWARD)
    assert take(bench.context(), plan, ARN, ASKED) is True
    assert [line["before"] for line in lines(bench)] == [{"tag keyward": "enforce"}]


@pytest.mark.parametrize("known", [True, False])
def test_the_stages_of_a_plan_are_written_down_where_nothing_is_known(
    bench: Bench, known: bool
) -> None:
    if known:
        bench.registry.plan_stages.save("free", [("newer", "prod")], 1)
    plan = replace(make(bench), stages={("pets", "prod"): {}})
    take(bench.context(), plan, ARN, ASKED)
    found = [("newer", "prod")] if known else [("pets", "prod")]
    assert bench.registry.plan_stages.of("free") == found
