"""What runs share is written once: one outbox, one computer of turns."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path

from tests import tree

PRODUCT = [*sorted(tree.PACKAGE.rglob("*.py")), *sorted(tree.FUNCTIONS.glob("*.py"))]


def users(*words: str) -> set[str]:
    """The product's files that have one of these words in their code."""
    return {_name(path) for path in PRODUCT if any(w in path.read_text("utf-8") for w in words)}


def _name(path: Path) -> str:
    return path.relative_to(path.parents[1]).as_posix()


def test_one_module_stores_turns_and_one_computes_them() -> None:
    assert users("turn#") == {"tables/call_schedule.py"}
    assert users("CallSchedule(", "keep_turn(") == {
        "tables/call_schedule.py",
        "tables/__init__.py",
        "runs/turns.py",
    }


def test_one_module_writes_outboxes_and_one_announces() -> None:
    assert users("outbox#") == {"tables/outbox.py"}
    assert users("bus.announce(") == {"runs/outbox.py"}


def test_what_is_announced_once_is_marked_by_one_module() -> None:
    assert users("marks.claim(", "marks.mark_done(") == {"runs/outbox.py"}
    assert users("FOR_GOOD") == {"tables/marks.py"}


def test_no_number_stands_before_a_plural_of_its_own() -> None:
    """`counted` of values.py says `1 key` and `2 keys`."""
    noun = re.compile(r" (?:[a-z]+ ){0,2}(?!(?:is|was|has|less|times)\b)[A-Za-z]{2,}s\b")
    found = [
        f"{_name(path)}: {ast.unparse(node)}"
        for path in PRODUCT
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.JoinedStr)
        for number, words in pairwise(node.values)
        if isinstance(number, ast.FormattedValue) and isinstance(words, ast.Constant)
        if _counts(number) and noun.match(str(words.value))
    ]
    assert found == []


def _counts(value: ast.FormattedValue) -> bool:
    told = ast.unparse(value.format_spec) if value.format_spec else ""
    return "," in told or ast.unparse(value.value).startswith("len(")


def test_one_module_says_what_json_is() -> None:
    assert {path.name for path in PRODUCT if re.search(r"^JSON\b.*=", path.read_text(), re.M)} == {
        "values.py"
    }


def test_one_module_hears_the_signals_that_end_a_process() -> None:
    # A handler that sets an Event can be missed by the wait for it (emulator/ending.py).
    hearing = {
        tree.name(path)
        for path in tree.files("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "signal.signal"
    }
    assert hearing == {"emulator/ending.py"}
