"""Which stages a plan of the policy covers."""

from __future__ import annotations

import pytest

from keyward.policy.coverage import coverage, covers, is_within
from keyward.values import JSON

EVERYWHERE = {"apis": ["*"], "stages": ["*"]}


def test_a_plan_covers_by_api_and_stage() -> None:
    plan = {"apis": ["shop"], "stages": ["prod"]}
    assert covers(plan, "shop", "x", "prod")
    assert covers(plan, "x", "shop", "prod")
    assert not covers(plan, "x", "y", "prod")
    assert not covers(plan, "x", "shop", "dev")
    assert covers({}, "x", "y", "z")
    assert coverage(plan) == plan
    assert coverage({}) == EVERYWHERE


@pytest.mark.parametrize(
    ("after", "is_less"),
    [({}, False), ({"apis": ["x"]}, False), ({"stages": ["x"]}, False), ({"apis": ["sh*"]}, True)],
)
def test_a_coverage_is_within_another(after: JSON, is_less: bool) -> None:
    before = {"apis": ["s*"], "stages": ["prod"]}
    assert is_within(before | after if after else EVERYWHERE, before) is is_less
