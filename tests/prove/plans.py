"""Usage plans that people made or edit by hand, and what becomes of them."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

from keyward.runs import runtime
from keyward.values import JSON
from tests.prove.history import History, Step
from tests.prove.played import Played

OURS = {"keyward": "keyward"}
HAND_MADE: JSON = {"name": "pro", "throttle": {"rateLimit": 999.0, "burstLimit": 999}}
# In so many histories people made plan pro before Keyward came.
ONE_IN = 6


def begin(played: Played) -> None:
    """Some accounts have a plan that people made, with a name of the policy."""
    if _is_hand_made(played.history):
        played.bench.emulator.call("CreateUsagePlan", copy.deepcopy(HAND_MADE))


def edit_plan(played: Played, step: Step) -> None:
    """Somebody changes the limits of a usage plan of Keyward's, or takes its tag away. Of one whose
    making nobody has written down yet, the tag alone says whose it is."""
    number, call = step.about["number"], played.bench.emulator.call
    items = played.bench.tables["PlansTable"].scan()["Items"]
    ours = {item["plan_id"] for item in items if item.get("owner") == "keyward"}
    plans = [plan for plan in played.bench.emulator.state.plans.values() if plan.id in ours]
    if not plans:
        return
    plan = plans[number % len(plans)]
    if number % 2:
        arn = f"arn:aws:apigateway:us-east-1::/usageplans/{plan.id}"
        call("UntagResource", {"resourceArn": arn, "tagKeys": ["keyward"]})
    else:
        change = {"op": "replace", "path": "/throttle/rateLimit", "value": "777"}
        call("UpdateUsagePlan", {"usagePlanId": plan.id, "patchOperations": [change]})


def plans_are_whose_they_are(played: Played) -> Iterator[str]:
    """A plan that people made is as they made it; Keyward's are tagged, with the policy's
    limits."""
    policy = runtime.context().registry.policies.load().body
    for plan in played.bench.emulator.state.plans.values():
        name, limits = plan.settings["name"], plan.settings.get("throttle")
        if _by_people(played, plan):
            wanted, tags, stages = HAND_MADE["throttle"], {}, plan.settings["apiStages"]
            if stages:
                yield f"plan {name} of people holds {stages}"
        else:
            wanted, tags = policy["usage_plans"][name].get("throttle"), OURS
        if limits != wanted:
            yield f"plan {name} has the throttle {limits}, not {wanted}"
        if (plan.settings.get("tags") or {}) != tags:
            yield f"plan {name} has the tags {plan.settings.get('tags')}, not {tags}"


def with_hand_edits(history: History) -> tuple[Step, ...]:
    """The steps, and in some histories an edit of a plan at any place among them. It has dice of
    its own: the other steps of a seed stay."""
    draw = random.Random(f"plans {history.seed}")
    steps = list(history.steps)
    if draw.random() < 0.2:
        step = Step(draw.choice((0.0, 0.1, 5.0)), "edit_plan", {"number": draw.randrange(100)})
        steps.insert(draw.randint(1, max(1, len(steps))), step)
    return tuple(steps)


def _is_hand_made(history: History) -> bool:
    return history.seed % ONE_IN == 5


def _by_people(played: Played, plan: Any) -> bool:
    return _is_hand_made(played.history) and plan.settings["name"] == HAND_MADE["name"]
