"""Two more stories for the expressions that those of tests/stack/local do not reach."""

from __future__ import annotations

from collections.abc import Callable

from keyward.values import JSON
from local.bench import Bench
from tests.machines.policy_lab import FREE, customer, edit, policy
from tests.stack.local.stories import HOUR, STORIES


def edits(bench: Bench) -> None:
    """Edits of the policy: one in force at once, one held and approved, one rejected, a refused."""
    customer(bench)
    wider = FREE | {"throttle": {"rateLimit": 50, "burstLimit": 100}}
    narrow = FREE | {"throttle": {"rateLimit": 1, "burstLimit": 1}}
    edit(bench, policy(free=wider, pro=FREE))
    for answer in ("PolicyApproved", "PolicyRejected"):
        edit(bench, policy(free=narrow, pro=FREE))
        held = [one["detail"] for one in bench.announced if one["detail-type"] == "PolicyHeld"]
        bench.send(answer, fingerprint=held[-1]["fingerprint"])
        bench.advance(HOUR)
        edit(bench, policy(free=wider, pro=FREE))
    bench.put_policy({"usage_plans": 7})
    bench.fault("apigateway", "UpdateUsagePlan", 1, 503)
    edit(bench, policy(free=FREE, pro=wider))


def crowd(bench: Bench) -> None:
    """A file of customers, whose keys are imported; and a fault that passes while they are."""
    bench.api({"/pets": {"get": ["api_key"]}})
    bench.fault("lambda", "ImportKeys", 1, "death_before")
    rows = "".join(f"customer-{number},free\n" for number in range(220))
    bench.upload("onboarding/may.csv", f"customer_id,plan\n{rows}")
    bench.run()
    bench.advance(HOUR)


ALL: dict[Callable[[Bench], None], JSON] = STORIES | {edits: {}, crowd: {"quotas": True}}
