"""Keys too many and too few, customers that are not active, and extensions, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyward.customers.billing import Billing
from keyward.customers.key import CREATING, Journal
from keyward.customers.key import Succession as Place
from keyward.values import DAY
from tests.customers.plan_cases import (
    ACME,
    ASKED,
    BOTH,
    BY_SUCCESSOR,
    DEAD,
    GOLD,
    GONE,
    HEIR,
    ISSUED,
    LEAK,
    LEAKED,
    LEAVING,
    MORE,
    NEW,
    NOW,
    OFF,
    TWO,
    Case,
    case,
    key,
    steps,
)

CASES: dict[str, tuple[Case, list[str]]] = {
    "too many": (
        case(ACME, ISSUED, key(2)),
        ["disable_key 2 reason=fewer keys retire=True replaced_by=0 grace=24h"],
    ),
    "too many, off": (
        case(ACME, replace(OFF, reason="x"), key(2)),
        ["disable_key 2 reason=fewer keys retire=True replaced_by=0 grace=24h", "enable_key 1"],
    ),
    "too many, one in the making": (
        case(ACME, ISSUED, key(2, state=CREATING)),
        ["delete_key 2 retired=True"],
    ),
    "too many, leaked": (
        case(LEAKED, key(1, succession=Place(rotation=NOW)), key(2)),
        ["delete_key 2 retired=True"],
    ),
    "too many, dead": (case(ACME, ISSUED, replace(DEAD, number=2)), ["delete_key 2 retired=True"]),
    "too many, first not issued": (
        case(ACME, key(journal=Journal(awaited=("free",))), key(2)),
        ["disable_key 1 reason=fewer keys retire=True replaced_by=0 grace=24h"],
    ),
    "too many, first dead": (case(ACME, DEAD, key(2)), ["delete_key 1 retired=True"]),
    "too many, with heirs": (
        case(
            ACME,
            ISSUED,
            key(2),
            replace(HEIR, number=3, key_id="id3", succession=Place(replaces=2)),
        ),
        [
            "disable_key 1 reason=fewer keys retire=True replaced_by=0 grace=24h",
            "carry_quota_over 3 replaces=2",
        ],
    ),
    "too many, heir of first": (
        case(
            TWO,
            ISSUED,
            key(2),
            key(3),
            replace(HEIR, number=4, key_id="id4", succession=Place(replaces=3)),
        ),
        [
            "disable_key 2 reason=fewer keys retire=True replaced_by=0 grace=24h",
            "carry_quota_over 4 replaces=3",
        ],
    ),
    "orphaned heir": (case(ACME, HEIR), ["carry_quota_over 2"]),
    "orphaned heir in the making": (
        case(ACME, replace(HEIR, state=CREATING, plans=(), key_id=None)),
        ["create_key 2", "attach_key 2 free", "carry_quota_over 2"],
    ),
    "orphaned heirs too many": (
        case(ACME, HEIR, replace(HEIR, number=3, key_id="id3", succession=Place(replaces=9))),
        ["delete_key 3 retired=True", "carry_quota_over 2"],
    ),
    "orphaned heir and key": (
        case(ACME, key(3), HEIR),
        [
            "disable_key 3 reason=fewer keys retire=True replaced_by=0 grace=24h",
            "carry_quota_over 2",
        ],
    ),
    "orphaned, plan unknown": (case(GOLD, HEIR), []),
    "none wanted": (
        case(replace(ACME, keys=0), ISSUED),
        ["disable_key 1 reason=fewer keys retire=True replaced_by=0 grace=24h"],
    ),
    "two wanted": (case(TWO, ISSUED, last_number=2), ["create_key 3", "attach_key 3 free"]),
    "two wanted, rotated": (
        case(replace(TWO, rotation=ASKED), ISSUED),
        [
            "create_key 2 reason=cleaning rotation=now-60 replaces=1 overlap=48h grace=24h",
            "attach_key 2 free",
            "carry_quota_over 2 replaces=1 rotation=now-60",
            "create_key 3 rotation=now-60",
            "attach_key 3 free",
        ],
    ),
    "suspended": (
        case(
            replace(ACME, status="suspended", status_reason="fraud"), ISSUED, replace(OFF, number=2)
        ),
        ["disable_key 1 reason=fraud"],
    ),
    "suspended in the making": (
        case(replace(ACME, status="suspended", status_reason="fraud"), NEW),
        ["create_key 1 existing=True", "disable_key 1 reason=fraud"],
    ),
    "suspended in doubt": (
        case(replace(ACME, status="suspended"), OFF.with_journal(enabled=True)),
        ["disable_key 1"],
    ),
    "suspended leaked": (
        case(replace(LEAKED, status="suspended"), ISSUED),
        ["disable_key 1 reason=leaked it retire=True"],
    ),
    "suspended leaked in overlap": (
        case(replace(LEAKED, status="suspended"), LEAVING, key(2)),
        ["delete_key 1 reason=leaked retired=True", "disable_key 2 reason=leaked it retire=True"],
    ),
    "suspended leaked dead": (case(replace(LEAKED, status="suspended"), DEAD), []),
    "suspended leaked and made": (
        case(replace(LEAKED, status="suspended"), NEW),
        ["create_key 1 existing=True", "disable_key 1"],
    ),
    "suspended grace over": (
        case(replace(ACME, status="suspended"), GONE, key(2)),
        ["delete_key 1 retired=True", "disable_key 2"],
    ),
    "closed": (
        case(
            replace(ACME, status="closed", status_reason="left"), ISSUED, replace(LEAVING, number=2)
        ),
        ["delete_key 1 reason=left", "delete_key 2 reason=left"],
    ),
    "before sign-up leaked": (
        case(replace(LEAKED, plans=()), ISSUED),
        ["disable_key 1 reason=leaked it retire=True"],
    ),
    "before sign-up": (case(replace(ACME, plans=()), ISSUED), []),
    "owed": (
        case(replace(BOTH, billing=Billing((NOW - 8 * DAY,))), key(1, "maps")),
        ["move_key 1 free from=maps reason=payment failed"],
    ),
    "owed two": (
        case(
            replace(ACME, plans=("aged", "maps"), billing=Billing((NOW - 8 * DAY,))),
            key(1, "aged", "maps"),
        ),
        ["detach_key 1 maps", "move_key 1 free from=aged reason=payment failed"],
    ),
    "owed long": (
        case(replace(ACME, billing=Billing((NOW - 30 * DAY,))), ISSUED),
        ["disable_key 1 reason=payment failed"],
    ),
    "extension": (
        case(replace(ACME, plans=("maps",), extensions=(MORE,)), key(1, "maps")),
        ["extend_quota 1 maps extensions=[500]"],
    ),
    "extension of two": (
        case(replace(BOTH, extensions=(MORE, replace(MORE, taken=NOW))), key(1, "free", "maps")),
        ["extend_quota 1 maps extensions=[500, 500]"],
    ),
    "extension of a new key": (
        case(replace(ACME, plans=("maps",), extensions=(MORE,))),
        ["create_key 1", "attach_key 1 maps", "extend_quota 1 maps extensions=[500]"],
    ),
    "extension of a moving key": (
        case(replace(ACME, plans=("maps",), extensions=(MORE,)), ISSUED),
        ["move_key 1 maps from=free", "extend_quota 1 maps extensions=[500]"],
    ),
    "extension of a joining key": (
        case(replace(BOTH, extensions=(MORE,)), ISSUED),
        ["attach_key 1 maps", "extend_quota 1 maps extensions=[500]"],
    ),
    "extension without a quota": (case(replace(ACME, extensions=(MORE,)), ISSUED), []),
    "extension of a key that ends": (
        case(replace(ACME, plans=("maps",), extensions=(MORE,)), key(1, "maps"), key(2, "maps")),
        [
            "extend_quota 1 maps extensions=[500]",
            "disable_key 2 reason=fewer keys retire=True replaced_by=0 grace=24h",
        ],
    ),
    "extension of a replaced key": (
        case(
            replace(ACME, plans=("maps",), extensions=(MORE,)),
            replace(LEAVING, plans=("maps",)),
            key(2, "maps"),
        ),
        ["extend_quota 2 maps extensions=[500]", "announce_expiry 1 days=1 expires_at=now+86400"],
    ),
    "extension with an heir": (
        case(replace(ACME, plans=("maps",), rotation=ASKED, extensions=(MORE,)), key(1, "maps")),
        [
            "extend_quota 1 maps extensions=[500]",
            "create_key 2 reason=cleaning rotation=now-60 replaces=1 overlap=48h grace=24h",
            "attach_key 2 maps",
            "carry_quota_over 2 replaces=1 rotation=now-60",
        ],
    ),
    "extension with an heir there": (
        case(
            replace(ACME, plans=("maps",), rotation=ASKED, extensions=(MORE,)),
            key(1, "maps"),
            replace(HEIR, plans=("maps",)),
        ),
        [
            "extend_quota 1 maps extensions=[500]",
            "carry_quota_over 2 replaces=1 rotation=now-60",
            "announce_expiry 1 days=1",
        ],
    ),
    "extension of the leaked": (
        case(
            replace(ACME, plans=("maps",), rotation=LEAK, extensions=(MORE,)),
            replace(DEAD, plans=("maps",)),
        ),
        [
            "create_key 2 reason=leaked rotation=now-60 replaces=1 overlap=0h grace=0h",
            "attach_key 2 maps",
            "carry_quota_over 2 replaces=1 rotation=now-60",
            "delete_key 1 retired=True",
        ],
    ),
    "extension old": (
        case(
            replace(ACME, plans=("maps",), extensions=(replace(MORE, requested_at=NOW - DAY),)),
            key(1, "maps"),
        ),
        [],
    ),
    "extension by successor": (
        case(replace(ACME, plans=("maps",), extensions=(MORE,)), ISSUED, policy=BY_SUCCESSOR),
        [
            "create_key 2 reason=plan change replaces=1 overlap=48h grace=24h",
            "attach_key 2 maps",
            "carry_quota_over 2 replaces=1",
        ],
    ),
    "extension recorded in the making": (
        case(replace(ACME, plans=("maps",), extensions=(MORE,)), NEW),
        ["create_key 1", "attach_key 1 maps", "extend_quota 1 maps extensions=[500]"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_plan_is_these_actions_in_this_order(name: str) -> None:
    (customer, keys, more), expected = CASES[name]
    assert steps(customer, *keys, **more) == expected
