"""A request for more quota in a plan that has none is answered."""

from __future__ import annotations

from local.bench import Bench
from tests.machines.test_adoption import told

QUOTA = {"quota": {"limit": 3, "period": "MONTH"}}
POLICY = {"usage_plans": {"free": QUOTA, "pro": {}}, "propagation_seconds": 0}


def test_a_request_for_more_of_no_quota_is_answered_once_and_calls_nothing() -> None:
    with Bench(policy=POLICY) as bench:
        bench.send("CustomerSignedUp", customer_id="acme", plan="pro")
        bench.advance(60)
        calls = len(bench.calls)
        for amount in (2, 2, 3):
            bench.send("QuotaExtensionRequested", customer_id="acme", by=amount)
            bench.run()
        assert len(bench.calls) == calls
        bench.advance(86_400)
        said = told(bench, "CustomerFailed")
        assert len(said) == 2
        assert {one["error"] for one in said} == {"InvalidEventError"}
        assert {one["remedy"] for one in said} == {"keyward history acme"}
        assert "pro has none" in said[0]["reason"]
        assert said[0]["caused_by"]["detail_type"] == "QuotaExtensionRequested"
        assert {run.status for run in bench.runs} == {"SUCCEEDED"}


def test_what_was_granted_before_a_change_to_a_plan_without_a_quota_is_not_refused_then() -> None:
    with Bench(policy=POLICY) as bench:
        bench.send("CustomerSignedUp", customer_id="acme", plan="free")
        bench.advance(60)
        bench.send("QuotaExtensionRequested", customer_id="acme", by=2)
        bench.advance(60)
        bench.send("CustomerPlanChanged", customer_id="acme", plan="pro")
        bench.advance(86_400)
        assert len(told(bench, "QuotaExtended")) == 1
        assert told(bench, "CustomerFailed") == []
