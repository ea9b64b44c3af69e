"""Extensions of a quota, and what is owed, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyward.customers.billing import Billing
from keyward.values import DAY, HOUR
from tests.customers.plan_cases import (
    ACME,
    ASKED,
    BOTH,
    BY_SUCCESSOR,
    DEAD,
    HEIR,
    ISSUED,
    LEAK,
    LEAVING,
    MORE,
    NEW,
    NOW,
    Case,
    case,
    key,
    steps,
)

CASES: dict[str, tuple[Case, list[str]]] = {
    "owed, in no plan": (
        case(
            replace(ACME, plans=("maps",), billing=Billing((NOW - 8 * DAY,))),
            replace(ISSUED, plans=()),
        ),
        ["attach_key 1 free"],
    ),
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
    "extension from before the key": (
        case(replace(ACME, plans=("maps",), extensions=(replace(MORE, requested_at=NOW - HOUR),))),
        ["create_key 1", "attach_key 1 maps"],
    ),
    "extension of a dead key": (
        case(
            replace(ACME, plans=("maps",), extensions=(MORE,)),
            key(1, "maps"),
            replace(DEAD, number=2, plans=("maps",)),
        ),
        ["extend_quota 1 maps extensions=[500]", "delete_key 2 retired=True"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_plan_is_these_actions_in_this_order(name: str) -> None:
    (customer, keys, more), expected = CASES[name]
    assert steps(customer, *keys, **more) == expected
