"""A night in which many APIs are open: all of them are closed, within Keyward's share."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

import pytest

from keyward.values import JSON
from local.bench import Bench
from local.lifetime.stack import REGION
from local.lifetime.states import StateFailed

METHODS: JSON = {f"/p{number}": {"get": None} for number in range(10)}
SHARE, APIS = 80, 8


def opened(bench: Bench) -> list[str]:
    """APIs that are to be enforced and that no event told of."""
    apis = [bench.api(METHODS, mode="off") for _ in range(APIS)]
    bench.run()
    with bench.emulator.quotas.lifted():
        # CloudTrail is best effort: these events are lost.
        heard, bench.emulator.on_event = bench.emulator.on_event, None
        for api_id in apis:
            arn = f"arn:aws:apigateway:{REGION}::/restapis/{api_id}"
            bench.gateway.tag_resource(resourceArn=arn, tags={"keyward": "enforce"})
        bench.emulator.on_event = heard
    bench.run()
    bench.advance(600)
    return apis


def is_open(bench: Bench, api_id: str) -> bool:
    return bench.call(api_id, "prod", "GET", "/p0") == 200


def test_the_audit_has_all_closed_and_takes_no_more_than_the_share() -> None:
    with Bench(quotas=True, share=SHARE) as bench:
        apis = opened(bench)
        assert all(is_open(bench, api_id) for api_id in apis)
        began = len(bench.calls)
        night = bench.account.executions.begin("audit_account", "night", {"repair": True})
        bench.run()
        assert night.output["started"] == APIS
        assert not [api_id for api_id in apis if is_open(bench, api_id)]
        told = Counter(event["detail-type"] for event in bench.announced)
        assert told["ApiProtected"] == APIS
        assert not told["ApiFailed"]
        calls = bench.calls[began:]
        assert sum(call["status"] == 429 for call in calls) <= 0.02 * len(calls)
        at = sorted(call["at"] for call in calls)
        busiest = max(bisect_left(at, moment + 60) - place for place, moment in enumerate(at))
        assert busiest <= 10 * SHARE / 100 * 60 + 40 * SHARE / 100


@pytest.fixture
def narrow() -> Iterator[Bench]:
    """An account of which Keyward may call one thing in ten seconds."""
    with Bench(quotas=True, share=1) as bench:
        for _ in range(60):
            bench.api(METHODS, mode="off")
        with bench.emulator.quotas.lifted():
            for number in range(100):
                bench.gateway.create_usage_plan(name=f"plan-{number}")
        bench.run()
        yield bench


def test_an_account_that_cannot_be_read_in_time_is_refused_in_words(narrow: Bench) -> None:
    with pytest.raises(StateFailed, match="Start audit-account") as told:
        narrow.audit()
    assert told.value.error == "TooLargeError"
    assert "ControlPlaneShare" in told.value.cause


def test_a_message_that_comes_again_goes_on_where_the_audit_was(narrow: Bench) -> None:
    before = len(narrow.calls)
    batch = {"Records": [{"messageId": "m1", "body": "{}"}]}
    with pytest.raises(StateFailed, match="TooLargeError"):
        narrow.invoke("Audit", batch)
    assert narrow.invoke("Audit", batch)["apis"] == 60
    read = Counter(call["operation"] for call in narrow.calls[before:])
    assert read["GetRestApis"] == 1
    assert read["GetUsagePlanKeys"] == 100
