"""The policy parameter, and the policy in force that functions read instead."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from keyward.aws.parameter import PolicyParameter
from keyward.errors import ServiceUnavailableError
from keyward.events.key_value import new_value
from keyward.policy.parse import default_text
from keyward.values import JSON
from tests.support import Bench, workbench

BAD = '{"usage_plans": {}}'
SHIPPED: JSON = json.loads(default_text())


@pytest.fixture
def bench() -> Iterator[Bench]:
    with workbench() as made:
        yield made


def put(bench: Bench, text: str) -> None:
    bench.ssm.put_parameter(Name="policy", Value=text, Overwrite=True)


def gold() -> str:
    return json.dumps(SHIPPED | {"usage_plans": SHIPPED["usage_plans"] | {"gold": {}}})


def large() -> JSON:
    """300 usage plans and 500 exemptions, which no compression makes small."""
    plan = {"throttle": {"rateLimit": 50, "burstLimit": 100}}
    plan |= {"quota": {"limit": 100_000, "period": "MONTH"}}
    free = {"api": "petstore", "method": "GET", "owner": "web-team"}
    texts = [f"{(i * 2654435761) % 2**32:08x}-" * 89 for i in range(500)]
    return {
        "usage_plans": {f"customer-tier-{i:03d}": plan for i in range(300)},
        "exemptions": [free | {"path": f"/{t}", "reason": t[::-1]} for t in texts],
    }


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


@pytest.mark.parametrize("is_escaped", [False, True])
def test_a_key_value_in_the_policy_is_refused_and_not_repeated(
    bench: Bench, is_escaped: bool
) -> None:
    value = new_value("kw")
    text = json.dumps(SHIPPED | {"usage_plans": SHIPPED["usage_plans"] | {value: {}}})
    put(bench, text.replace(value, f"\\u{ord(value[0]):04x}{value[1:]}") if is_escaped else text)
    current = bench.registry.policies.current(10)
    assert value not in current.policy.usage_plans
    assert current.refused is not None
    assert current.refused.startswith("policy: must hold no value of an API key. Remove it")
    assert value not in current.refused


@pytest.mark.parametrize(
    "text",
    [
        '{"require_key": "VALUE", "usage_plans": {"free": {}}, "x": DEEP}',
        '{"require_key": "VALUE", "usage_plans": {"free": {}}, "require_key": "VALUE"}',
        '{"require_key": "VALUE", "usage_plans": 7',
        '{"object": "policy/VALUE.json"}',
        '{"object": "VALUE"}',
    ],
    ids=["nested", "twice", "open", "object", "no object"],
)
def test_a_key_value_in_a_policy_of_any_shape_is_not_repeated(bench: Bench, text: str) -> None:
    value = new_value("kw")
    put(bench, text.replace("DEEP", "[" * 150 + "]" * 150).replace("VALUE", value))
    refused = bench.registry.policies.current(10).refused
    assert refused is not None
    assert value not in refused


def test_the_policy_in_force_survives_throttling(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttled(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "GetItem")

    put(bench, gold())
    bench.registry.policies.current(0)
    monkeypatch.setattr(bench.tables["PlansTable"], "get_item", throttled)
    assert "gold" in bench.registry.policies.current(10).policy.usage_plans


def test_the_parameter_is_not_asked_where_a_policy_is_in_force(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.registry.policies.current(0)
    monkeypatch.setattr(bench.ssm, "get_parameter", None)
    assert bench.registry.policies.current(10).policy.usage_plans


def test_without_a_parameter_the_shipped_policy_is_in_force(bench: Bench) -> None:
    bench.ssm.delete_parameter(Name="policy")
    bench.empty_tables()
    assert {*bench.registry.policies.current(0).policy.usage_plans} == {"free", "pro"}


def test_a_first_version_that_is_bad_is_refused_and_the_shipped_one_stays(bench: Bench) -> None:
    bench.ssm.first_parameter("policy", BAD)
    current = bench.registry.policies.current(0)
    assert {*current.policy.usage_plans} == {"free", "pro"}
    assert "usage_plans" in str(current.refused)


def test_300_usage_plans_and_500_exemptions_fit(bench: Bench) -> None:
    put(bench, json.dumps(large()))
    put(bench, json.dumps(large() | {"warn_days": 3}))
    current = bench.registry.policies.current(10).policy
    assert (len(current.usage_plans), len(current.exemptions), current.warn_days) == (300, 500, 3)


def test_a_larger_policy_is_read_from_the_bucket(bench: Bench) -> None:
    put(bench, '{"object": "policy/large.json"}')
    texts = {"policy/large.json": json.dumps(large())}
    wanted = PolicyParameter(bench.ssm, "policy", texts.get).read()
    assert wanted.body == large()
    assert wanted.refused is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"object": "policy/none.json"}', "is not. Put it there first"),
        ('{"object": "audits/a.json"}', "must be policy/NAME.json"),
        ('{"object": "policy/../a.json"}', "must be policy/NAME.json"),
        ('{"object": "policy/a.json", "usage_plans": {}}', "and the only member"),
    ],
)
def test_an_object_that_is_no_policy_is_refused(bench: Bench, text: str, words: str) -> None:
    put(bench, text)
    wanted = PolicyParameter(bench.ssm, "policy").read()
    assert wanted.body == SHIPPED
    assert words in str(wanted.refused)


def test_a_parameter_that_cannot_be_read_passes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttled(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "GetParameter")

    monkeypatch.setattr(bench.ssm, "get_parameter", throttled)
    with pytest.raises(ServiceUnavailableError):
        PolicyParameter(bench.ssm, "policy").read()
