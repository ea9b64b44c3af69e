"""Write the section of a look on what each mode would do."""

from __future__ import annotations

from collections.abc import Sequence

from keyward.audit.modes import STACK_COSTS, ModeEffect
from keyward.report.html.markup import Node, tag
from keyward.report.html.parts import code, row, table

COLUMNS = ("Mode", "#Calls", "#Time", "#Dollars", "What it would do")


def modes(effects: Sequence[ModeEffect]) -> Node:
    """The section: once, with all APIs."""
    cells = [effect.cells() for effect in effects]
    rows = [row(COLUMNS, code(mode), *rest) for mode, *rest in cells]
    lead = tag("p", f"Once, with all APIs. {STACK_COSTS}.", class_="lead")
    return [lead, table("calls, time and dollars by mode", COLUMNS, [rows])]
