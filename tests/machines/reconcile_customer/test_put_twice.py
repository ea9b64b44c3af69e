"""A record that is put twice within one second, whose stream records have the same time."""

from __future__ import annotations

import pytest

from keyward.values import JSON
from local.bench import Bench

FIRST: JSON = {"plan": "free", "status": "active"}


@pytest.mark.parametrize(
    "then", [{"plan": "pro"}, {"plans": ["pro", "free"]}, {"keys": 2}, {"name": "Acme"}], ids=str
)
def test_the_later_put_stands_and_events_count_after_it(then: JSON) -> None:
    second = FIRST | then
    if "plans" in second:
        del second["plan"]
    with Bench() as bench:
        bench.put(customer_id="acme", **FIRST | {"keys": 1, "name": "A"})
        bench.put(customer_id="acme", **second)
        bench.advance(seconds=60)
        bench.send("CustomerSuspended", customer_id="acme")
        bench.advance(seconds=60)
        assert not any(key["enabled"] for key in bench.gateway.get_api_keys()["items"])
        bench.send("CustomerPlanChanged", customer_id="acme", plan="free")
        bench.send("CustomerResumed", customer_id="acme")
        bench.advance(seconds=60)
        assert all(key["enabled"] for key in bench.gateway.get_api_keys()["items"])
        assert bench.account.queues.by_name["CustomersDlq"].messages == []
        assert bench.audit()["findings"] == []
