"""Keys too many and too few, and customers that are not active, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyward.customers.key import CREATING, End, Journal
from keyward.customers.key import Succession as Place
from keyward.values import HOUR
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
    NEW,
    NOW,
    OFF,
    OVER,
    TWO,
    Case,
    case,
    key,
    steps,
)

PLAIN = replace(ASKED, leaked_at=NOW - 3600)
MORE = replace(ACME, keys=3)
SPARE = key(
    2,
    enabled=False,
    reason="fewer keys",
    end=End(replaced_by=0, retire_at=NOW - HOUR, delete_at=NOW + 1),
)
CASES: dict[str, tuple[Case, list[str]]] = {
    "spare": (case(ACME, ISSUED, SPARE), []),
    "spare, more wanted": (case(TWO, ISSUED, SPARE), ["restore_key 2", "enable_key 2"]),
    "two spare, the first comes back": (
        case(TWO, replace(SPARE, number=3), SPARE, ISSUED),
        ["restore_key 2", "enable_key 2"],
    ),
    "spare, and one more wanted": (
        case(MORE, ISSUED, SPARE, last_number=2),
        ["restore_key 2", "enable_key 2", "create_key 3", "attach_key 3 free"],
    ),
    "spare, over": (
        case(TWO, ISSUED, SPARE.with_end(delete_at=NOW), last_number=2),
        ["delete_key 2 retired=True", "create_key 3", "attach_key 3 free"],
    ),
    "spare, disabled by hand": (
        case(TWO, ISSUED, replace(SPARE, by_hand=NOW - 60), last_number=2),
        ["create_key 3", "attach_key 3 free"],
    ),
    "spare, rotated since": (
        case(
            replace(TWO, rotation=ASKED),
            key(succession=Place(rotation=NOW - 60)),
            SPARE,
            last_number=2,
        ),
        ["create_key 3 rotation=now-60", "attach_key 3 free"],
    ),
    "spare, rotated before": (
        case(
            replace(TWO, rotation=ASKED),
            key(succession=Place(rotation=NOW - 60)),
            replace(SPARE, succession=Place(rotation=NOW - 60)),
        ),
        ["restore_key 2", "enable_key 2"],
    ),
    "spare, plan unknown": (case(replace(GOLD, keys=2), ISSUED, SPARE), []),
    "spare, in a plan of before": (
        case(replace(TWO, plans=("maps",)), key(1, "maps"), SPARE),
        ["restore_key 2", "move_key 2 maps from=free", "enable_key 2"],
    ),
    "spare, and a key named": (
        case(replace(TWO, key_id="theirs"), ISSUED, SPARE, last_number=2),
        [
            "adopt_key 3 key_id=theirs plans=['free']",
            "enable_key 3",
            "attach_key 3 free",
        ],
    ),
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
        ["create_key 1 existing=True", "disable_key 1 reason=leaked it retire=True"],
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
    "none wanted, off": (
        case(replace(ACME, keys=0), OFF),
        ["disable_key 1 reason=fewer keys retire=True replaced_by=0 grace=24h"],
    ),
    "two over": (
        case(TWO, OVER, key(2), replace(OVER, number=3).with_end(replaced_by=4), key(4)),
        ["disable_key 1", "disable_key 3"],
    ),
    "one over and one too many": (
        case(ACME, OVER, key(2), key(3)),
        ["disable_key 1", "disable_key 3 reason=fewer keys retire=True replaced_by=0 grace=24h"],
    ),
    "two too many": (
        case(ACME, ISSUED, key(2), key(3)),
        [
            "disable_key 2 reason=fewer keys retire=True replaced_by=0 grace=24h",
            "disable_key 3 reason=fewer keys retire=True replaced_by=0 grace=24h",
        ],
    ),
    "orphaned heir in another plan": (
        case(replace(ACME, plans=("maps",)), HEIR),
        ["move_key 2 maps from=free", "carry_quota_over 2"],
    ),
    "suspended leaked, one made since": (
        case(
            replace(LEAKED, status="suspended", status_reason="fraud"),
            key(succession=Place(rotation=NOW)),
            key(2),
        ),
        ["disable_key 1 reason=fraud", "disable_key 2 reason=leaked it retire=True"],
    ),
    "suspended, leaked before a plain rotation": (
        case(replace(ACME, status="suspended", rotation=PLAIN), ISSUED),
        ["disable_key 1 reason=leaked retire=True"],
    ),
    "suspended leaked, off": (
        case(replace(LEAKED, status="suspended"), OFF),
        ["disable_key 1 reason=leaked it retire=True"],
    ),
    "suspended leaked, on again": (
        case(replace(LEAKED, status="suspended"), replace(DEAD, enabled=True)),
        ["disable_key 1 reason=leaked it retire=True"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_plan_is_these_actions_in_this_order(name: str) -> None:
    (customer, keys, more), expected = CASES[name]
    assert steps(customer, *keys, **more) == expected
