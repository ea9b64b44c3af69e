"""Starts a state machine of ours in one process, by its real definition."""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

from keyward.values import JSON, iso
from local import template
from local.lifetime.states import Clock, Execution, Level, StateFailed, Steps

ROOT = Path(__file__).resolve().parents[2]
EXECUTIONS = "arn:aws:states:us-east-1:123456789012:execution:keyward"


def execution_of(machine: str, given: Any, name: str, now: float) -> Execution:
    """An execution that begins now."""
    arn = f"{EXECUTIONS}-{machine.replace('_', '-')}:{name}"
    return Execution(arn, machine, given, started=now)


def start(
    execution: Execution,
    clock: Clock,
    values: JSON | None = None,
    chance: random.Random | None = None,
) -> Steps:
    """The steps of an execution. `values` are the definition's substitutions; without `chance` a
    retry waits as long as it may."""
    about = {"Id": execution.arn, "Input": execution.input, "Name": execution.name}
    about["StartTime"] = iso(clock.now())
    level = Level(execution, clock, {"Execution": about}, {}, values or {}, chance)
    return level.run(definition(execution.machine), execution.input)


def failed(error: Exception) -> StateFailed:
    """The failure of a task whose function raised."""
    if isinstance(error, StateFailed):
        return error
    name = type(error).__name__
    return StateFailed(name, json.dumps({"errorMessage": str(error), "errorType": name}))


@cache
def definition(name: str) -> JSON:
    """A definition of statemachines/, by its file's name without endings."""
    return template.load(ROOT / "statemachines" / f"{name}.asl.yaml")
