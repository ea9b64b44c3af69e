"""What `dlq list` prints for each malformed event: the command that leads to a good one."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from keyward.cli.dead_letters import GONE, DeadLetter
from keyward.cli.dlq import remedy
from keyward.events.incoming import EVENTS_IN, members
from keyward.values import JSON
from tests import tree

SAMPLES = [json.loads(path.read_text("utf-8")) for path in tree.ROOT.glob("events/in/*.json")]
GOOD: dict[str, JSON] = {
    one["detail-type"]: one["detail"] for one in SAMPLES if one.get("detail-type") in EVENTS_IN
}
# What the samples do not have.
SPARE: JSON = {"plan": "free", "plans": ["free"], "keys": 2, "tags": {}, "leaked": True}
SPARE |= {"key_id": "a1b2c3d4e5", "overlap_hours": 1, "what": "rotation", "by": 1, "limit": 1}
TIMES = ("occurred_at", "expires_at", "ends_at")
READY = ["keyward", "dlq", "resend", "--id", "i"]


def malformed(detail_type: str) -> list[Any]:
    """Details with one thing wrong each, where the event has such members."""
    good = GOOD[detail_type]
    wrong = [good | {name: [{}]} for name in members(detail_type)]
    missing = [{n: value for n, value in good.items() if n != name} for name in good]
    both = good | {name: SPARE[name] for name in EVENTS_IN[detail_type].alternatives}
    return [*wrong, *missing, both, good | {"colour": 1}, "a text", None]


def test_each_event_in_has_a_sample() -> None:
    assert GOOD.keys() == EVENTS_IN.keys()


@pytest.mark.parametrize("detail_type", sorted(GOOD))
def test_the_commands_for_a_malformed_event_lead_to_a_good_one(detail_type: str) -> None:
    right = SPARE | dict.fromkeys(TIMES, "2026-01-01") | GOOD[detail_type]
    for detail in malformed(detail_type):
        text = json.dumps({"detail-type": detail_type, "detail": detail})
        letter = DeadLetter("CustomersDlq", "i", "r", text, "", 0)
        for _ in range(len(members(detail_type)) + 2):
            words = shlex.split(remedy(letter, "keyward"))
            if words == READY:
                break
            assert words[:5] == READY
            option, change = words[5:]
            name = change.removesuffix("=VALUE")
            letter = letter.mended({name: GONE if option == "--unset" else right.get(name, "x")})
        assert words == READY, detail
