"""Edits of the policy within a history: its owner changes limits, and a person may answer."""

from __future__ import annotations

from collections.abc import Iterator

from keyward.runs import runtime
from keyward.values import JSON
from tests.prove.history import Step
from tests.prove.played import Played

LIMITS: tuple[JSON, ...] = (
    {"throttle": {"rateLimit": 5, "burstLimit": 10}, "quota": {"limit": 1000, "period": "DAY"}},
    {"throttle": {"rateLimit": 9, "burstLimit": 90}},
    {"quota": {"limit": 100_000, "period": "MONTH"}},
    {},
)


def edit_policy(played: Played, step: Step, shipped: JSON) -> None:
    """The owner changes the limits of a plan."""
    number = int(step.about["number"])
    plan, limits = ("free", "pro")[number % 2], LIMITS[number // 2 % len(LIMITS)]
    plans = shipped["usage_plans"] | {plan: limits}
    played.bench.put_policy(shipped | {"usage_plans": plans})


def answer_policy(played: Played, step: Step) -> None:
    """A person answers the last hold of the policy."""
    held = [e["detail"] for e in played.bench.announced if e["detail-type"] == "PolicyHeld"]
    if held:
        word = ("PolicyApproved", "PolicyRejected")[int(step.about["number"]) % 2]
        played.bench.send(word, fingerprint=held[-1]["fingerprint"])


def limits_in_force(played: Played) -> Iterator[str]:
    """The limits of usage plans are those of the policy in force."""
    body = runtime.context().registry.policies.load().body
    for plan in played.bench.emulator.call("GetUsagePlans", {})["items"]:
        wanted = body["usage_plans"].get(plan["name"], {})
        if "keyward" not in plan.get("tags", {}):
            continue  # People made it (plans.py).
        quota = {n: v for n, v in (plan.get("quota") or {}).items() if n != "offset"}
        found = (plan.get("throttle") or {}, quota)
        if found != (wanted.get("throttle", {}), wanted.get("quota", {})):
            yield f"usage plan {plan['name']} has {found}, and the policy in force says {wanted}"
