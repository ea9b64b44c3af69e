"""How a key is rotated, and what follows a leak, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyward.customers.key import CREATING, Journal
from keyward.customers.key import Succession as Place
from keyward.customers.rotation import RotationRequest
from tests.customers.plan_cases import (
    ACME,
    ASKED,
    BOTH,
    DEAD,
    GOLD,
    HASTY,
    HEIR,
    ISSUED,
    LEAKED,
    LEAVING,
    NOW,
    ROTATED,
    WEEK,
    Case,
    case,
    key,
    steps,
)

CASES: dict[str, tuple[Case, list[str]]] = {
    "rotation": (
        case(ROTATED, ISSUED),
        [
            "create_key 2 reason=cleaning rotation=now-60 replaces=1 overlap=48h grace=24h",
            "attach_key 2 free",
            "carry_quota_over 2 replaces=1 rotation=now-60",
        ],
    ),
    "rotation in two plans": (
        case(replace(BOTH, rotation=ASKED), key(1, "free", "maps")),
        [
            "create_key 2 reason=cleaning rotation=now-60 replaces=1 overlap=48h grace=24h "
            "plans=['free', 'maps']",
            "attach_key 2 free",
            "attach_key 2 maps",
            "carry_quota_over 2 replaces=1 rotation=now-60",
        ],
    ),
    "rotation answered": (case(ROTATED, key(succession=Place(rotation=NOW - 60))), []),
    "rotation without overlap": (
        case(replace(ACME, rotation=replace(ASKED, overlap_hours=0)), ISSUED),
        [
            "create_key 2 reason=cleaning rotation=now-60 replaces=1 overlap=0.0333333h grace=0h",
            "attach_key 2 free",
            "carry_quota_over 2 replaces=1 rotation=now-60",
        ],
    ),
    "rotation without overlap or propagation": (
        case(replace(ACME, rotation=ASKED), ISSUED, policy=HASTY),
        [
            "create_key 2 reason=cleaning rotation=now-60 replaces=1 overlap=0.0333333h grace=0h",
            "attach_key 2 free",
            "carry_quota_over 2 replaces=1 rotation=now-60",
        ],
    ),
    "rotation with a week": (
        case(ROTATED, ISSUED, policy=WEEK),
        [
            "create_key 2 reason=cleaning rotation=now-60 replaces=1 overlap=168h grace=24h",
            "attach_key 2 free",
            "carry_quota_over 2 replaces=1 rotation=now-60",
            "announce_expiry 1 days=7",
        ],
    ),
    "rotation under way": (
        case(ROTATED, ISSUED, HEIR),
        ["carry_quota_over 2 replaces=1 rotation=now-60", "announce_expiry 1 days=1"],
    ),
    "rotation under way, heir in the making": (
        case(ROTATED, ISSUED, replace(HEIR, state=CREATING, plans=(), key_id=None)),
        [
            "create_key 2",
            "attach_key 2 free rotation=now-60",
            "carry_quota_over 2 replaces=1 rotation=now-60",
            "announce_expiry 1 days=1",
        ],
    ),
    "rotation under way, heir off": (
        case(ROTATED, ISSUED, replace(HEIR, enabled=False)),
        [
            "enable_key 2",
            "carry_quota_over 2 replaces=1 rotation=now-60",
            "announce_expiry 1 days=1",
        ],
    ),
    "rotation of two": (
        case(replace(ROTATED, keys=2), ISSUED, key(2), last_number=3),
        [
            "create_key 4 reason=cleaning rotation=now-60 replaces=1 overlap=48h grace=24h",
            "attach_key 4 free",
            "carry_quota_over 4 replaces=1 rotation=now-60",
            "create_key 5 reason=cleaning rotation=now-60 replaces=2 overlap=48h grace=24h",
            "attach_key 5 free",
            "carry_quota_over 5 replaces=2 rotation=now-60",
        ],
    ),
    "rotation of an unknown plan": (case(replace(GOLD, rotation=ASKED), ISSUED), []),
    "rotation of a key not issued": (
        case(ROTATED, key(journal=Journal(awaited=("free",)))),
        ["attach_key 1 free rotation=now-60"],
    ),
    "rotation within an overlap": (
        case(
            replace(ACME, rotation=replace(ASKED, requested_at=NOW - 30)),
            LEAVING,
            key(2, succession=Place(rotation=NOW - 60)),
        ),
        [
            "announce_expiry 1 days=1 expires_at=now+86400",
            "create_key 3 reason=cleaning rotation=now-30 replaces=2 overlap=0h grace=0h",
            "attach_key 3 free",
            "carry_quota_over 3 replaces=2 in_use=1 rotation=now-30",
            "disable_key 2",
            "delete_key 2 retired=True",
        ],
    ),
    "rotation shortly before an end": (
        case(
            replace(ACME, rotation=replace(ASKED, requested_at=NOW - 30)),
            LEAVING.with_end(retire_at=NOW + 60),
            key(2, succession=Place(rotation=NOW - 60)),
        ),
        ["announce_expiry 1 days=1 expires_at=now+60"],
    ),
    "second successor": (
        case(
            replace(ACME, rotation=replace(ASKED, requested_at=NOW - 30)),
            LEAVING,
            key(2, succession=Place(rotation=NOW - 60)),
            replace(HEIR, number=3, key_id="id3", succession=Place(rotation=NOW - 30, replaces=2)),
        ),
        [
            "announce_expiry 1 days=1 expires_at=now+86400",
            "carry_quota_over 3 replaces=2 in_use=1 rotation=now-30",
            "disable_key 2",
            "delete_key 2 retired=True",
        ],
    ),
    "leaked": (
        case(LEAKED, ISSUED),
        [
            "disable_key 1 reason=leaked it retire=True",
            "create_key 2 reason=leaked it rotation=now-60 replaces=1 overlap=0h grace=0h",
            "attach_key 2 free",
            "carry_quota_over 2 replaces=1 rotation=now-60",
            "delete_key 1 retired=True",
        ],
    ),
    "leaked without reason": (
        case(replace(ACME, rotation=RotationRequest(NOW - 60, says_leaked=True)), ISSUED),
        [
            "disable_key 1 reason=leaked retire=True",
            "create_key 2 reason=leaked rotation=now-60 replaces=1 overlap=0h grace=0h",
            "attach_key 2 free",
            "carry_quota_over 2 replaces=1 rotation=now-60",
            "delete_key 1 retired=True",
        ],
    ),
    "leaked disabled": (
        case(LEAKED, DEAD),
        [
            "create_key 2 reason=leaked rotation=now-60 replaces=1 overlap=0h grace=0h",
            "attach_key 2 free",
            "carry_quota_over 2 replaces=1 rotation=now-60",
            "delete_key 1 retired=True",
        ],
    ),
    "leaked not yet off": (
        case(LEAKED, replace(DEAD, enabled=True)),
        [
            "disable_key 1 reason=leaked retire=True",
            "create_key 2 reason=leaked rotation=now-60 replaces=1 overlap=0h grace=0h",
            "attach_key 2 free",
            "carry_quota_over 2 replaces=1 rotation=now-60",
            "delete_key 1 retired=True",
        ],
    ),
    "leaked with heir": (
        case(LEAKED, DEAD, HEIR),
        ["carry_quota_over 2 replaces=1 rotation=now-60", "delete_key 1 retired=True"],
    ),
    "leaked plan unknown": (
        case(replace(LEAKED, plans=("gold",)), ISSUED),
        ["disable_key 1 reason=leaked it retire=True"],
    ),
    "leaked in overlap": (
        case(LEAKED, LEAVING, key(2)),
        [
            "delete_key 1 reason=leaked retired=True",
            "disable_key 2 reason=leaked it retire=True",
            "create_key 3 reason=leaked it rotation=now-60 replaces=2 overlap=0h grace=0h",
            "attach_key 3 free",
            "carry_quota_over 3 replaces=2 in_use=1 rotation=now-60",
            "delete_key 2 retired=True",
        ],
    ),
    "leaked in full account": (
        case(LEAKED, DEAD, is_full=True),
        ["delete_key 1 retired=True", "create_key 2 rotation=now-60", "attach_key 2 free"],
    ),
    "full account": (case(ACME, ISSUED, is_full=True), []),
}


@pytest.mark.parametrize("name", CASES)
def test_the_plan_is_these_actions_in_this_order(name: str) -> None:
    (customer, keys, more), expected = CASES[name]
    assert steps(customer, *keys, **more) == expected
