"""The state machines of ours, run step by step in this process: local/lifetime/machine.py."""

from __future__ import annotations

from local.lifetime.machine import Execution, Level, Machine, StateFailed, definition, names, plain

__all__ = ["Execution", "Level", "Machine", "StateFailed", "definition", "names", "plain"]
