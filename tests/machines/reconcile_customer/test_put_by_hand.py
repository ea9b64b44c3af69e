from __future__ import annotations

import pytest

from local.bench import Bench

PUT = {"customer_id": "acme", "plan": "free", "status": "active"}


def status_of_key(bench: Bench) -> bool:
    (key,) = bench.gateway.get_api_keys()["items"]
    return bool(key["enabled"])


@pytest.mark.parametrize("repeats", [1, 2])
def test_an_event_older_than_a_put_sets_nothing_that_the_put_left_out(repeats: int) -> None:
    with Bench() as bench:
        bench.advance(seconds=600)
        bench.put(**PUT)
        bench.run()
        for _ in range(repeats):
            bench.send(
                "CustomerExpiryChanged",
                customer_id="acme",
                occurred_at="2026-01-01T00:05:00Z",
                expires_at="2026-01-01T00:06:00Z",
            )
            bench.run()
        assert status_of_key(bench)


def test_an_event_newer_than_a_put_sets_what_the_put_left_out() -> None:
    with Bench() as bench:
        bench.put(**PUT)
        bench.run()
        bench.advance(seconds=600)
        bench.send(
            "CustomerExpiryChanged",
            customer_id="acme",
            occurred_at="2026-01-01T00:09:00Z",
            expires_at="2026-01-01T00:09:30Z",
        )
        bench.run()
        assert not status_of_key(bench)


def test_the_audit_has_a_notice_announced_that_a_stopped_run_left() -> None:
    with Bench() as bench:
        bench.send("CustomerSignedUp", customer_id="acme", plan="free")
        bench.run()
        bench.send("PaymentFailed", customer_id="acme")
        running = []
        while not running:
            bench.advance(seconds=0.05)
            running = [run for run in bench.runs if run.status == "RUNNING"]
        bench.account.executions.stop_execution(running[-1].arn)
        bench.run()
        bench.advance(seconds=600)
        bench.audit(repair=True)
        bench.run()
        assert [event["detail-type"] for event in bench.announced].count("PaymentOverdue") == 1
