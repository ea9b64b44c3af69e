"""How a key gets into its plans and is switched, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyward.customers.key import CREATING, Journal, Succession
from tests.customers.plan_cases import (
    ACME,
    BOTH,
    GOLD,
    HALF,
    ISSUED,
    NEW,
    NOW,
    OFF,
    ROTATED,
    Case,
    case,
    key,
    steps,
)

CASES: dict[str, tuple[Case, list[str]]] = {
    "new": (case(ACME), ["create_key 1", "attach_key 1 free"]),
    "new, two keys in both plans": (
        case(replace(BOTH, keys=2), last_number=4),
        [
            "create_key 5 plans=['free', 'maps']",
            "attach_key 5 free",
            "attach_key 5 maps",
            "create_key 6 plans=['free', 'maps']",
            "attach_key 6 free",
            "attach_key 6 maps",
        ],
    ),
    "new, rotation": (case(ROTATED), ["create_key 1 rotation=now-60", "attach_key 1 free"]),
    "new plan half known": (case(HALF), ["create_key 1", "attach_key 1 maps"]),
    "settled": (case(ACME, ISSUED), []),
    "in the making": (
        case(BOTH, NEW),
        ["create_key 1 plans=['free', 'maps']", "attach_key 1 free", "attach_key 1 maps"],
    ),
    "in the making, plan unknown": (case(GOLD, NEW), []),
    "rotated in the making": (
        case(ROTATED, NEW),
        ["create_key 1", "attach_key 1 free rotation=now-60"],
    ),
    "one plan more": (case(BOTH, ISSUED), ["attach_key 1 maps"]),
    "one plan less": (case(ACME, key(1, "free", "maps")), ["detach_key 1 maps"]),
    "another plan": (case(replace(ACME, plans=("maps",)), ISSUED), ["move_key 1 maps from=free"]),
    "swap one of two": (case(BOTH, key(1, "aged", "free")), ["move_key 1 maps from=aged"]),
    "swap and leave": (
        case(ACME, key(1, "aged", "maps")),
        ["detach_key 1 maps", "move_key 1 free from=aged"],
    ),
    "half known": (case(HALF, ISSUED), ["attach_key 1 maps"]),
    "unknown": (case(GOLD, ISSUED), []),
    "unknown and off": (case(GOLD, OFF), ["enable_key 1"]),
    "move broken off": (
        case(ACME, ISSUED.with_journal(plan="free", leaving="maps")),
        ["move_key 1 free from=maps"],
    ),
    "joining broken off": (case(BOTH, ISSUED.with_journal(plan="maps")), ["attach_key 1 maps"]),
    "joining broken off second": (
        case(replace(ACME, plans=("aged", "maps", "free")), ISSUED.with_journal(plan="maps")),
        ["attach_key 1 maps", "attach_key 1 aged"],
    ),
    "leaving begun": (
        case(ACME, key(1, "maps").with_journal(plan="maps", leaving="aged")),
        ["detach_key 1 aged", "move_key 1 free from=maps"],
    ),
    "move broken off, unknown": (
        case(GOLD, ISSUED.with_journal(plan="maps", leaving="free")),
        ["move_key 1 maps from=free"],
    ),
    "move to unknown broken off": (
        case(GOLD, ISSUED.with_journal(plan="gold", leaving="free")),
        ["move_key 1 free from=gold"],
    ),
    "move of the first of two broken off, unknown": (
        case(GOLD, key(1, "free", "aged").with_journal(plan="maps", leaving="free")),
        ["move_key 1 maps from=free"],
    ),
    "only leaving, unknown": (
        case(GOLD, ISSUED.with_journal(leaving="free")),
        ["attach_key 1 free"],
    ),
    "awaited": (
        case(BOTH, ISSUED.with_journal(awaited=("free", "maps"))),
        ["attach_key 1 free", "attach_key 1 maps"],
    ),
    "awaited gone": (
        case(ACME, ISSUED.with_journal(awaited=("free", "maps"))),
        ["attach_key 1 free", "detach_key 1 maps"],
    ),
    "rotated, awaited gone": (
        case(ROTATED, ISSUED.with_journal(awaited=("free", "maps"))),
        ["attach_key 1 free rotation=now-60", "detach_key 1 maps rotation=now-60"],
    ),
    "importing": (
        case(ACME, key(state=CREATING, journal=Journal(NOW, plan="free", batch="b1"))),
        [],
    ),
    "importing other": (
        case(ACME, key(state=CREATING, journal=Journal(NOW, plan="maps", batch="b1"))),
        ["create_key 1", "attach_key 1 free"],
    ),
    "off": (case(ACME, OFF), ["enable_key 1"]),
    "off by hand": (case(ACME, replace(OFF, by_hand=NOW)), []),
    "off by hand doubt": (
        case(ACME, replace(OFF, by_hand=NOW).with_journal(enabled=False)),
        ["enable_key 1"],
    ),
    "on in doubt": (case(ACME, ISSUED.with_journal(enabled=True)), ["enable_key 1"]),
    "rotated, in no plan": (
        case(ROTATED, replace(ISSUED, plans=())),
        ["attach_key 1 free rotation=now-60"],
    ),
    "rotated, in a plan in doubt": (
        case(ROTATED, replace(ISSUED, plans=()).with_journal(plan="maps")),
        ["move_key 1 free from=maps rotation=now-60"],
    ),
    "another plan after a rotation": (
        case(replace(ROTATED, plans=("maps",)), key(succession=Succession(rotation=NOW - 60))),
        ["move_key 1 maps from=free"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_plan_is_these_actions_in_this_order(name: str) -> None:
    (customer, keys, more), expected = CASES[name]
    assert steps(customer, *keys, **more) == expected
