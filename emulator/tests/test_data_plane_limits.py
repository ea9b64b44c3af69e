from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator import throttle
from emulator.errors import ApiGatewayError
from emulator.model import State
from emulator.tests.gateway_lab import VALUE, Lab, keyed
from emulator.throttle import Bucket

OTHER = "fake-value-of-a-key-0002"


def lab_with(**plan: object) -> Lab:
    lab = Lab()
    lab.api({"GET /a": keyed(), "GET /b": keyed()})
    lab.plan(lab.key(), lab.key(OTHER), **plan)
    return lab


def statuses(lab: Lab, times: int, line: str = "GET /a", key: str = VALUE) -> list[int]:
    return [lab.call(line, key).status for _ in range(times)]


def test_the_burst_passes_and_the_next_call_is_throttled() -> None:
    lab = lab_with(throttle={"rateLimit": 1.0, "burstLimit": 2})
    assert statuses(lab, 3) == [200, 200, 429]
    reply = lab.call("GET /a", VALUE)
    assert reply.body == b'{"message":"Too Many Requests"}'
    assert reply.headers["x-amzn-errortype"] == "TooManyRequestsException"


def test_the_bucket_refills_at_the_rate() -> None:
    lab = lab_with(throttle={"rateLimit": 0.5, "burstLimit": 1})
    assert statuses(lab, 2) == [200, 429]
    lab.clock.advance(2)
    assert statuses(lab, 2) == [200, 429]


def test_each_key_has_its_bucket_and_routes_share_it() -> None:
    lab = lab_with(throttle={"rateLimit": 0.1, "burstLimit": 1})
    assert statuses(lab, 1) == [200]
    assert statuses(lab, 1, "GET /b") == [429]
    assert statuses(lab, 1, key=OTHER) == [200]


def test_a_burst_of_zero_lets_nobody_in() -> None:
    assert statuses(lab_with(throttle={"rateLimit": 5.0, "burstLimit": 0}), 1) == [429]


def test_a_method_throttle_holds_for_its_method_only() -> None:
    lab = lab_with()
    limits = {"/a/GET": {"rateLimit": 0.1, "burstLimit": 1}}
    lab.state.plans["plan0"].settings["apiStages"][0]["throttle"] = limits
    assert statuses(lab, 2) == [200, 429]
    assert statuses(lab, 5, "GET /b") == [200] * 5


def test_a_looser_method_throttle_does_not_lift_the_plans() -> None:
    lab = lab_with(throttle={"rateLimit": 0.1, "burstLimit": 1})
    limits = {"/a/GET": {"rateLimit": 100.0, "burstLimit": 100}}
    lab.state.plans["plan0"].settings["apiStages"][0]["throttle"] = limits
    assert statuses(lab, 2) == [200, 429]


def test_a_stages_method_settings_throttle_everybody() -> None:
    lab = lab_with()
    stage = lab.state.rest_apis["api1"].stages["prod"]
    stage.settings["methodSettings"] = {
        "*/*": {"throttlingRateLimit": 0.1, "throttlingBurstLimit": 1}
    }
    assert statuses(lab, 1) == [200]
    assert statuses(lab, 1, key=OTHER) == [429]


def test_a_quota_ends_in_limit_exceeded_and_refused_calls_are_not_counted() -> None:
    lab = lab_with(quota={"limit": 1, "period": "MONTH", "offset": 0})
    assert statuses(lab, 3) == [200, 429, 429]
    reply = lab.call("GET /a", VALUE)
    assert reply.body == b'{"message":"Limit Exceeded"}'
    assert reply.headers["x-amzn-errortype"] == "LimitExceededException"
    day = throttle.today(lab.clock.now()).isoformat()
    assert throttle.get_usage(lab.state, "plan0", day, day)["items"] == {"key0": [[1, 0]]}


