"""What runs share is written once: one module computes turns."""

from __future__ import annotations

from pathlib import Path

from tests import tree

PRODUCT = [*sorted(tree.PACKAGE.rglob("*.py")), *sorted(tree.FUNCTIONS.glob("*.py"))]


def users(*words: str) -> set[str]:
    """The product's files that have one of these words in their code."""
    return {_name(path) for path in PRODUCT if any(w in path.read_text("utf-8") for w in words)}


def _name(path: Path) -> str:
    return path.relative_to(path.parents[1]).as_posix()


def test_one_module_stores_turns_and_one_computes_them() -> None:
    assert users("next_at") == {"tables/turns.py"}
    assert users("turns.take(", "turns.postpone(", "turns.free_at(") == {"runs/turn.py"}
