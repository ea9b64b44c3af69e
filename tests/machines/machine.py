"""The state machines of ours, run step by step in this process: local/lifetime/machine.py."""

from __future__ import annotations

from local.lifetime.machine import Machine
from local.lifetime.states import Execution

__all__ = ["Execution", "Machine"]
