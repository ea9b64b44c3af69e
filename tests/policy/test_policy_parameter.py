from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from keyward.aws.parameter import Policies
from keyward.errors import PolicyRefusedError, ServiceUnavailableError
from keyward.policy.parse import default_text
from keyward.runs import run
from tests.support import Bench, workbench

BAD = '{"usage_plans": {}}'


@pytest.fixture
def bench() -> Iterator[Bench]:
    with workbench() as made:
        yield made


def put(bench: Bench, text: str) -> None:
    bench.ssm.put_parameter(Name="policy", Value=text, Overwrite=True)


def gold() -> str:
    policy = json.loads(default_text())
    policy["usage_plans"]["gold"] = {}
    return json.dumps(policy)


def test_a_change_holds_within_ten_seconds(bench: Bench) -> None:
    assert "gold" not in bench.registry.policies.current(0).policy.usage_plans
    put(bench, gold())
    assert "gold" in bench.registry.policies.current(10).policy.usage_plans


def test_the_last_good_version_stays_in_force(bench: Bench) -> None:
    put(bench, gold())
    put(bench, BAD)
    put(bench, "{")
    current = bench.registry.policies.current(0)
    assert "gold" in current.policy.usage_plans
    assert current.refused is not None
    assert "must be JSON" in current.refused


def test_the_last_good_version_survives_throttling(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttled(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "GetParameter")

    put(bench, gold())
    bench.registry.policies.current(0)
    with monkeypatch.context() as patch:
        patch.setattr(bench.ssm, "get_parameter", throttled)
        assert "gold" in bench.registry.policies.current(10).policy.usage_plans
        with pytest.raises(ServiceUnavailableError):
            Policies(bench.ssm, "policy").current(10)


def test_a_parameter_without_any_good_version_is_refused(bench: Bench) -> None:
    bench.ssm.delete_parameter(Name="policy")
    bench.ssm.put_parameter(Name="policy", Type="String", Value=BAD)
    with pytest.raises(PolicyRefusedError, match="No earlier version"):
        bench.registry.policies.current(0)


def test_a_refusal_is_announced_once_a_version(bench: Bench) -> None:
    put(bench, BAD)
    for now in (0, 1, 100):
        current = bench.registry.policies.current(now)
        run.announce_refusal(current, replace(bench.context(), clock=partial(float, now)))
    [told] = bench.bus.entries
    assert told["DetailType"] == "PolicyRefused"
    assert "usage_plans" in told["Detail"]["reason"]


def test_a_refusal_that_could_not_be_announced_is_announced_later(bench: Bench) -> None:
    put(bench, BAD)
    current = bench.registry.policies.current(0)

    class Broken:
        def announce(self, entries: object) -> None:
            raise RuntimeError("no bus")

    with pytest.raises(RuntimeError):
        run.announce_refusal(current, replace(bench.context(), bus=Broken(), clock=lambda: 0))  # type: ignore[arg-type]
    for now in (1, 61, 200):
        run.announce_refusal(current, replace(bench.context(), clock=partial(float, now)))
    assert [entry["DetailType"] for entry in bench.bus.entries] == ["PolicyRefused"]
