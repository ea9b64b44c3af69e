"""The parts of the bench that follow a specification of AWS: patterns, transformers, schedules."""

from __future__ import annotations

import json

import pytest

from keyward.values import JSON
from local.lifetime.rules import delivered, matches
from local.lifetime.schedules import following

DAY = 86_400

RULES = [
    ({"detail-type": ["A"]}, True),
    ({"detail-type": [{"anything-but": ["A", "B"]}]}, False),
    ({"source": [{"prefix": "sh"}]}, True),
    ({"source": [{"suffix": "op"}]}, True),
    ({"source": [{"equals-ignore-case": "SHOP"}]}, True),
    ({"source": [{"wildcard": "s*p"}]}, True),
    ({"source": [{"anything-but": {"prefix": "sh"}}]}, False),
    ({"detail": {"plan": [{"exists": False}]}}, False),
    ({"detail": {"none": [{"exists": False}]}}, True),
    ({"detail": {"tags": ["two"]}}, True),
    ({"detail": {"none": {"deeper": [{"exists": True}]}}}, False),
    ({"$or": [{"source": ["x"]}, {"detail": {"plan": ["free"]}}]}, True),
]
EVENT: JSON = {
    "source": "shop",
    "detail-type": "A",
    "detail": {"plan": "free", "tags": ["one", "two"]},
}


@pytest.mark.parametrize(("pattern", "taken"), RULES)
def test_a_rule_takes_what_its_pattern_says(pattern: JSON, taken: bool) -> None:
    assert matches(pattern, EVENT) is taken


def test_a_target_gets_what_its_transformer_makes_of_the_event() -> None:
    made = delivered(
        {
            "InputTransformer": {
                "InputPathsMap": {
                    "plan": "$.detail.plan",
                    "tags": "$.detail.tags",
                    "gone": "$.detail.gone",
                },
                "InputTemplate": '{"plan": "<plan>", "tags": "<tags>", "gone": "<gone>"}',
            }
        },
        EVENT,
    )
    assert json.loads(made) == {"plan": "free", "tags": "[one, two]", "gone": ""}


def test_schedules_come_at_their_times() -> None:
    now = 1_767_225_600.0  # midnight
    assert following("rate(1 minute)", now) == now + 60
    assert following("cron(17 3 * * ? *)", now) == now + 3 * 3600 + 17 * 60
    assert following("cron(0 0 * * ? *)", now) == now + DAY
    with pytest.raises(ValueError, match="daily"):
        following("cron(0 0 ? * MON *)", now)
