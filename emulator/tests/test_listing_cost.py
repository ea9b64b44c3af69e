"""A page of a list costs what it shows, however long the list is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulator.emulator import Emulator
from emulator.model import JSON, ApiKey, Usage, UsagePlan
from emulator.ordered import Ordered

MEMBERS, PAGE = 3000, 100
DATES = {"startDate": "2026-11-20", "endDate": "2026-11-20"}


@pytest.fixture(scope="module")
def emulator() -> Emulator:
    """An account with keys that are all in one plan and were all used."""
    made = Emulator()
    plan = UsagePlan("free", {"apiStages": [], "quota": {"limit": 9, "period": "DAY", "offset": 0}})
    made.state.plans["free"] = plan
    for number in range(MEMBERS):
        key_id, name = f"key{number:07d}", f"customer-{number * 7919 % MEMBERS:04d}/1"
        settings = {"id": key_id, "name": name, "enabled": True}
        made.state.add_key(ApiKey(key_id, f"a-value-of-a-key-{number:06d}", settings))
        plan.key_ids[key_id] = None
        made.state.usage["free", key_id] = Usage(used={"2026-11-20": 1})
    return made


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every look at a member of a list."""
    found: list[Any] = []
    read: Callable[[Any, Any], Any] = Ordered.__getitem__

    def counted(self: Any, key: Any) -> Any:
        found.append(key)
        return read(self, key)

    monkeypatch.setattr(Ordered, "__getitem__", counted)
    return found


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("GetApiKeys", {}),
        ("GetApiKeys", {"nameQuery": "customer-"}),
        ("GetUsagePlanKeys", {"usagePlanId": "free"}),
        ("GetUsage", {"usagePlanId": "free", **DATES}),
    ],
)
def test_a_page_reads_no_more_members_than_it_shows(
    emulator: Emulator, reads: list[Any], operation: str, params: JSON
) -> None:
    shown, position = 0, {}
    for _ in range(MEMBERS // PAGE):
        reads.clear()
        answer = emulator.call(operation, {"limit": PAGE} | params | position)
        position = {"position": answer["position"]} if "position" in answer else {}
        shown += len(answer["items"])
        assert len(reads) <= 3 * (PAGE + 1)

    assert (shown, position) == (MEMBERS, {})


def test_a_search_by_name_reads_only_what_it_finds(emulator: Emulator, reads: list[Any]) -> None:
    answer = emulator.call("GetApiKeys", {"nameQuery": "customer-0042/"})

    assert ([key["name"] for key in answer["items"]], len(reads)) == (["customer-0042/1"], 2)


def test_a_renamed_key_is_listed_by_its_new_name() -> None:
    emulator = Emulator()
    made = emulator.call("CreateApiKey", {"name": "before"})
    patch = {"op": "replace", "path": "/name", "value": "after"}
    emulator.call("UpdateApiKey", {"apiKey": made["id"], "patchOperations": [patch]})

    assert emulator.call("GetApiKeys", {"nameQuery": "before"})["items"] == []
    assert len(emulator.call("GetApiKeys", {"nameQuery": "after"})["items"]) == 1
