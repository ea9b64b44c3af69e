"""What a run works with: each part is of the run's own tables, stack, share and policy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyward.aws.tables.plans import KEYWARD
from keyward.runs.context import Context
from keyward.values import JSON
from tests.support import Bench

ARN = "arn:aws:states:us-east-1:123456789012:execution:reconcile-customer:run-1"


@pytest.fixture
def context(bench: Bench) -> Context:
    return replace(bench.context(), stack="other", share=20)


def test_its_turns_are_of_its_schedule_and_its_share(bench: Bench, context: Context) -> None:
    turns = context.turns
    assert (turns.share, turns.items) == (20, bench.registry.schedule)


def test_what_keys_open_is_read_for_its_policy_and_its_stack(
    bench: Bench, context: Context
) -> None:
    opens = context.opens(context.policy)
    assert (opens.stages, opens.policy) == (bench.registry.plan_stages, context.policy)
    assert opens.stack == "other"


@pytest.mark.parametrize("asked", [None, {"by": "event", "who": "shop"}], ids=str)
def test_a_plan_that_it_makes_is_its_stacks_and_names_who_asked(
    bench: Bench, context: Context, asked: JSON | None
) -> None:
    plan_id = context.plans(ARN, asked).plan_id("free")
    [plan] = bench.gateway.plans()
    limits = context.policy.usage_plans["free"]
    assert (plan.plan_id, plan.throttle, plan.quota) == (plan_id, limits.throttle, limits.quota)
    assert plan.is_tagged("other")
    record = bench.registry.plans.find("free")
    assert record
    assert (record.plan_id, record.owner) == (plan_id, KEYWARD)
    [line] = bench.registry.ledger.of("policy")
    assert line["asked"] == (asked or {"by": "schedule"})
    assert line["execution_arn"] == ARN
