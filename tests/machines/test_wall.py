"""An account that is full: each customer is told once and served as soon as there is room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest

from emulator.operations import common
from keyward.values import JSON
from local.bench import Bench

MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(common, "MAX_KEYS", 2)
    with Bench() as made:
        yield made


def sign_up(bench: Bench, *names: str) -> None:
    for name in names:
        bench.send("CustomerSignedUp", customer_id=name, plan="free")
    bench.advance(MINUTE)


def told(bench: Bench, detail_type: str) -> list[str]:
    return [e["detail"]["customer_id"] for e in bench.announced if e["detail-type"] == detail_type]


def keys(bench: Bench) -> list[str]:
    return sorted(str(key.settings["name"]) for key in bench.emulator.state.keys.values())


def key_id(bench: Bench, name: str) -> str:
    found = {key.settings["name"]: key.id for key in bench.emulator.state.keys.values()}
    return str(found[name])


def test_a_customer_at_the_wall_is_told_once_and_looked_at_at_growing_distance(
    bench: Bench,
) -> None:
    sign_up(bench, "a-1", "b-1")
    # After the night's audit, which looks as well.
    bench.advance(4 * HOUR)
    sign_up(bench, "c-1")
    began = bench.clock.now()
    bench.advance(10 * DAY)
    assert told(bench, "CustomerFailed") == ["c-1"]
    looks = [run for run in bench.runs if run.input.get("customer_id") == "c-1"]
    distances = [round((b.started - a.started) / HOUR) for a, b in pairwise(looks)]
    assert distances[:4] == [1, 2, 4, 8]
    assert len(looks) <= 5 + 2 * 10
    assert {run.status for run in bench.runs if run.started > began} == {"SUCCEEDED"}


def test_who_waits_longest_is_served_when_a_key_is_deleted(bench: Bench) -> None:
    sign_up(bench, "a-1", "b-1")
    sign_up(bench, "c-1")
    sign_up(bench, "d-1")
    bench.advance(20 * HOUR)
    bench.send("CustomerClosed", customer_id="a-1")
    bench.advance(2 * MINUTE)
    assert keys(bench) == ["b-1/1", "c-1/1"]
    bench.send("CustomerClosed", customer_id="b-1")
    bench.advance(2 * MINUTE)
    assert keys(bench) == ["c-1/1", "d-1/1"]
    assert Counter(told(bench, "CustomerFailed")) == {"c-1": 1, "d-1": 1}


def test_as_many_are_called_as_there_are_keys_that_went(bench: Bench) -> None:
    sign_up(bench, "a-1", "b-1")
    sign_up(bench, "c-1", "d-1", "e-1")
    known = len(bench.runs)
    bench.send("CustomerClosed", customer_id="a-1")
    bench.send("CustomerClosed", customer_id="b-1")
    bench.advance(2 * MINUTE)
    due = [run.input["customer_id"] for run in bench.runs[known:]]
    assert len([name for name in due if name in ("c-1", "d-1", "e-1")]) == 2
    assert len(keys(bench)) == 2


def test_the_audit_serves_who_waits_when_somebody_else_made_room(bench: Bench) -> None:
    sign_up(bench, "a-1", "b-1")
    sign_up(bench, "c-1")
    bench.gateway.delete_api_key(apiKey=key_id(bench, "a-1/1"))
    bench.remove("a-1")
    bench.audit(repair=True)
    bench.advance(HOUR)
    assert "c-1/1" in keys(bench)


def test_a_key_in_its_grace_gives_way_to_a_customer_without_a_key(bench: Bench) -> None:
    sign_up(bench, "a-1")
    bench.send("KeyRotationRequested", customer_id="a-1", overlap_hours=1)
    bench.advance(2 * HOUR)
    assert keys(bench) == ["a-1/1", "a-1/2"]
    sign_up(bench, "c-1")
    bench.advance(3 * MINUTE)
    assert keys(bench) == ["a-1/2", "c-1/1"]
    [retired] = [e["detail"] for e in bench.announced if e["detail-type"] == "KeyRetired"]
    assert retired["customer_id"] == "a-1"
    assert "no room" in retired["reason"]
    assert told(bench, "CustomerFailed") == ["c-1"]


def test_a_leaked_key_gives_way_to_its_own_successor(bench: Bench) -> None:
    sign_up(bench, "a-1", "b-1")
    bench.send("KeyRotationRequested", customer_id="a-1", leaked=True)
    bench.advance(3 * MINUTE)
    assert keys(bench) == ["a-1/2", "b-1/1"]
    assert bench.emulator.state.keys[key_id(bench, "a-1/2")].enabled


def test_what_is_due_is_done_in_its_time_while_a_customer_waits_for_room(bench: Bench) -> None:
    sign_up(bench, "a-1")
    bench.send("KeyRotationRequested", customer_id="a-1", overlap_hours=5)
    bench.advance(MINUTE)
    record: JSON = bench.tables["CustomersTable"].get_item(Key={"customer_id": "a-1"})["Item"]
    bench.tables["CustomersTable"].put_item(Item=record | {"keys": 2})
    bench.advance(5 * HOUR + 2 * MINUTE)
    assert not bench.emulator.state.keys[key_id(bench, "a-1/1")].enabled


REFUSALS: dict[str, JSON] = {
    "plan": {"plan": "gold"},
    "secret": {"plan": "free", "key_value_secret": "keyward/none"},
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_for_good_is_told_once_whatever_is_due(kind: str) -> None:
    with Bench() as bench:
        bench.put(customer_id="acme", status="active", expires_at="2026-02-01", **REFUSALS[kind])
        bench.advance(10 * DAY)
        assert told(bench, "CustomerFailed") == ["acme"]
        runs = len([run for run in bench.runs if run.input.get("customer_id") == "acme"])
        assert runs <= 18
        bench.put(customer_id="acme", status="active", plan="free")
        bench.advance(MINUTE)
        assert keys(bench) == ["acme/1"]


def test_a_record_that_cannot_be_right_is_not_looked_at_for_ever() -> None:
    with Bench() as bench:
        sign_up(bench, "acme")
        bench.send("CustomerExpiryChanged", customer_id="acme", expires_at="2026-01-02")
        bench.advance(MINUTE)
        bench.put(customer_id="acme", plan="free", status="whatever")
        bench.advance(10 * DAY)
        assert told(bench, "CustomerFailed") == ["acme"]
        assert len([run for run in bench.runs if run.input.get("customer_id") == "acme"]) < 20


def test_who_asks_again_is_answered_again() -> None:
    with Bench() as bench:
        bench.send("CustomerSignedUp", customer_id="acme", plan="gold")
        bench.advance(MINUTE)
        bench.send("CustomerSignedUp", customer_id="acme", plan="gold", name="Acme")
        bench.advance(MINUTE)
        assert told(bench, "CustomerFailed") == ["acme", "acme"]


def test_a_crowd_at_the_wall_is_told_once_each_and_served_one_for_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(common, "MAX_KEYS", 30)
    with Bench(quotas=True) as bench:
        sign_up(bench, *(f"customer-{n}" for n in range(50)))
        bench.advance(20 * MINUTE)
        failed = told(bench, "CustomerFailed")
        assert len(failed) == len(set(failed)) == 20
        for name in told(bench, "KeyIssued")[:5]:
            bench.send("CustomerClosed", customer_id=name)
        bench.advance(3 * MINUTE)
        assert len(told(bench, "KeyIssued")) == 35
        assert len(told(bench, "CustomerFailed")) == 20
