"""The house keeps the figures that it was brought to: issue 7, DECISIONS.md."""

from __future__ import annotations

import pytest

from tests import tree
from tests.rules.test_layout import modules, room

# The doors may open into every room.
DOORS = {"__init__", "__main__", "key", "why"}

PRODUCT = (
    "functions/*.py",
    "layers/keyward/**/*.py",
    "statemachines/*.asl.yaml",
    "template.yaml",
)


def lines(*patterns: str) -> int:
    paths = [path for pattern in patterns for path in tree.ROOT.glob(pattern)]
    return sum(len(path.read_text("utf-8").splitlines()) for path in paths)


def arrows() -> set[tuple[str, str]]:
    """Which room imports which: `customers` imports `policy`."""
    return {
        (own, room(imported))
        for name, path in modules().items()
        for own in [name.split("/")[0].removesuffix(".py")]
        for imported in tree.imports(path)
        if imported.startswith("keyward.") and not {own, room(imported)} & {*DOORS, ""}
        if room(imported) != own
    }


@pytest.mark.parametrize(
    ("what", "found", "most"),
    [
        ("functions", len(tree.function_files()), 35),
        ("entries in the root of the package", len({n.split("/")[0] for n in modules()}), 17),
        ("arrows between rooms", len(arrows()), 60),
        ("lines of state machines", lines("statemachines/*.asl.yaml"), 1100),
        ("lines of the template", lines("template.yaml"), 2000),
        ("lines of the product", lines(*PRODUCT), 39_700),
        ("lines of the README", lines("README.md"), 95),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_figure_is_kept(what: str, found: int, most: int) -> None:
    assert found <= most, what
