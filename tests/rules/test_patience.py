"""No test depends on how fast the machine is, or on what may vanish while the test looks."""

from __future__ import annotations

import ast
import re
from functools import cache

from tests import tree

PROCESSES = tree.ROOT / "tests" / "processes.py"
FILES = sorted(
    path
    for folder in ("tests", "emulator/tests")
    for path in (tree.ROOT / folder).rglob("*.py")
    if "fixtures" not in path.parts
)
TIME_OUTS = {"timeout", "connect_timeout", "read_timeout"}
# Functions of the tests that wait for something.
WAITS = ("until", "eventually", "settle")
# A slow machine with a busy neighbour does in this time what takes a second elsewhere.
PATIENCE_SECONDS = 60
CLOCKS = ("time.monotonic", "time.perf_counter", "time.time")


@cache
def nodes() -> list[tuple[str, ast.AST]]:
    """What of all tests is looked at here, with where it is."""
    found: list[tuple[str, ast.AST]] = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.keyword | ast.Assert | ast.Dict | ast.Call):
                found.append((f"{tree.name(path)}:{node.lineno}", node))
    return found


def test_one_module_reads_the_processes_of_the_machine() -> None:
    readers = [path for path in FILES if "/proc/{" in path.read_text("utf-8")]
    assert [path for path in readers if path.name != "test_patience.py"] == [PROCESSES]


def test_no_test_gives_up_before_a_slow_machine_is_done() -> None:
    impatient = [
        f"{where}: {node.arg}={node.value.value}"
        for where, node in nodes()
        if isinstance(node, ast.keyword)
        and node.arg in TIME_OUTS
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, int | float)
        and node.value.value < PATIENCE_SECONDS
    ]
    assert impatient == []


def test_no_test_waits_for_less_than_a_slow_machine_takes() -> None:
    impatient = [where for where, node in nodes() if waits(node) < PATIENCE_SECONDS]
    assert impatient == []


def waits(node: ast.AST) -> float:
    """For how many seconds a call waits at most, as far as it says so in numbers."""
    if isinstance(node, ast.Dict) and len(node.keys) == 2:
        pace = re.fullmatch(r"\{'Delay': ([\d.]+), 'MaxAttempts': (\d+)\}", ast.unparse(node))
        return float(pace[1]) * int(pace[2]) if pace else PATIENCE_SECONDS
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        values = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
        numbers = [value for value in values if isinstance(value, int | float)]
        return min(numbers, default=PATIENCE_SECONDS) if name in WAITS else PATIENCE_SECONDS
    return PATIENCE_SECONDS


def test_no_test_holds_the_product_to_the_clock_of_the_machine() -> None:
    judged = [
        where
        for where, node in nodes()
        if isinstance(node, ast.Assert)
        for inner in ast.walk(node.test)
        if isinstance(inner, ast.BinOp)
        and isinstance(inner.op, ast.Sub)
        and any(f"{clock}()" in ast.unparse(inner) for clock in CLOCKS)
    ]
    assert judged == []
