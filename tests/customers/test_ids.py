from __future__ import annotations

import pytest

from local.bench import Bench

# Of Auth0, of a Cognito identity pool, an e-mail address, a number, and the longest that there is.
IDS = [
    "auth0|5f7c8ec7",
    "us-east-1:0a1b2c3d-0000-4000-8000-123456789abc",
    "a+b@example.com",
    "42",
    "x" * 128,
    "o=acme,ou=eu",
]


@pytest.mark.parametrize("customer_id", IDS)
def test_ids_that_businesses_have_live_a_whole_life(customer_id: str) -> None:
    with Bench() as bench:
        bench.send("CustomerSignedUp", customer_id=customer_id, plan="free")
        bench.run()
        [key] = bench.gateway.get_api_keys()["items"]
        assert key["name"] == f"{customer_id}/1"
        bench.advance(60)
        bench.send("KeyRotationRequested", customer_id=customer_id, leaked=True)
        bench.run()
        bench.send("CustomerClosed", customer_id=customer_id)
        bench.run()
        assert bench.gateway.get_api_keys()["items"] == []
        told = {event["detail-type"] for event in bench.announced}
        assert told == {"KeyIssued", "KeyDisabled", "KeyRotated", "KeyRetired", "KeyRevoked"}
        assert {run.status for run in bench.runs} == {"SUCCEEDED"}


def test_a_crowd_of_such_ids_is_issued() -> None:
    with Bench() as bench:
        names = [f"auth0|{number}" for number in range(30)] + [f"u,{n}" for n in range(5)]
        for name in names:
            bench.send("CustomerSignedUp", customer_id=name, plan="free")
        bench.run()
        keys = bench.gateway.get_api_keys(limit=500)["items"]
        assert sorted(key["name"] for key in keys) == sorted(f"{name}/1" for name in names)
