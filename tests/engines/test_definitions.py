"""The definitions of the state machines, by asl-validator."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.values import JSON
from tests.engines import kit
from tools.check_state_machines import definitions


def folded(value: Any) -> Any:
    """Expressions on one line: asl-validator's pattern for them knows no line break, Step Functions
    and the JSONata of AWS do (docs/live-checks.md)."""
    if isinstance(value, dict):
        return {name: folded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [folded(item) for item in value]
    return value.replace("\n", " ") if isinstance(value, str) else value


def test_asl_validator_takes_every_definition() -> None:
    kit.module("asl-validator")
    found = kit.node("validate.cjs", given=folded(definitions()))
    fine = sum(not messages for messages in found.values())
    kit.agreed("asl-validator", "definitions", fine, len(found))
    assert {name: messages for name, messages in found.items() if messages} == {}


@pytest.mark.parametrize("change", [{"Type": "Tsak"}, {"Next": 7}, {"Retry": {}}])
def test_asl_validator_refuses_what_is_wrong(change: JSON) -> None:
    kit.module("asl-validator")
    broken = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True} | change}}
    assert kit.node("validate.cjs", given={"broken": broken})["broken"]
