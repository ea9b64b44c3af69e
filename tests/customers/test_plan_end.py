"""How a replaced key ends, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyward.customers.billing import Billing, Subscription
from keyward.customers.key import CREATING, DELETING
from keyward.customers.key import Succession as Place
from keyward.errors import StillSuspendedError
from keyward.values import DAY
from tests.customers.plan_cases import (
    ACME,
    ASKED,
    DEAD,
    GOLD,
    GONE,
    HEIR,
    ISSUED,
    LEAKED,
    LEAVING,
    NOW,
    OLD,
    OVER,
    Case,
    case,
    key,
    plan,
    steps,
)

CASES: dict[str, tuple[Case, list[str]]] = {
    "retiring": (case(ACME, LEAVING, key(2)), ["announce_expiry 1 days=1 expires_at=now+86400"]),
    "retiring, moved": (
        case(replace(ACME, plans=("maps",)), LEAVING, key(2)),
        [
            "move_key 1 maps from=free",
            "announce_expiry 1 days=1 expires_at=now+86400",
            "move_key 2 maps from=free",
        ],
    ),
    "retiring, keeps plan": (
        case(replace(ACME, plans=("maps",)), LEAVING.with_end(keeps_plan=True), key(2, "maps")),
        ["announce_expiry 1 days=1 expires_at=now+86400"],
    ),
    "retiring off": (
        case(ACME, replace(LEAVING, enabled=False), key(2)),
        ["enable_key 1", "announce_expiry 1 days=1 expires_at=now+86400"],
    ),
    "retiring in creation": (case(ACME, replace(LEAVING, state=CREATING), key(2)), []),
    "retiring notice": (
        case(ACME, LEAVING, key(2)),
        ["announce_expiry 1 days=1 expires_at=now+86400"],
    ),
    "over": (case(ACME, OVER, key(2)), ["disable_key 1"]),
    "over and off": (case(ACME, replace(OVER, enabled=False), key(2)), []),
    "gone": (case(ACME, GONE, key(2)), ["delete_key 1 retired=True"]),
    "gone leaked without successor": (
        case(LEAKED, DEAD.with_end(delete_at=NOW)),
        [
            "create_key 2 reason=leaked rotation=now-60 replaces=1 overlap=0h grace=0h",
            "attach_key 2 free",
            "carry_quota_over 2 replaces=1 rotation=now-60",
            "delete_key 1 retired=True",
        ],
    ),
    "deleting": (case(ACME, key(state=DELETING), key(2)), ["delete_key 1"]),
    "undone": (
        case(
            replace(ACME, rotation=replace(ASKED, undone=True)),
            LEAVING,
            key(2, succession=Place(rotation=NOW - 60)),
        ),
        ["restore_key 1 replaces=2 overlap=48h grace=24h", "carry_quota_over 1 replaces=2"],
    ),
    "undone heir": (
        case(replace(ACME, rotation=replace(ASKED, undone=True)), ISSUED, HEIR),
        ["delete_key 2 reason=undone"],
    ),
    "early end": (
        case(
            replace(ACME, rotation=replace(ASKED, requested_at=NOW - 30)),
            replace(LEAVING, reason="undone"),
            key(2),
        ),
        [
            "delete_key 1 retired=True",
            "create_key 3 reason=cleaning rotation=now-30 replaces=2 overlap=48h grace=24h",
            "attach_key 3 free",
            "carry_quota_over 3 replaces=2 rotation=now-30",
        ],
    ),
    "retiring, keeps plan, moving": (
        case(
            replace(ACME, plans=("maps",)),
            LEAVING.with_end(keeps_plan=True).with_journal(plan="maps"),
            key(2, "maps"),
        ),
        ["move_key 1 maps from=free", "announce_expiry 1 days=1 expires_at=now+86400"],
    ),
    "early end, plan unknown": (
        case(
            replace(GOLD, rotation=replace(ASKED, requested_at=NOW - 30)),
            replace(LEAVING, reason="undone"),
            key(2),
        ),
        ["announce_expiry 1 days=1 expires_at=now+86400"],
    ),
    "expired, off by hand": (
        case(
            replace(ACME, plans=("aged",)),
            replace(OLD, created_at=NOW - 92 * DAY, enabled=False, by_hand=NOW),
        ),
        [],
    ),
    "undone, leaked before": (
        case(replace(ACME, rotation=replace(ASKED, undone=True, leaked_at=NOW - 120)), ISSUED),
        [
            "disable_key 1 reason=leaked retire=True",
            "create_key 2 reason=leaked rotation=now-120 replaces=1 overlap=0h grace=0h",
            "attach_key 2 free",
            "carry_quota_over 2 replaces=1 rotation=now-120",
            "delete_key 1 retired=True",
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_plan_is_these_actions_in_this_order(name: str) -> None:
    (customer, keys, more), expected = CASES[name]
    assert steps(customer, *keys, **more) == expected


@pytest.mark.parametrize(("said", "is_answered"), [(-DAY, False), (0, False), (1, True)])
def test_a_word_for_keys_after_a_subscription_closed_the_customer_is_answered(
    said: int, is_answered: bool
) -> None:
    ended = Billing(subscriptions={"s": Subscription("ended", NOW - DAY)})
    customer = replace(ACME, billing=ended, status_at=NOW - DAY + said)
    found = plan(customer, ())
    assert found.actions == ()
    assert isinstance(found.problem, StillSuspendedError) is is_answered