def test_a_throttled_call_is_not_counted() -> None:
    lab = lab_with(
        quota={"limit": 9, "period": "DAY"}, throttle={"rateLimit": 0.1, "burstLimit": 1}
    )
    assert statuses(lab, 3) == [200, 429, 429]
    day = throttle.today(lab.clock.now()).isoformat()
    assert throttle.get_usage(lab.state, "plan0", day, day)["items"] == {"key0": [[1, 8]]}


def test_without_a_quota_usage_is_zero_and_counting_begins_when_it_is_set() -> None:
    lab = lab_with()
    statuses(lab, 3)
    day = throttle.today(lab.clock.now()).isoformat()
    assert throttle.get_usage(lab.state, "plan0", day, day)["items"] == {"key0": [[0, 0]]}
    lab.state.plans["plan0"].settings["quota"] = {"limit": 9, "period": "DAY"}
    statuses(lab, 1)
    assert throttle.get_usage(lab.state, "plan0", day, day)["items"] == {"key0": [[1, 8]]}


def test_a_new_day_is_a_new_quota_and_usage_has_a_row_a_day() -> None:
    lab = lab_with(quota={"limit": 1, "period": "DAY"})
    first = throttle.today(lab.clock.now())
    assert statuses(lab, 2) == [200, 429]
    lab.clock.advance(86_400)
    assert statuses(lab, 2) == [200, 429]
    second = throttle.today(lab.clock.now())
    usage = throttle.get_usage(lab.state, "plan0", first.isoformat(), second.isoformat(), "key0")
    assert usage["items"] == {"key0": [[1, 0], [1, 0]]}


def test_granted_calls_are_used_up_and_end_with_the_period() -> None:
    lab = lab_with(quota={"limit": 1, "period": "DAY"})
    assert statuses(lab, 2) == [200, 429]
    patch = [{"op": "replace", "path": "/remaining", "value": "2"}]
    usage = throttle.update_usage(lab.state, lab.clock, "plan0", "key0", patch)
    assert usage["items"] == {"key0": [[1, 2]]}
    assert statuses(lab, 3) == [200, 200, 429]
    lab.clock.advance(86_400)
    assert statuses(lab, 2) == [200, 429]


@pytest.mark.parametrize(
    ("plan", "key", "code"),
    [
        ("nosuch", "key0", "NotFoundException"),
        ("plan0", "nosuch", "NotFoundException"),
        ("plan0", "key0", "BadRequestException"),
    ],
)
def test_usage_that_cannot_be_granted_is_refused(plan: str, key: str, code: str) -> None:
    lab = lab_with()
    patch = [{"op": "replace", "path": "/remaining", "value": "2"}]
    with pytest.raises(ApiGatewayError) as refused:
        throttle.update_usage(lab.state, lab.clock, plan, key, patch)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("quota", "day", "start"),
    [
        ({"period": "DAY"}, "2026-11-18", "2026-11-18"),
        ({"period": "WEEK"}, "2026-11-18", "2026-11-15"),
        ({"period": "WEEK", "offset": 1}, "2026-11-18", "2026-11-16"),
        ({"period": "WEEK", "offset": 4}, "2026-11-18", "2026-11-12"),
        ({"period": "MONTH"}, "2026-11-18", "2026-11-01"),
        ({"period": "MONTH", "offset": 9}, "2026-11-18", "2026-11-10"),
        ({"period": "MONTH", "offset": 20}, "2026-11-18", "2026-10-21"),
    ],
)
def test_periods_begin_on_the_day_of_their_offset(
    quota: dict[str, object], day: str, start: str
) -> None:
    found = throttle.period_start({"offset": 0, **quota}, date.fromisoformat(day))
    assert found == date.fromisoformat(start)


@given(
    rate=st.floats(0.1, 50),
    burst=st.integers(1, 50),
    gaps=st.lists(st.floats(0, 5), max_size=60),
)
def test_a_bucket_never_lets_more_through_than_burst_and_rate(
    rate: float, burst: int, gaps: list[float]
) -> None:
    state, now, passed = State(), 0.0, 0
    for gap in gaps:
        now += gap
        passed += throttle.take(state, now, [Bucket(("b",), rate, burst)])
        assert passed <= burst + now * rate + 0.01
