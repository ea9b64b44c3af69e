from __future__ import annotations

from tests.audit.test_adopt import adopted, customers, old_key
from tests.machines.audit_lab import AuditLab


def test_a_key_in_several_plans_is_adopted_with_all_of_them_and_no_write(
    account: AuditLab,
) -> None:
    key_id = old_key(account, "free", "pro", customerId="acme")
    assert adopted(account) == 1
    assert {*customers(account)["acme"]["plans"]} == {"free", "pro"}
    [record] = account.life.records()
    assert (record.key_id, {*record.plans}) == (key_id, {"free", "pro"})
    assert account.findings() == []


def test_a_key_in_more_plans_than_its_record_names_is_left_and_says_why(
    account: AuditLab,
) -> None:
    old_key(account, "free", "pro", customerId="acme")
    stored = {"customer_id": "acme", "plan": "free", "status": "active"}
    account.lab.bench.tables["CustomersTable"].put_item(Item=stored)
    [found] = [one for one in account.findings(adopt=True) if one["kind"] == "key_by_hand"]
    assert "would do detach_key" in found["helps"]
