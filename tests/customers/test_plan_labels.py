"""Labels and adoption, keys of an age, and plan changes by successor, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyward.customers.key import End, Labels
from keyward.customers.key import Succession as Place
from keyward.values import DAY
from tests.customers.plan_cases import (
    ACME,
    BOTH,
    BY_SUCCESSOR,
    HALF,
    ISSUED,
    LEAVING,
    NEW,
    NOW,
    OLD,
    ROTATED,
    TWO,
    Case,
    case,
    key,
    steps,
)

CASES: dict[str, tuple[Case, list[str]]] = {
    "age": (
        case(replace(ACME, plans=("aged",)), OLD),
        [
            "create_key 2 reason=age replaces=1 overlap=48h grace=24h",
            "attach_key 2 aged",
            "carry_quota_over 2 replaces=1",
        ],
    ),
    "age tomorrow": (
        case(replace(ACME, plans=("aged",)), replace(OLD, created_at=NOW - 89 * DAY)),
        ["announce_expiry 1 days=7 expires_at=now+259200"],
    ),
    "age in the other plan": (
        case(
            replace(ACME, plans=("free", "aged")), key(1, "free", "aged", created_at=NOW - 91 * DAY)
        ),
        [
            "create_key 2 reason=age replaces=1 overlap=48h grace=24h plans=['free', 'aged']",
            "attach_key 2 free",
            "attach_key 2 aged",
            "carry_quota_over 2 replaces=1",
        ],
    ),
    "expiry in 7": (
        case(replace(ACME, plans=("aged",)), replace(OLD, created_at=NOW - 85 * DAY)),
        ["announce_expiry 1 days=7 expires_at=now+604800"],
    ),
    "expiry noticed": (
        case(
            replace(ACME, plans=("aged",)),
            replace(
                OLD, created_at=NOW - 85 * DAY, end=End(notice_days=7, notice_expiry=NOW + 7 * DAY)
            ),
        ),
        [],
    ),
    "by successor": (
        case(replace(ACME, plans=("maps",)), ISSUED, policy=BY_SUCCESSOR),
        [
            "create_key 2 reason=plan change replaces=1 overlap=48h grace=24h",
            "attach_key 2 maps",
            "carry_quota_over 2 replaces=1",
        ],
    ),
    "plan_key successor": (
        case(replace(ACME, plans=("maps",), plan_key="successor"), ISSUED),
        [
            "create_key 2 reason=plan change replaces=1 overlap=48h grace=24h",
            "attach_key 2 maps",
            "carry_quota_over 2 replaces=1",
        ],
    ),
    "plan_key in place": (
        case(replace(ACME, plans=("maps",), plan_key="in_place"), ISSUED, policy=BY_SUCCESSOR),
        ["move_key 1 maps from=free"],
    ),
    "by successor under way": (
        case(
            replace(ACME, plans=("maps",)),
            ISSUED,
            key(2, "maps", succession=Place(replaces=1, overlap=DAY)),
            policy=BY_SUCCESSOR,
        ),
        ["carry_quota_over 2 replaces=1", "announce_expiry 1 days=1"],
    ),
    "by successor, one more": (case(BOTH, ISSUED, policy=BY_SUCCESSOR), ["attach_key 1 maps"]),
    "by successor, retiring": (
        case(replace(ACME, plans=("maps",)), LEAVING, key(2, "maps"), policy=BY_SUCCESSOR),
        ["announce_expiry 1 days=1 expires_at=now+86400"],
    ),
    "by successor, moving": (
        case(
            replace(ACME, plans=("maps",)),
            ISSUED.with_journal(plan="aged", leaving="free"),
            policy=BY_SUCCESSOR,
        ),
        ["detach_key 1 aged", "move_key 1 maps from=free"],
    ),
    "by successor half": (case(HALF, ISSUED, policy=BY_SUCCESSOR), ["attach_key 1 maps"]),
    "adopts": (
        case(replace(ACME, key_id="abc")),
        ["adopt_key 1 key_id=abc plans=['free']", "enable_key 1", "attach_key 1 free"],
    ),
    "adopts into both": (
        case(replace(BOTH, key_id="abc", keys=2)),
        [
            "adopt_key 1 plans=['free', 'maps'] key_id=abc",
            "enable_key 1",
            "attach_key 1 free",
            "attach_key 1 maps",
            "create_key 2 plans=['free', 'maps']",
            "attach_key 2 free",
            "attach_key 2 maps",
        ],
    ),
    "adopts beside": (
        case(replace(TWO, key_id="abc"), ISSUED),
        ["adopt_key 2 key_id=abc plans=['free']", "enable_key 2", "attach_key 2 free"],
    ),
    "adopts no room": (case(replace(ACME, key_id="abc"), ISSUED), []),
    "adopts no room for a successor": (
        case(replace(ROTATED, key_id="abc"), ISSUED),
        [
            "create_key 2 reason=cleaning rotation=now-60 replaces=1 overlap=48h grace=24h",
            "attach_key 2 free",
            "carry_quota_over 2 replaces=1 rotation=now-60",
        ],
    ),
    "adopts, first in the making": (
        case(replace(TWO, key_id="abc"), NEW),
        [
            "create_key 1",
            "attach_key 1 free",
            "adopt_key 2 key_id=abc plans=['free']",
            "enable_key 2",
            "attach_key 2 free",
        ],
    ),
    "labels": (
        case(
            replace(ACME, description="Acme", tags={"team": "blue"}),
            replace(ISSUED, labels=Labels(None, {})),
        ),
        ["label_key 1 description=Acme tags={'team': 'blue'}"],
    ),
    "labels same": (
        case(replace(ACME, description="Acme"), replace(ISSUED, labels=Labels("Acme", {}))),
        [],
    ),
    "labels gone": (
        case(ACME, replace(ISSUED, labels=Labels("Acme", {"a": "b"}))),
        ["label_key 1 description= tags={}"],
    ),
    "labels unknown": (
        case(replace(ACME, description="Acme", labels_at=NOW - 10 * DAY), ISSUED),
        [],
    ),
    "labels later": (
        case(replace(ACME, description="Acme", labels_at=NOW - 9 * DAY), ISSUED),
        ["label_key 1 description=Acme tags={}"],
    ),
    "labels of those that retire": (
        case(
            replace(ACME, description="Acme"),
            replace(LEAVING, labels=Labels("x", {})),
            replace(key(2), labels=Labels("Acme", {})),
        ),
        ["announce_expiry 1 days=1 expires_at=now+86400"],
    ),
    "labels in the making": (
        case(replace(ACME, description="Acme"), replace(NEW, labels=Labels("x", {}))),
        ["create_key 1", "attach_key 1 free"],
    ),
    "bad tag": (
        case(replace(ACME, tags={"aws:a": "b"})),
        ["create_key 1", "attach_key 1 free reason=left out of the key's tags"],
    ),
    "bad tag issued": (case(replace(BOTH, tags={"aws:a": "b"}), ISSUED), ["attach_key 1 maps"]),
    "labels of a key of unknown age": (
        case(replace(ACME, description="Acme"), key(created_at=None)),
        [],
    ),
    "by successor, joining": (
        case(replace(ACME, plans=("maps",)), ISSUED.with_journal(plan="aged"), policy=BY_SUCCESSOR),
        ["detach_key 1 aged", "move_key 1 maps from=free"],
    ),
    "by successor, leaving": (
        case(
            replace(ACME, plans=("maps",)), ISSUED.with_journal(leaving="free"), policy=BY_SUCCESSOR
        ),
        ["move_key 1 maps from=free"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_plan_is_these_actions_in_this_order(name: str) -> None:
    (customer, keys, more), expected = CASES[name]
    assert steps(customer, *keys, **more) == expected
