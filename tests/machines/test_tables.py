"""The tables of this process answer as moto's do, request by request."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from inspect import isfunction
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from emulator.clock import VirtualClock
from keyward.apis.model import Hold
from keyward.aws import tables
from keyward.aws.tables import Registry
from keyward.aws.tables.call_schedule import CallSchedule
from keyward.aws.tables.conditions import in_partition, in_range
from keyward.aws.tables.leases import Lease, Leases
from keyward.aws.tables.marks import Marks
from keyward.customers.key import CREATED, End, KeyRecord
from keyward.customers.usage import KeyUsage
from keyward.errors import LeaseLostError
from keyward.events.caller import Editor
from keyward.runs.schedule import CALLS, NEW
from keyward.runs.turns import Turns
from keyward.values import JSON
from local.bench import Bench
from local.lifetime.services import Ssm
from local.lifetime.tables import Tables
from tests.machines.import_lab import of_imports
from tests.machines.moto_lab import Both, differences, mirrored, policy_parameter
from tests.machines.people_calls import of_people
from tests.machines.turn_calls import of_turns
from tests.prove.history import history
from tests.prove.play import play, policy
from tests.support import registry_of


@pytest.fixture
def both() -> Iterator[dict[str, Both]]:
    with mock_aws():
        tables = mirrored(Tables().by_name)
        yield tables
        assert differences(tables) == []


def test_leases_are_the_same_in_any_order_of_calls(both: dict[str, Both]) -> None:
    leases, chance = Leases(both["LeasesTable"]), random.Random(3)
    turns, marks = Turns(CallSchedule(both["LeasesTable"]), 50), Marks(both["LeasesTable"])
    names, owners = ("customer#acme", "plan#free"), ("run-1", "run-2")
    for now in range(0, 4000, 40):
        name, owner = chance.choice(names), chance.choice(owners)
        held = leases.holder(name) or Lease(name, owner, 1)
        step = chance.choice(
            [
                lambda name=name, owner=owner, now=now: leases.acquire(name, owner, now),
                lambda name=name, owner=owner, now=now: leases.take_over(name, "run-1", owner, now),
                lambda name=name, now=now: leases.request_rerun(name, now),
                lambda name=name, owner=owner: leases.rerun_requested(name, owner),
                lambda held=held: leases.release(held),
                lambda name=name, now=now: marks.claim(f"said#{name}", now),
                lambda n=name, o=owner, now=now: turns.take(n, o, NEW, {CALLS: 40}, now),
                lambda now=now: turns.debit({CALLS: 7}, now),
            ]
        )
        step()


def test_conditions_are_the_same(both: dict[str, Both]) -> None:
    table = both["KeysTable"]
    for number in range(5):
        record = {"customer_id": "acme", "record": f"key#{number}", "n": number, "m": {"a": number}}
        table.put_item(Item=record)
    conditions: list[tuple[str, JSON]] = [
        ("#n < :a AND #m.#a >= :b", {":a": 3, ":b": 1}),
        ("#n = :a OR attribute_not_exists(#n)", {":a": 1}),
        ("NOT begins_with(#record, :a)", {":a": "key#1"}),
        ("#other <> :a", {":a": 1}),
        ("contains(#record, :a)", {":a": "#2"}),
        ("#n BETWEEN :a AND :b", {":a": 1, ":b": 3}),
    ]
    for condition, values in conditions:
        names = {name: name[1:] for name in re.findall(r"#\w+", condition)}
        more = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
        table.scan(FilterExpression=condition, **more)
        where = {"customer_id": "acme", "record": "key#1"}
        for key in (where, where | {"record": "new"}):
            table.query(**in_partition("customer_id", "acme"), Limit=2)
            item = key | {"n": 1, "m": {"a": 1}}
            with suppress(ClientError):
                table.put_item(Item=item, ConditionExpression=condition, **more)
    mine = ("customer_id", "acme", "record")
    table.query(**in_range(*mine, "#range < :operand", "key#2"), ScanIndexForward=False)
    table.query(**in_range(*mine, "begins_with(#range, :operand)", "key#"))


# One of APIs and one of customers, with faults: each request takes moto 15 ms.
HISTORIES = (4, 0)


def methods() -> Iterator[tuple[type, str]]:
    """Every public method of the adapters, with the class that has it."""
    registry = registry_of(Tables().by_name, None)
    adapters = [name for name, made in vars(Registry).items() if isinstance(made, cached_property)]
    for adapter in adapters:
        for kind in type(getattr(registry, adapter)).__mro__:
            for name, found in vars(kind).items():
                is_method = isfunction(found) and not name.startswith("_")
                if is_method and kind.__module__.startswith(tables.__name__):
                    yield kind, name


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The methods of the adapters that were called, filled while a test runs."""
    found: set[str] = set()

    def noted(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            found.add(name)
            return method(*args, **more)

        return call

    for kind, name in set(methods()):
        label = f"{kind.__name__}.{name}"
        monkeypatch.setattr(kind, name, noted(label, getattr(kind, name)))
    return found


def test_every_adapter_is_held_to_moto(called: set[str]) -> None:
    for seed in HISTORIES:
        with mock_aws():
            bench = Bench(policy=policy())
            bench.tables = mirrored(bench.tables)
            bench.account.tables = SimpleNamespace(by_name=bench.tables)
            with bench:
                play(bench, history(seed))
            assert differences(bench.tables) == []
    with mock_aws():
        both = mirrored(Tables().by_name)
        what_no_history_does(registry_of(both, policy_parameter()), 1_795_434_400)
        assert differences(both) == []
    missing = {f"{kind.__name__}.{name}" for kind, name in methods()} - called
    assert missing == set(), "have what_no_history_does() call these"


def what_no_history_does(registry: Registry, now: int) -> None:
    """Call the other methods of the adapters, where conditions are met and where they are not."""
    of_customers(registry)
    of_apis(registry, now)
    of_turns(registry, now)
    of_people(registry, now)
    of_imports(registry, now)
    lease = Lease("customer#coop", "run-1", 2)
    key = KeyRecord("coop", 3, CREATED, key_id="k3", plans=("free",))
    customers, told = registry.customers, {"detail_type": "KeyUnused", "detail": {}}
    record = {"customer_id": "coop", "plan": "free", "status": "active"}
    assert customers.adopt(record, [key], lease, [])
    assert not customers.adopt(record, [key], lease, [])
    customers.save_keys([key], lease)
    assert customers.owner_of("k3") == "coop"
    assert customers.owner_of("k4") is None
    customers.drop_key(key, lease)
    assert customers.last_number("coop") == 0
    heard = registry.drifts.record_event("coop", "e1", {"by": "drift"}, now)
    registry.drifts.record_event("coop", "e2", {"by": "drift"}, now + 0.5)
    for storm in (heard, registry.drifts.of("coop")):
        assert customers.load_keys("coop").storm
        registry.drifts.end("coop", storm or heard)
    assert customers.load_keys("coop").storm is None
    registry.drifts.begin_anew("coop", "e3", {"by": "drift"}, now)
    assert [registry.drifts.count("coop", now + at) for at in (0, 9, 3605)] == [1, 2, 2]
    for at in (now + 9, now + 5, now + 7, now):
        customers.hasten_due("coop", at, now)
    for customer_id in ("coop", "none"):
        customers.postpone_if_due(customer_id, now + 3600)
    of_room(registry, key, now)
    usage = KeyUsage("coop", 3, "k3", "free", "DAY", "2026-11-23", 10, 4, 6, now)
    registry.usage.save_announcing(usage, [told])


def of_customers(registry: Registry) -> None:
    customers, ledger = registry.customers, registry.ledger
    lease, old = Lease("customer#acme", "run-2", 2), Lease("customer#acme", "run-1", 1)
    key = KeyRecord("acme", 1, CREATED, key_id="k1", plans=("free",))
    line = {"subject": "customer#acme", "line": "1", "at": "2026-11-23T10:00:00Z"}
    told = {"detail_type": "KeyIssued", "detail": {"n": 1}}
    customers.save_keys([key], lease, [told], "1", [line])
    with pytest.raises(LeaseLostError):
        customers.save_keys([key], old)
    assert customers.key("acme", 1) is not None
    assert customers.load_keys("acme").outbox
    for at in (5, 9, 7):
        customers.note_dates("acme", {"plan": f"plan-{at}"}, at)
    assert customers.load_keys("acme").dated["plan"].value == "plan-9"
    ledger.append([line, line | {"line": "2"}])
    assert [item["line"] for item in ledger.of("customer#acme", 1)] == ["2"]
    record = {"customer_id": "acme", "plan": "free", "status": "active"}
    assert customers.save_desired(record, None)
    assert not customers.save_desired(record | {"plan": "pro"}, record | {"plan": "other"})
    assert customers.save_desired(record | {"plan": "pro"}, record)
    customers.save_tombstone(key, 1, lease, 9.0, [])
    assert customers.last_number("acme") == 1
    assert customers.load_all().desired


def of_room(registry: Registry, key: KeyRecord, now: int) -> None:
    customers = registry.customers
    for customer_id in ("coop", "acme", "coop"):
        customers.wait_for_room(customer_id, now)
        now += 1
    assert customers.call_for_room(1) == ["coop"]
    customers.has_room("coop")
    assert customers.call_for_room(2) == ["acme"]
    assert customers.end_a_grace(now, "room") is None
    end = End(replaced_by=5, retire_at=now, delete_at=now + 9)
    graced = replace(key, number=4, enabled=False, end=end)
    customers.save_keys([graced], Lease("customer#coop", "run-1", 2))
    assert customers.end_a_grace(now, "room") == "coop"
    assert customers.end_a_grace(now, "room") is None
    assert [registry.leases.note_death("customer#coop", now + n, 30) for n in (0, 9, 30)] == [
        1,
        1,
        2,
    ]
    assert registry.leases.postponed("customer#coop") == 1
    assert registry.leases.acquire("customer#new", "run-9", now)
    assert registry.leases.take_over("customer#new", "run-0", "run-9", now)
    assert not registry.leases.rerun_requested("customer#new", "run-9")
    assert registry.leases.note_death("customer#coop", now + 31, 30) == 1
    assert registry.leases.note_failure("customer#coop", "a", "run 1") == (1, False)
    assert registry.leases.note_failure("customer#coop", "a", "run 1") == (1, False)
    assert registry.leases.note_failure("customer#coop", "a", "run 2") == (2, True)


def of_apis(registry: Registry, now: int) -> None:
    apis, edits = registry.apis, registry.edits
    told = {"detail_type": "ApiHeld", "detail": {"differences": [], "not_compared": []}}
    hold = Hold("prod", "f" * 16)
    apis.hold("api1", hold, told, now)
    apis.remind("api1", hold, told, now + 9)
    assert apis.decide("api1", "prod", hold.fingerprint, "approved")
    assert not apis.decide("api1", "prod", "another", "approved")
    apis.warn("api1", "2026-12-01")
    apis.expose("api1", "prod", "f" * 16, told, now)
    apis.request_rollback("api1", "prod", now)
    apis.begin_rollback("api1", "prod", "d1")
    for when in ("2026-11-23T10:00:00Z", "2026-11-23T09:00:00Z"):
        edits.note("api1", "r1", "GET", Editor("me", "PutMethod", when))
    assert edits.of("api1")["r1", "GET"].when == "2026-11-23T10:00:00Z"
    apis.detached("api1", "prod", "free")
    apis.forget_api("api1")
    registry.storms.mover("api1", "prod")
    registry.policies.answer("f" * 16, "approved", {"by": "console"}, now)
    answered = registry.policies.answered()
    assert answered
    assert answered["mark"] == "f" * 16
    assert not registry.policies.is_next_with(("nosuch",))
    registry.plans.forget("free")
    registry.pending.isolate("free", now)
    registry.plan_stages.add("coop", [("a1b2c3", "prod"), ("a1b2c3", "test")], now)


def test_a_parameter_and_its_versions_are_the_same() -> None:
    with mock_aws():
        stores = (Ssm(VirtualClock(), lambda name, operation: None), boto3.client("ssm"))
        answers = [list(of_parameter(store)) for store in stores]
    assert answers[0] == answers[1]
    assert len(answers[0]) == len(PARAMETER_NAMES) + 3


PARAMETER_NAMES = ("policy", "policy:1", "policy:2", "policy:3", "other", "other:1")


def of_parameter(ssm: Any) -> Iterator[Any]:
    """What a store answers: versions that it gives and values, or the code of a refusal."""
    for value in ("first", "second"):
        put = {"Name": "policy", "Type": "String", "Value": value, "Overwrite": True}
        yield ssm.put_parameter(**put)["Version"]
    for name in PARAMETER_NAMES:
        try:
            found = ssm.get_parameter(Name=name)["Parameter"]
            yield found["Version"], found["Value"]
        except ClientError as error:
            yield error.response["Error"]["Code"]
    ssm.delete_parameter(Name="policy")
    yield ssm.put_parameter(Name="policy", Type="String", Value="third")["Version"]
