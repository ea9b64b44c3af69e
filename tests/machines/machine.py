"""The state machines of ours, run step by step in this process: local/lifetime/machine.py."""

from __future__ import annotations

from keyward.values import JSON
from local.lifetime.machine import Machine
from local.lifetime.states import Execution

__all__ = ["Execution", "Machine", "refusal"]


def refusal(run: Execution) -> JSON:
    """Why a person's run was refused; it is no failure."""
    assert run.status == "SUCCEEDED"
    assert list(run.output) == ["refused"]
    return dict(run.output["refused"])
