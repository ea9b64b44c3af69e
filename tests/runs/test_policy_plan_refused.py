"""Usage plans that API Gateway does not let be changed: what is told of them, how often, and what
goes on beside them."""

from __future__ import annotations

from dataclasses import replace

from keyward.values import JSON
from tests.runs.policy_desk import (
    ARN,
    END,
    FAST,
    QUOTA,
    QUOTA_FIELD,
    UPDATE,
    Edits,
    a_key,
    a_plan,
    limited,
    policy,
)


def refuse(edits: Edits, plan_id: str) -> None:
    """From now on API Gateway refuses each change of the plan."""
    real = edits.bench.gateway

    class Refusing:
        """API Gateway, which takes no such limit."""

        def __getattr__(self, name: str) -> object:
            return getattr(real, name)

        def update_plan(self, given: str, operations: list[JSON]) -> object:
            wrong = [{"op": "replace", "path": "/no/such/path", "value": "1"}]
            return real.update_plan(given, wrong if given == plan_id else operations)

    edits.context = replace(edits.context, gateway=Refusing())  # type: ignore[arg-type]


def test_a_plan_that_cannot_be_changed_is_told_and_the_others_go_on(edits: Edits) -> None:
    refuse(edits, a_plan(edits.bench, "free", quota=QUOTA))
    assert edits.plan(limited(200)) == UPDATE
    assert edits.update() == END | {"failed": ["free"]}
    assert [kind for kind, _ in edits.told()] == ["PolicyRefused"]
    detail = edits.bench.bus.entries[0]["Detail"]
    assert (detail["plan"], detail["execution_arn"], detail["version"]) == ("free", ARN, 2)
    assert (detail["error"], detail["caused_by"]["event_id"]) == ("GatewayRefusedError", "e1")
    assert edits.registry.leases.holder("plan#free") is None
    assert edits.update(failed=["free"]) == END | {"failed": ["free"]}
    a_plan(edits.bench, "pro", quota=QUOTA)
    more = {"quota": QUOTA | {"limit": 200}}
    edits.plan(policy(free=more, pro=more))
    edits.bench.clock.advance(100)
    assert edits.update() == UPDATE | {"failed": ["free"]}
    edits.bench.clock.advance(100)
    assert edits.update(failed=["free"]) == END | {"failed": ["free"]}
    assert edits.quota("pro") == 200
    assert edits.told()[-1] == ("PolicyApplied", ["usage_plans.pro"])


def test_a_refused_plan_that_people_changed_fails_no_run(edits: Edits) -> None:
    refuse(edits, a_plan(edits.bench, "free", quota=QUOTA, throttle=FAST))
    edits.put(limited(200) | {"report_days": 3})
    for _ in range(3):
        assert edits.plan() == UPDATE
        assert edits.update() == END | {"failed": ["free"]}
        edits.bench.clock.advance(100)
    kinds = [kind for kind, _ in edits.told()]
    assert kinds == ["PolicyRefused", "PolicyApplied"]
    assert sorted(line["field"] for line in edits.in_force.pending) == [
        QUOTA_FIELD,
        "usage_plans.free.throttle",
    ]


def test_a_plan_that_cannot_be_changed_is_told_once_though_a_hold_stands(edits: Edits) -> None:
    a_key(edits.bench, a_plan(edits.bench, "free", quota=QUOTA), "acme/1")
    refuse(edits, a_plan(edits.bench, "pro", quota=QUOTA))
    less, more = ({"quota": QUOTA | {"limit": limit}} for limit in (10, 200))
    edits.put(policy(free=less, pro=more))
    for _ in range(3):
        assert edits.plan() == UPDATE
        assert edits.update() == END | {"failed": ["pro"]}
        edits.bench.clock.advance(100)
    assert [kind for kind, _ in edits.told()] == ["PolicyHeld", "PolicyRefused"]
    assert edits.in_force.revision == 2
