from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given

from keyward.customers.key import (
    CREATED,
    End,
    Grant,
    Journal,
    KeyRecord,
    Quota,
    Succession,
)
from keyward.customers.key_item import key_item, key_of
from tests.customers.test_plan_settles import records

# An item with every attribute that an earlier edition wrote, as DynamoDB gives it back.
OLD: dict[str, Any] = {
    "customer_id": "acme",
    "record": "key#2",
    "fence": Decimal(3),
    "state": "CREATED",
    "tried_at": Decimal(5),
    "key_id": "k2",
    "plan": "free",
    "attached_at": Decimal(6),
    "created_at": Decimal(7),
    "enabled": False,
    "moving_to": "pro",
    "refused": "gold",
    "switching": True,
    "reason": "yearly",
    "called": "legacy",
    "rotation": Decimal(8),
    "replaces": Decimal(1),
    "overlap": Decimal(9),
    "grace": Decimal(10),
    "cause": "age",
    "replaced_by": Decimal(0),
    "retire_at": Decimal(11),
    "delete_at": Decimal(12),
    "stays": True,
    "told_days": Decimal(7),
    "told_expiry": Decimal(13),
    "extended": Decimal(14),
    "granted": Decimal(15),
    "extending": Decimal(16),
    "extending_to": Decimal(17),
    "extending_for": "free 2026-11-23",
}


def test_an_item_of_an_earlier_edition_is_read_whole() -> None:
    assert key_of(OLD) == KeyRecord(
        "acme",
        2,
        CREATED,
        key_id="k2",
        custom_name="legacy",
        created_at=7,
        plans=("free",),
        attached_at=6,
        enabled=False,
        reason="yearly",
        journal=Journal(5, "pro", "free", True, Grant(16, 17, "free 2026-11-23"), "gold"),
        succession=Succession(8, 1, 9, 10, "age"),
        end=End(0, 11, 12, True, 7, 13),
        quota=Quota(14, 15),
    )


def test_a_record_is_written_with_the_attributes_of_earlier_editions() -> None:
    written = {name: OLD[name] for name in OLD if name != "fence"} | {"leaving": "free"}
    assert key_item(key_of(OLD)) == written


def test_an_item_with_the_first_attributes_only_is_read() -> None:
    item = {"customer_id": "acme", "record": "key#1", "state": "CREATING", "tried_at": Decimal(5)}
    assert key_of(item) == KeyRecord("acme", 1, "CREATING", journal=Journal(5))


@given(records())
def test_every_record_survives_the_table(keys: tuple[KeyRecord, ...]) -> None:
    assert tuple(key_of(key_item(key)) for key in keys) == keys
