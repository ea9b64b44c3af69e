"""Many customers for whom something is due at once: everybody has a place, and soon."""

from __future__ import annotations

import pytest

from local.bench import Bench

pytestmark = pytest.mark.sizes

N = 250
SHARE = 5  # calls a second, at half the account's quota


def test_all_who_are_due_at_once_are_started_within_the_minute_and_done_in_their_time() -> None:
    with Bench() as bench:
        end = bench.clock.now() + 3600
        for n in range(N):
            bench.send(
                "CustomerSignedUp", customer_id=f"trial-{n}", plan="free", expires_at=int(end)
            )
        bench.run(until=end - 1)
        bench.emulator.enforce_quotas(True)
        known = len(bench.runs)
        bench.run(until=end + 61)
        due = {run.input["customer_id"] for run in bench.runs[known:]}
        assert len(due) == N
        assert {run.input["asked"]["by"] for run in bench.runs[known:]} == {"schedule"}
        bench.run(until=end + 61 + 1.2 * N / SHARE)
        done = [call for call in bench.calls if call["at"] > end]
        assert {call["status"] for call in done} == {200}
        told = [event["detail-type"] for event in bench.announced]
        assert told.count("KeySuspended") == N
        assert "CustomerFailed" not in told


def test_a_queue_that_takes_nothing_for_a_moment_costs_a_minute_and_nobody_else() -> None:
    with Bench() as bench:
        end = bench.clock.now() + 3600
        for n in range(150):
            about = {"customer_id": f"trial-{n}", "plan": "free", "expires_at": int(end)}
            bench.send("CustomerSignedUp", **about)
        bench.run(until=end - 1)
        known = len(bench.runs)
        bench.fault("sqs", "SendMessage", 1, "ThrottlingException")
        bench.run(until=end + 30)
        assert len(bench.runs[known:]) == 100
        bench.advance(60)
        assert len({run.input["customer_id"] for run in bench.runs[known:]}) == 150
        assert "CustomerFailed" not in [event["detail-type"] for event in bench.announced]
