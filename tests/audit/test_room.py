"""How much room the account has for keys: what the audit and the report say of it."""

from __future__ import annotations

import pytest

from keyward.audit import room
from keyward.audit.customers import RECONCILE
from keyward.audit.model import Finding
from keyward.aws.gateway import GatewayKey
from keyward.customers.key import CREATED, KeyRecord
from keyward.customers.model import KeyRecords

NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z
DAY = 86_400


def keys(old: int, new: int) -> list[GatewayKey]:
    ages = [100] * old + [n % 30 for n in range(new)]
    return [GatewayKey(f"k{n}", "", True, None, NOW - age * DAY) for n, age in enumerate(ages)]


@pytest.mark.parametrize(
    ("old", "new", "severity", "says"),
    [
        (100, 0, None, ""),
        (7_000, 30, None, ""),
        (8_500, 0, "low", "8,500 of 10,000 API keys of the account"),
        (6_000, 1_500, "low", "at today's pace full on 2026-02-20"),
        (8_000, 1_500, "high", "at today's pace full on 2026-01-11"),
        (9_000, 1_000, "high", "all 10,000 API keys of the account are in use"),
    ],
)
def test_the_audit_says_when_the_account_is_full(
    old: int, new: int, severity: str | None, says: str
) -> None:
    found = room.of_room(keys(old, new), [], NOW)
    assert [finding.severity for finding in found] == ([severity] if severity else [])
    assert all(says in finding.says for finding in found)


def test_a_successor_takes_the_place_of_a_key_and_is_no_growth() -> None:
    there = keys(7_000, 3_000)[:9_000]
    records = [
        KeyRecord("c", 2, CREATED, key.key_id) for key in there if key.created_at > NOW - 30 * DAY
    ]
    assert room.full_on(there, [], NOW) is not None
    assert room.full_on(there, records, NOW) is None


def test_a_full_account_starts_no_run_for_those_who_wait_but_for_whom_there_is_room() -> None:
    names = ["late", "first", "other", "second"]
    waits = {"late": 30, "first": 10, "second": 20, "other": None}
    records = {name: KeyRecords(waits_since=at) for name, at in waits.items()}
    found = [Finding("customer_without_key", "high", "no key", RECONCILE, name) for name in names]
    for left, served in ((0, {"other"}), (1, {"other", "first"}), (9, set(names))):
        after = room.of_waiting(found, records, room.MAX_KEYS - left)
        assert {one.customer_id for one in after if one.mended_by} == served
        assert all(one.remedy for one in after if not one.mended_by)
