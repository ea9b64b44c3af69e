"""Ten thousand keys: what an audit of them costs, and that it finds the few that are wrong."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from unittest import mock

import pytest

from emulator.model import ApiKey
from keyward.aws.tables.customers import AccountRecords
from keyward.customers.key import CREATED, KeyRecord
from keyward.customers.model import KeyRecords
from keyward.values import JSON
from tests.machines.audit_lab import AuditLab

MANY = 10_000
OF_A_PLAN = MANY // 2
PAGE = 500


def filled(account: AuditLab) -> tuple[list[JSON], dict[str, KeyRecords]]:
    """Customers with a key each, in two plans. The records are handed over as they would be read:
    writing twenty thousand items takes longer than everything that is measured here."""
    account.life.known_plans("free", "pro")
    state = account.lab.bench.emulator.state
    plans = {plan.settings["name"]: plan for plan in state.plans.values()}
    records, known = [], {}
    for number in range(MANY):
        customer_id, plan = f"customer-{number:05d}", ("free", "pro")[number % 2]
        key_id, name = f"key{number:07d}", f"{customer_id}/1"
        settings = {"id": key_id, "name": name, "customerId": customer_id, "enabled": True}
        times = {"createdDate": 1, "lastUpdatedDate": 1, "stageKeys": []}
        state.add_key(ApiKey(key_id, f"{number:040d}", settings | times))
        plans[plan].key_ids[key_id] = None
        records.append({"customer_id": customer_id, "plan": plan, "status": "active"})
        key = KeyRecord(customer_id, 1, CREATED, key_id=key_id, plans=(plan,))
        known[customer_id] = KeyRecords(keys=(key,))
    account.lab.bench.clock.advance(60)
    account.lab.forget()
    return records, known


@pytest.fixture
def many(account: AuditLab) -> Iterator[AuditLab]:
    """An account with all of them."""
    read = filled(account)
    customers = account.lab.bench.registry.customers
    with mock.patch.object(type(customers), "load_all", return_value=AccountRecords(*read, {})):
        yield account


def harmed(account: AuditLab) -> None:
    """One key is deleted, one disabled, one taken out of its plan, one put into the other one."""
    state = account.lab.bench.emulator.state
    free, pro = sorted(state.plans.values(), key=lambda plan: str(plan.settings["name"]))
    state.remove_key("key0000000")
    state.keys["key0000002"].settings["enabled"] = False
    del free.key_ids["key0000004"]
    del free.key_ids["key0000006"]
    pro.key_ids["key0000006"] = None


@pytest.mark.sizes
def test_ten_thousand_keys_are_audited_within_the_budget_and_soon(many: AuditLab) -> None:
    harmed(many)
    began = time.process_time()
    execution = many.run()
    assert time.process_time() - began < 10
    assert execution.output["keys"] == MANY - 1
    assert execution.output["findings"] == {
        "key_disabled": 1,
        "key_gone": 1,
        "key_without_plan": 2,
        "keys_near_limit": 1,
    }
    calls = Counter(many.lab.bench.operations())
    assert calls["GetApiKeys"] <= MANY / PAGE + 1
    assert calls["GetUsagePlanKeys"] <= 2 * (OF_A_PLAN / PAGE + 1)
    assert sum(calls.values()) <= MANY / PAGE + 2 * (OF_A_PLAN / PAGE) + 5
    assert many.lab.calls()[1] == []
    assert execution.states.count("Wait for the share of the calls") <= 2
