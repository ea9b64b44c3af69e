"""Values that customers bring, from their secrets to the keys, on the whole stack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from keyward.runs import runtime
from local.bench import CUSTOMERS, Bench

POLICY = {"usage_plans": {"free": {}}, "propagation_seconds": 0, "grace_hours": 1}
UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
OTHER = "AnotherOwnValue-0000-0001"
BOTH = f'{{"1": "{UUID}", "2": "{OTHER}\\n"}}'


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench(policy=POLICY) as made:
        yield made


def put(bench: Bench, secrets: dict[str, str], **record: Any) -> None:
    for name, text in secrets.items():
        bench.secretsmanager.create_secret(Name=name, SecretString=text)
    about = {"customer_id": "acme", "plan": "free", "status": "active"} | record
    bench.put(**about)
    bench.run()


def values(bench: Bench) -> dict[str, str]:
    found = bench.gateway.get_api_keys(includeValues=True)["items"]
    return {key["name"]: key["value"] for key in found}


def failed(bench: Bench) -> list[str]:
    events = [e["detail"] for e in bench.announced if e["detail-type"] == "CustomerFailed"]
    return [event["reason"] for event in events]


def test_a_uuid_is_a_value(bench: Bench) -> None:
    put(bench, {"keyward/a": UUID}, key_value_secret="keyward/a")
    assert values(bench) == {"acme/1": UUID}


@pytest.mark.parametrize(
    ("secrets", "named"),
    [
        ({"keyward/a": BOTH}, "keyward/a"),
        ({"keyward/a": UUID, "keyward/b": OTHER}, ["keyward/a", "keyward/b"]),
    ],
    ids=["one secret with both", "a secret each"],
)
def test_two_keys_have_own_values(bench: Bench, secrets: dict[str, str], named: object) -> None:
    put(bench, secrets, key_value_secret=named, keys=2)
    assert values(bench) == {"acme/1": UUID, "acme/2": OTHER}
    assert failed(bench) == []


@pytest.mark.parametrize(
    ("secrets", "named", "reason"),
    [
        ({"keyward/a": UUID}, "keyward/a", 'with the member "2" for this'),
        ({"keyward/a": f'{{"1": "{UUID}"}}'}, "keyward/a", 'Add the member "2"'),
    ],
    ids=["one value", "no value for this number"],
)
def test_a_second_key_without_a_value_is_told_once_and_made_when_there_is_one(
    bench: Bench, secrets: dict[str, str], named: str, reason: str
) -> None:
    put(bench, secrets, key_value_secret=named, keys=2)
    bench.advance(2 * 86_400)
    [told] = failed(bench)
    assert reason in told
    assert values(bench) == {"acme/1": UUID}
    bench.secretsmanager.put_secret_value(SecretId="keyward/a", SecretString=BOTH)
    bench.advance(2 * 86_400)
    assert values(bench) == {"acme/1": UUID, "acme/2": OTHER}


def test_a_successor_takes_the_value_of_its_number(bench: Bench) -> None:
    put(bench, {"keyward/a": BOTH}, key_value_secret="keyward/a")
    bench.send("KeyRotationRequested", customer_id="acme", leaked=True)
    bench.run()
    assert values(bench) == {"acme/2": OTHER}


@pytest.mark.parametrize("named", [[], [""], ["keyward/a", 7], {"1": "keyward/a"}, "", "other/a"])
def test_a_secret_of_another_shape_is_refused_by_name(bench: Bench, named: object) -> None:
    put(bench, {}, key_value_secret=named)
    [told] = failed(bench)
    must = "must be the name of a secret that begins with keyward/"
    assert told.startswith(f"key_value_secret: {must}")
    assert values(bench) == {}


@pytest.mark.parametrize("named", [OTHER, ["keyward/a", UUID]])
def test_a_value_in_the_place_of_a_secret_s_name_is_repeated_nowhere(
    bench: Bench, named: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(runtime, "secret", asked.append)
    put(bench, {"keyward/a": BOTH}, key_value_secret=named, keys=2)
    [told] = failed(bench)
    assert told.endswith("Never put the value there")
    tables = [t.scan()["Items"] for name, t in bench.tables.items() if name != CUSTOMERS]
    runs = [vars(run) for run in bench.runs]
    rests = json.dumps([tables, bench.announced, runs, bench.audit(repair=True)], default=str)
    assert [value for value in (UUID, OTHER) if value in rests] == []
    # CloudTrail records the id of every secret that is asked for.
    assert asked == []


def test_a_secret_is_named_by_its_arn_too(bench: Bench) -> None:
    made = bench.secretsmanager.create_secret(Name="keyward/a", SecretString=UUID)
    put(bench, {}, key_value_secret=made["ARN"])
    assert values(bench) == {"acme/1": UUID}


@pytest.mark.parametrize("text", ["[]", "{}", '{"1": 7}', '{"1": "short"}', "ünïcode" * 4])
def test_a_secret_that_holds_no_value_is_refused_without_quoting_it(
    bench: Bench, text: str
) -> None:
    put(bench, {"keyward/a": text}, key_value_secret="keyward/a")
    [told] = failed(bench)
    assert told.startswith("key_value_secret: the secret holds no")
    assert "short" not in told
    assert "ünï" not in told


def test_own_values_are_in_no_event_state_or_table(bench: Bench) -> None:
    put(bench, {"keyward/a": BOTH}, key_value_secret="keyward/a", keys=2)
    tables = [list(table.scan()["Items"]) for table in bench.tables.values()]
    text = str([bench.announced, tables, [run.output for run in bench.runs]])
    assert UUID not in text
    assert OTHER not in text
